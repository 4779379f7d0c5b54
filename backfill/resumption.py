"""Whether a checkpoint and a job go together, and what a start over it means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Literal, NamedTuple

import xxhash

from backfill import identity
from backfill.errors import CheckpointError
from backfill.identity import NAMED_MAX, JobIdentity
from backfill.ledger import Counts, Cursor, FileState, Taken

#: What a run came to; "held" keeps events too young to be sent for a later start of the same run;
#: "running" also stands in the checkpoint of a process that was killed.
State = Literal["running", "completed", "held", "stopped", "interrupted"]


class Extent(NamedTuple):
    """How far the rejects of a stream reach: bytes over all its files, and xxh3_64 of them.

    The digest tells them from another job's in the same place, and from what somebody edited.
    """

    length: int = 0
    digest: bytes = xxhash.xxh3_64_digest(b"")


@dataclass(frozen=True, slots=True)
class Saved:
    """What a checkpoint holds, as of its last commit.

    files:          only those of which something is known; counts: only streams begun.
    rejects:        stream to as much of its rejects as belongs to this commit.
    last_request_s: unix time of the last logged request, also of the runs before this one.
    rules:          (stream, rule) to the rows that we refused for it.
    is_full:        whether the run sends everything, whatever was acknowledged before.
    cursors:        of the streams with `since`.
    observed:       what its sources looked like when it began, as `pipeline.expecting` wrote it.
    taken:          the files taken once that are done, in this run and in those before it.
    is_closed:      whether another run takes its place, with whatever it left.
    """

    run_id: str
    state: State
    job: JobIdentity
    files: tuple[FileState, ...] = ()
    counts: Mapping[str, Counts] = field(default_factory=dict)
    rejects: Mapping[str, Extent] = field(default_factory=dict)
    last_request_s: float | None = None
    rules: Mapping[tuple[str, str], int] = field(default_factory=dict)
    is_full: bool = False
    cursors: Mapping[str, Cursor] = field(default_factory=dict)
    observed: str = ""
    taken: tuple[Taken, ...] = ()
    is_closed: bool = False

    @property
    def finished_files(self) -> Mapping[str, int]:
        """Stream to how many of its files have every row done."""
        return {
            stream.name: sum(f.is_finished for f in self.files if f.stream == stream.name)
            for stream in self.job.streams
        }

    @property
    def finished_streams(self) -> frozenset[str]:
        """The streams of which every row is done."""
        files = self.finished_files
        return frozenset(
            stream.name for stream in self.job.streams if files[stream.name] == len(stream.files)
        )

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do: a run cut short by --limit completes without that."""
        are_done = len(self.finished_streams) == len(self.job.streams)
        return self.is_closed or (self.state == "completed" and are_done)


class Outset(NamedTuple):
    """What a run begins with, as of `Saved`."""

    cursors: Mapping[str, Cursor] = MappingProxyType({})
    observed: str = ""
    is_full: bool = False


class Start(Enum):
    """What a run does with what it finds."""

    FRESH = "fresh"  #: there is no checkpoint: begin
    RESUME = "resume"  #: the job is unfinished: send what is not done
    FINISHED = "finished"  #: everything is done: send nothing
    NEW_RUN = "new run"  #: finished, and a source is new or changed: begin anew over it


class Loose(NamedTuple):
    """Streams that an unfinished run need not have to its end before they may differ.

    compared: those that look for changes: whatever of them differs makes a new run, for what was
              acknowledged of them is known.
    growing:  those with `since`, and those that are sent whole beside them: sources that differ
              make a new run, from where this one began.
    """

    compared: Collection[str] = ()
    growing: Collection[str] = ()


_NONE_LOOSE = Loose()


def decide(
    job: JobIdentity, saved: Saved | None, loose: Loose = _NONE_LOOSE, *, is_full: bool = False
) -> Start:
    """Say what starting `job` over `saved` means.

    A destination or mapping that differs is refused whether or not the job is finished; sources
    may differ once it is. Raises CheckpointError naming what differs.
    is_full: whether everything is to be sent, which an unfinished run may have begun to do.
    """
    if saved is None:
        return Start.FRESH
    job, before = job.configured, saved.job.configured
    plain, plain_before = (
        identity.without(job, loose.compared),
        identity.without(before, loose.compared),
    )
    mappings = [*identity.mappings(plain, plain_before)]
    differences = [*identity.destination(job, before), *mappings]
    if not saved.is_finished:
        fixed = (
            identity.without(plain, loose.growing),
            identity.without(plain_before, loose.growing),
        )
        differences += [*identity.streams(*fixed), *identity.sources(*fixed)]
    if differences:
        raise _refusal(differences, _MENDED if differences == mappings else "")
    is_begun_anew = is_full and (saved.is_finished or not saved.is_full)
    if is_begun_anew or [*identity.mappings(job, before)]:
        return Start.NEW_RUN
    if not saved.is_finished:
        is_other = [*identity.streams(job, before), *identity.sources(job, before)]
        return Start.NEW_RUN if is_other else Start.RESUME
    # Of an export that is compared a file that is gone says something, too.
    is_same = identity.is_every_file_known(job, before) and all(
        len(now.files) == len(then.files)
        for now, then in identity.pairs(job, before)
        if now.name in loose.compared
    )
    return Start.FINISHED if is_same else Start.NEW_RUN


def cursors_of(
    start: Start, job: JobIdentity, saved: Saved, *, is_full: bool = False
) -> Mapping[str, Cursor]:
    """Where the streams of a job that starts over `saved` are; is_full: as of `decide`.

    They move when a new run begins over one that finished with their stream. That of a stream that
    is no longer in the job, or has another mapping, is forgotten, for its values may be others.
    """
    if start is not Start.NEW_RUN:
        return saved.cursors
    if is_full:
        return {}
    same = {now.name for now, then in identity.pairs(job, saved.job) if now.meaning == then.meaning}
    finished = saved.finished_streams
    return {
        name: Cursor(old.reached if name in finished else old.base)
        for name, old in saved.cursors.items()
        if name in same
    }


_MENDED = "; run --only STREAM --source REJECTS sends mended rows under the changed mapping"


def _refusal(differences: list[str], way: str) -> CheckpointError:
    more = len(differences) - NAMED_MAX
    named = differences[:NAMED_MAX] + ([f"and {more:,} more differences"] if more > 0 else [])
    return CheckpointError(
        "the checkpoint belongs to another job: " + "; ".join(named),
        "checkpoint",
        "put that back as it was and run again, name another checkpoint in the config, or start"
        f" anew with --fresh (which keeps the old checkpoint under another name){way}",
    )
