"""The rows that were refused, as files of the source's own format, to mend and feed in again.

Each stream has one, with the source's columns and `_file`, `_row`, `_rule`, `_reason`; a source
column of one of these names gives way to ours. Values are never altered: mind that spreadsheets
run cells that begin with "=".

CSV:     <stream>.csv (.tsv for .tsv), the source's delimiter, quote and encoding, header once. A
         broken row keeps its cells, too many or too few as they are, and ours behind them: it is
         refused again until it is mended. A row that was refused before keeps its first place.
         A file that brings new columns starts <stream>+2.csv with all columns so far, and so on.
JSONL:   <stream>.jsonl; a line that could not be read stands under `_raw`, bytes that are no text
         in it as \\xNN.
Parquet: <stream>.spool, from which `close` makes <stream>.parquet (and +2 for other columns); the
         spool stays for a resumed run to go on with.
No file is made as long as nothing was refused; what stood there is kept as `NAME.earlier`.
"""

from backfill.rejects.file import RejectsFile
from backfill.rejects.rows import places
from backfill.rejects.standing import earlier, refused

__all__ = ["RejectsFile", "earlier", "places", "refused"]
