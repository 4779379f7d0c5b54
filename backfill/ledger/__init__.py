"""What is done, in memory: the rows of each file, and what became of the rows of each stream.

Facts: batches are acknowledged in any order, and a process may die between any two of them.
Rules: a row is done once it is delivered, rejected or filtered, and is so once only; a row that
is not done is never taken for done. Nothing grows with the rows that are done: a file holds its
frontier, one byte for each row from the oldest not done to the newest done (two while it grows),
and the starts of the blocks in between; a commit takes one bit for each of these rows.
"""

from backfill.ledger.book import Ledger
from backfill.ledger.carrying import carried, packed, unpacked
from backfill.ledger.cursor import Cursor
from backfill.ledger.outcome import rejected_by_api
from backfill.ledger.rows import RowsDone
from backfill.ledger.state import Carried, Changes, Counts, FileState, Request
from backfill.ledger.taken import Taken

__all__ = [
    "Carried",
    "Changes",
    "Counts",
    "Cursor",
    "FileState",
    "Ledger",
    "Request",
    "RowsDone",
    "Taken",
    "carried",
    "packed",
    "rejected_by_api",
    "unpacked",
]
