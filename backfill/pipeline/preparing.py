"""The streams of a run as they are to be sent: compared, and those of who vanished at their end."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from backfill.changes import Detection, Memory, gone
from backfill.checkpoint import peek
from backfill.config import Job
from backfill.errors import BackfillError
from backfill.ledger import Counts
from backfill.pipeline import comparing, departing
from backfill.pipeline.comparing import Scope
from backfill.pipeline.sources import OpenStream
from backfill.pipeline.stop import Stop
from backfill.remarks import Remark, Says
from backfill.resumption import Saved


class Preparing:
    """Compares the streams of a job with what is known, and begins to remember.

    dropped:  streams of who vanished that a run began with and that are not to go on, and what
              was done of them.
    """

    def __init__(
        self, job: Job, streams: tuple[OpenStream, ...], scope: Scope, says: Says, stop: Stop
    ) -> None:
        self._job, self._streams, self._scope = job, streams, scope
        self._says, self._stop = says, stop
        self._memories: dict[str, Memory] = {}
        self._found: tuple[OpenStream, ...] = ()
        self._departing: tuple[OpenStream, ...] = ()
        self.dropped: dict[str, Counts] = {}
        self._destination = ""
        self._compared = frozenset(comparing.loose(streams).compared)

    async def prepared(
        self, destination: str, resumed: Saved | None, held: ExitStack
    ) -> tuple[OpenStream, ...]:
        """What is to be sent; nothing of it is known yet to anybody else.

        resumed: the unfinished run that goes on; None: a new one. held: until when what is known
        belongs to this process.
        """
        self._destination = destination
        if resumed is not None:
            self.dropped = _dropped(self._streams, resumed, self._says)
        if not self._compared:
            return self._streams
        before = peek(self._job.checkpoint)
        self._say_unknown(before)
        self._memories = comparing.memories(
            self._job, self._streams, destination, self._scope, held, self._says
        )
        # What a run that goes on has acknowledged counts, also of one that sends everything.
        scope = Scope(self._scope.is_full and resumed is None, self._scope.limit)
        found: list[OpenStream] = []
        await self._stop.through(
            comparing.compared(self._streams, self._memories, scope, into=found)
        )
        self._found = streams = tuple(found)
        if resumed is not None and self._scope.limit is not None:
            return streams  # who vanished stays to be done without a limit
        if resumed is not None:
            self._departing = departing.again(self._job, streams, resumed, self._says)
        else:
            self._departing = departing.departures(self._job, streams, scope, before, self._says)
        return (*streams, *self._departing)

    def begin(self, run_id: str, *, is_resumed: bool) -> None:
        """The run begins, or goes on: what it learns is remembered from now on."""
        compared = tuple(one for one in self._found if one.stream.changes is not None)
        for one in compared:
            if not is_resumed and self._are_all(one):  # before anything is added to its file
                comparing.accept_files(one, self._destination)
        comparing.put_in_doubt(self._job, self._streams)
        for memory in self._memories.values():
            if self._scope.is_full and not is_resumed:
                memory.doubt_all()
            if memory.texts is not None:
                memory.texts.begin(run_id)
        for one in self._departing:
            departing.leave_doubt(one, compared)

    def end(self) -> None:
        """The run is done with its sources: put in order what it learnt."""
        for memory in self._memories.values():
            with suppress(BackfillError):  # it is done when the next run begins
                memory.known.settle()

    def _are_all(self, one: OpenStream) -> bool:
        """Whether somebody says that the fewer files of a stream are all there are to be."""
        assert isinstance(one.detector, Detection)
        if self._job.part_of is not None or len(one.files) >= one.detector.memory.files:
            return False
        is_acted_on = any(other.name == one.name + gone.SUFFIX for other in self._departing)
        is_counted = isinstance(one.stream.max_vanished, int)
        return self._scope.is_full or (is_counted and is_acted_on)

    def _say_unknown(self, before: Saved | None) -> None:
        """Say where nothing is known although an earlier run was there."""
        begun = {one.name for one in before.job.streams} if before else set[str]()
        for name in sorted(self._compared & begun):
            path = comparing.known_path(self._job, name)
            if not path.exists():
                self._says(
                    f"{name}: what was sent before is not known ({path} is not there): everything"
                    " is sent this time, and who vanished since is not noticed",
                    "nothing_known",
                    "warning",
                )


def _dropped(streams: tuple[OpenStream, ...], saved: Saved, says: Says) -> dict[str, Counts]:
    """The streams of who vanished that an unfinished run began with and that nobody wants now.

    With what was done of each: nothing else of it counts as read.
    """
    unwanted = {
        one.name + gone.SUFFIX: one.name for one in streams if one.stream.vanished == "ignore"
    }
    found = tuple(one.name for one in saved.job.streams if one.name in unwanted and one.files)
    for name in found:
        text = (
            f"{unwanted[name]}: nothing more is done about who vanished, for `vanished` does not"
            " say so any more"
        )
        says(*Remark(text, "vanished_dropped", "warning"))
    counts = {name: saved.counts.get(name, Counts()) for name in found}
    return {name: one._replace(read=one.done) for name, one in counts.items()}
