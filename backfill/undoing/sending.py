"""An undo as an ordinary job: its lists are sent as exports are, with a checkpoint of its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from backfill.changes import Memory, gone
from backfill.checkpoint import peek
from backfill.config import Job
from backfill.errors import BackfillError, CheckpointError
from backfill.ledger import Counts
from backfill.pipeline import OpenStream, Prepares, Stop, comparing
from backfill.pipeline.comparing import Scope
from backfill.pipeline.sources import file_identity, opened
from backfill.remarks import Says
from backfill.resumption import Saved
from backfill.undoing.kept import check, keeping
from backfill.undoing.lists import (
    DELETE,
    LEFT,
    LISTS,
    SENT,
    checkpoint_of,
    detector_of,
    path_of,
    streams_of,
)


def job_of(job: Job, run_id: str) -> Job:
    """The job that sends the lists of an undo; it has no streams where nothing is to be undone."""
    streams = [streams_of(job, run_id, stream) for stream in job.streams]
    return replace(
        job,
        checkpoint=checkpoint_of(job, run_id),
        rejects=job.rejects / f"undo-{run_id}",
        streams=tuple(found[s] for s in SENT for found in streams if s in found),
    )


def under_way(job: Job, run_id: str) -> Saved | None:
    """The undo that a process broke off, where it can go on; None: it begins, or begins anew.

    Another run since may have changed again who is on its lists, and a list that is another one by
    now is not that of the undo: what is left to do is then to be seen anew.
    Raises UsageError for a run of which nothing is kept.
    """
    with keeping(job) as found:
        check(job, run_id, found)
    saved = peek(checkpoint_of(job, run_id))
    if saved is None or saved.is_finished:
        return None
    undo = job_of(job, run_id)
    with suppress(BackfillError), keeping(job) as found:  # of a list that cannot be read
        files = {s.name: tuple(map(file_identity, opened(undo, s).files)) for s in undo.streams}
        is_as_it_was = files == {one.name: one.files for one in saved.job.streams}
        concerned = {whole_of(one.name) for one in undo.streams}
        if is_as_it_was and all(found[name].runs()[-1] == saved.run_id for name in concerned):
            return saved
    return None


def forget(job: Job, run_id: str) -> None:
    """Remove the lists of an undo that was not begun."""
    for stream in job.streams:
        for suffix in LISTS:
            path_of(job, run_id, stream.name, suffix).unlink(missing_ok=True)


def left_lists(job: Job, run_id: str) -> list[Path]:
    """The files that say who is left alone, and why."""
    paths = [path_of(job, run_id, stream.name, LEFT) for stream in job.streams]
    return [path for path in paths if path.exists()]


def preparing(whole: Job, run_id: str, last_runs: Mapping[str, str]) -> Prepares:
    """What prepares the streams of an undo; the arguments as of Reversing."""

    def prepares(
        _job: Job, streams: tuple[OpenStream, ...], _scope: Scope, says: Says, _stop: Stop
    ) -> Reversing:
        return Reversing(whole, run_id, last_runs, streams, says)

    return prepares


def whole_of(name: str) -> str:
    """The stream of the job that a stream of an undo is about."""
    return name.partition("+")[0]


@dataclass(slots=True)
class Reversing:
    """Prepares the streams of an undo.

    whole, run_id: the job, and its run that is undone. last_runs: the last run of each stream as
    the lists were written; an undo that goes on is that itself.
    """

    whole: Job
    run_id: str
    last_runs: Mapping[str, str]
    streams: tuple[OpenStream, ...]
    says: Says
    dropped: Mapping[str, Counts] = field(default_factory=dict)
    _memories: Mapping[str, Memory] = field(default_factory=dict)
    _deleting: Mapping[str, list[str]] = field(default_factory=dict)

    async def prepared(
        self, destination: str, resumed: Saved | None, held: ExitStack
    ) -> tuple[OpenStream, ...]:
        """The streams with what is to hear of their verdicts.

        Raises CheckpointError where another run began meanwhile.
        """
        names = {whole_of(one.name) for one in self.streams}
        deleting = {one.name: _alike(self.whole, one) for one in self.streams}
        alike = {name for names in deleting.values() for name in names}
        concerned = tuple(
            OpenStream(s, None, ()) for s in self.whole.streams if s.name in names | alike
        )
        memories = comparing.memories(self.whole, concerned, destination, Scope(), held, self.says)
        for name in names:
            memory = memories[name]
            assert memory.texts is not None, "a stream that is undone keeps what it sent"
            last = resumed.run_id if resumed else self.last_runs[name]
            if memory.texts.runs()[-1] != last:
                raise CheckpointError(
                    "another run began since it was seen what is to be undone",
                    f"stream {name}, {memory.known.path}",
                    "run the same command again",
                )
        self._memories, self._deleting = memories, deleting
        return tuple(_with_memory(one, memories) for one in self.streams)

    def begin(self, run_id: str, *, is_resumed: bool) -> None:  # noqa: ARG002
        """The undo begins, or goes on: what it changes is remembered as its own."""
        for name in {whole_of(one.name) for one in self.streams}:
            texts = self._memories[name].texts
            assert texts is not None
            texts.begin(run_id, undoes=self.run_id)
        for one in self.streams:
            if others := self._deleting[one.name]:
                listed = one.files[0].file.path
                assert isinstance(listed, Path)
                removed = gone.listed_keys(listed)
                for other in others:
                    self._memories[other].doubt_those(removed)

    def end(self) -> None:
        """What it changed is little: the next run puts it in order."""


def _alike(job: Job, stream: OpenStream) -> list[str]:
    """The other streams of a job that may know whom a stream of an undo deletes."""
    us = next(one for one in job.streams if one.name == whole_of(stream.name))
    if not stream.name.endswith(DELETE) or not us.compared_by:
        return []
    return [one.name for one in job.streams if one is not us and one.compared_by == us.compared_by]


def _with_memory(stream: OpenStream, memories: Mapping[str, Memory]) -> OpenStream:
    name = whole_of(stream.name)
    return replace(stream, detector=detector_of(stream.name.removeprefix(name), memories[name]))
