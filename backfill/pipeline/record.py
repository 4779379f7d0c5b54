"""What a run tells its history: that it began, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from backfill import history
from backfill.checkpoint import Checkpoint, peek, peek_work
from backfill.errors import BackfillError, unforeseen
from backfill.history import Entry
from backfill.ledger import Counts
from backfill.logbook import Sitting, Work
from backfill.remarks import Says
from backfill.resumption import State

#: What became of the rows, by stream.
Sums = Mapping[str, Counts]


class Record:
    """Writes the history of the run that holds a checkpoint.

    is_cut: whether --limit leaves rows unread. says: hears once where the history cannot be
    written, which stops nothing.
    """

    def __init__(self, checkpoint: Checkpoint, says: Says, *, is_cut: bool) -> None:
        self._checkpoint, self._says, self._is_cut = checkpoint, says, is_cut
        self._has_failed = False

    def began(self, run_id: str, counts: Sums) -> None:
        """The run begins, or goes on; the checkpoint says so already."""
        if (kept := self._checkpoint.kept) is not None:
            self._keep(lambda: _killed(kept))
        self._keep(lambda: self._made(run_id, "running", counts))

    def is_replaced(self) -> None:
        """The run that stands in the checkpoint will be put an end to by another one."""
        self._keep(lambda: _killed(self._checkpoint.path))

    def ended(
        self, run_id: str, state: State, counts: Sums, held: int, error: BackfillError | None
    ) -> None:
        """The run came to this; error: what stopped it."""
        reason = error.what if error else None
        self._keep(lambda: replace(self._made(run_id, state, counts), held=held, reason=reason))

    def found_nothing_new(self, run_id: str) -> None:
        """All there is was done before, by the run of this id."""
        now_s = time.time()
        start = Work(sittings=(Sitting(now_s, now_s),))
        self._keep(lambda: replace(history.made(run_id, "completed", {}, start), nothing_new=True))

    def _made(self, run_id: str, state: State, counts: Sums) -> Entry:
        entry = history.made(run_id, state, counts, self._checkpoint.work())
        return replace(entry, is_cut=self._is_cut)

    def _keep(self, made: Callable[[], Entry | None]) -> None:
        try:
            if entry := made():
                history.append(self._checkpoint.path, entry)
        except OSError as error:
            self._fail(error.strerror or type(error).__name__)
        except BackfillError as error:
            self._fail(error.what)
        except Exception as error:  # of any kind: what tells of a run must not end it
            self._fail(unforeseen(error).what)

    def _fail(self, why: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            path = history.beside(self._checkpoint.path)
            self._says(f"no history of this run: {why} ({path})", "no_history", "warning")


def never_began(checkpoint: Path, began_s: float, error: BackfillError) -> None:
    """Write down that a run of the job was stopped before it began, if it has a checkpoint."""
    start = Work(sittings=(Sitting(began_s, time.time()),))
    entry = replace(history.made("", "stopped", {}, start), reason=error.what)
    with suppress(OSError, BackfillError):  # what is raised already is worse
        if checkpoint.exists():
            history.append(checkpoint, entry)


def _killed(checkpoint: Path) -> Entry | None:
    """The last word on a killed run that will not go on; None: it has said its own."""
    saved = peek(checkpoint)
    if saved is None or saved.state != "running":
        return None
    return history.made(saved.run_id, "killed", saved.counts, peek_work(checkpoint))
