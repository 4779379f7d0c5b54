"""Whose turn it is: one run of a job, or of a part of it, at a time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from backfill.checkpoint import holder, in_use
from backfill.config import Job, parts
from backfill.errors import InUse
from backfill.remarks import Says

#: Seconds between two looks at a lock: a look costs 20 microseconds, and nobody plans by less.
LOOK_EVERY_S = 0.5


class Turn:
    """Waits for others to end; who is waited for is said once.

    until_s: how long, on the clock of `time.monotonic`; not at all once that is past.
    """

    def __init__(self, until_s: float, says: Says) -> None:
        self._until_s, self._says = until_s, says
        self._told: set[str] = set()

    async def come(self, job: Job) -> None:
        """Return when no other run of the job is alive, nor one of a part of it, or of the whole.

        Raises InUse, naming it, where one still is when the time is over.
        """
        while (other := _other(job)) is not None:
            await self.after(other)

    async def after(self, other: InUse) -> None:
        """Let some time pass since another was in the way; raises `other` where none is left."""
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise other
        said = f"waiting: {other.what} ({other.where})"
        if said not in self._told:
            self._told.add(said)
            self._says(said, "waiting")
        await asyncio.sleep(min(LOOK_EVERY_S, left_s))


def _other(job: Job) -> InUse | None:
    """Who is in the way; each run keeps the pace for itself, and two together would pass it."""
    if (by := holder(job.checkpoint)) is not None:
        return in_use(job.checkpoint, by)
    whole = job.part_of
    others = [("the whole job", whole.checkpoint)] if whole else []
    with suppress(OSError):  # of a folder that may not be listed nobody can tell
        others += [("a part of the job", path) for path in parts(whole or job)]
    for what, path in others:
        by = None if path == job.checkpoint else holder(path)
        if by is not None:
            fix = "wait for it to end, as --wait does: both together would pass the pace"
            return InUse(f"a run of {what} is alive: {by}", str(path), fix)
    return None
