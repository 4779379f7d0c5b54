"""The streams of a plan as a run would send them: compared, without a change to what is known."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from backfill.checkpoint import peek
from backfill.config import Job
from backfill.errors import GuardError
from backfill.pipeline import OpenStream, Stop, comparing, departing
from backfill.planning.looking import Finding
from backfill.private import write_whole
from backfill.remarks import Level


@contextmanager
def looking(job: Job, streams: tuple[OpenStream, ...]) -> Iterator[Looking]:
    """Open what is known of the streams, until the context ends."""
    with ExitStack() as held:
        yield Looking(job, streams, held)


class Looking:
    """Compares the streams of a job; found: what a person should know of it."""

    def __init__(self, job: Job, streams: tuple[OpenStream, ...], held: ExitStack) -> None:
        self._job, self._streams, self._held = job, streams, held
        self.found: list[Finding] = []

    async def compared(self, scope: comparing.Scope) -> tuple[OpenStream, ...]:
        """What a run would send."""
        if all(stream.stream.changes is None for stream in self._streams):
            return self._streams
        memories = comparing.looked_at(self._job, self._streams, self._held)
        into: list[OpenStream] = []
        await Stop().through(comparing.compared(self._streams, memories, scope, into))
        streams = tuple(into)
        before = peek(self._job.checkpoint)
        folder = self._held.enter_context(tempfile.TemporaryDirectory())
        try:
            gone = departing.departures(self._job, streams, scope, before, self._says, Path(folder))
        except GuardError as error:
            text = f"{error.what}; {error.fix}"
            self.found.append(Finding("too_many_vanished", text))
            return streams
        self.found += [self._departure(stream) for stream in gone]
        return (*streams, *gone)

    def _departure(self, stream: OpenStream) -> Finding:
        """That entities are gone, and what becomes of them; listed where a list can be kept."""
        action, listed = stream.stream.operation[1], stream.files[0].file.path
        assert isinstance(listed, Path)
        done = {"delete": "deleted, which cannot be taken back", "suppress": "suppressed"}
        kept = self._job.checkpoint.with_name(f"{listed.stem}.planned.jsonl")
        lines = listed.read_bytes()
        count = lines.count(b"\n")
        text = (
            f"{count:,} known keys have no row any more: each of them is"
            f" {done.get(action, 'marked')}"
        )
        with suppress(OSError):  # a folder that is another user's
            write_whole(kept, lines)
            text = f"{text}; {kept} lists them"
        return Finding("vanished", text, stream.name, count)

    def _says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        if level == "warning":
            self.found.append(Finding(event, text))
