"""What a run is held against before anything of it is sent, and what it then begins with."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

from backfill.config import Job
from backfill.ledger import Counts, Ledger
from backfill.pipeline import guard
from backfill.pipeline.comparing import Scope
from backfill.pipeline.destination import Patience, Place, confirmed
from backfill.pipeline.expecting import Expectations
from backfill.pipeline.options import Options, Preparation
from backfill.pipeline.sources import OpenStream
from backfill.pipeline.stop import Stop
from backfill.pipeline.watching import Terms, Watcher
from backfill.remarks import Level
from backfill.resumption import Saved, Start


class Clearing:
    """Says what is to be sent, where nothing speaks against it; the rest once it has."""

    def __init__(
        self, job: Job, place: Place, terms: Terms, options: Options, watcher: Watcher, stop: Stop
    ) -> None:
        self._job, self._place, self._terms, self._options = job, place, terms, options
        self._watcher, self._stop = watcher, stop
        self._expected: Expectations
        self._preparing: Preparation
        self._warnings: list[str] = []

    async def cleared(
        self,
        base: tuple[OpenStream, ...],
        start: Start,
        resumed: Saved | None,
        ledger: Ledger,
        held: ExitStack,
    ) -> tuple[OpenStream, ...]:
        """The streams as they are to be sent.

        base: those of the job. start: what the run makes of what it finds; resumed: the run that
        goes on, None: a new one. held: until when what is known belongs to this process.
        Raises BackfillError for whatever speaks against it.
        """
        job, options = self._job, self._options
        scope = Scope(options.full, options.limit)
        self._expected = Expectations(job, base)
        self._preparing = options.prepares(job, base, scope, self._says, self._stop)
        await self._expected.hold(start, self._stop)
        streams = await self._preparing.prepared(self._place.identity, resumed, held)
        if not self._terms.is_rehearsal:
            now_s, limit = self._terms.now_s, self._terms.limit
            await self._stop.through(guard.check_ages(streams, ledger, now_s, limit))
        if job.destination.region != "auto":
            patience = Patience(job.destination.give_up_after, self._watcher.says)
            await self._stop.unless_asked(confirmed(job, self._place, patience))
        return streams

    def begin(self, run_id: str, *, is_resumed: bool) -> None:
        """The run begins, or goes on."""
        self._preparing.begin(run_id, is_resumed=is_resumed)

    def end(self) -> None:
        """The run is done with its sources."""
        self._preparing.end()

    @property
    def dropped(self) -> Mapping[str, Counts]:
        """Streams that an unfinished run began with and that do not go on, and what was done."""
        return self._preparing.dropped

    @property
    def observed(self) -> str:
        """What the sources look like, for the nights to come."""
        return self._expected.to_learn()

    def tell(self, ledger: Ledger) -> None:
        """Say what else is to be known of the sources; what was warned of is in the report, too."""
        for said in self._expected.remarks():
            self._watcher.says(*said)
            ledger.remark(said.text)
        for text in self._warnings:
            ledger.remark(text)

    def _says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        self._watcher.says(text, event, level)
        if level == "warning":
            self._warnings.append(text)
