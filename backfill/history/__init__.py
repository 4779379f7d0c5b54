"""The runs of a job, one line each, in a file beside its checkpoint that outlives them all.

Rules: it is appended to and nothing else; the last line of a run is what counts, so a run is told
when it begins and again when it ends; a line that was torn by a kill is passed over. It holds names
of streams, counts and the reason of a stop, never a value of a row and never a secret. Nothing goes
by it: without it every run does the same.
"""

from backfill.history.entries import Entry, as_of, made
from backfill.history.file import append, beside, read
from backfill.history.odd import Judged, Nights, looked_at
from backfill.history.telling import as_json, lines

__all__ = [
    "Entry",
    "Judged",
    "Nights",
    "append",
    "as_json",
    "as_of",
    "beside",
    "lines",
    "looked_at",
    "made",
    "read",
]
