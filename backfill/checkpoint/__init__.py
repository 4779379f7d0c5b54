"""The ledger's file: one SQLite database that a run can be taken up from after any kill.

Rules: one process writes it, held by a lock the system releases when that process dies; what one
commit makes durable belongs together and becomes visible together; nothing is ever deleted that
another run could need. It holds labels and counts, never a value of a row and never a secret.
"""

from backfill.checkpoint.file import (
    Checkpoint,
    began_s,
    new_run_id,
    peek,
    peek_history,
    peek_log,
    peek_reason,
    peek_sittings,
    peek_work,
)
from backfill.checkpoint.lock import holder, in_use, locked

__all__ = [
    "Checkpoint",
    "began_s",
    "holder",
    "in_use",
    "locked",
    "new_run_id",
    "peek",
    "peek_history",
    "peek_log",
    "peek_reason",
    "peek_sittings",
    "peek_work",
]
