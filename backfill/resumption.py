"""Whether a checkpoint and a job go together, and what a start over it means."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Literal, NamedTuple

import xxhash

from backfill.errors import CheckpointError
from backfill.ledger import Counts, Cursor, FileState, Taken

#: What a run came to; "held" keeps events too young to be sent for a later start of the same run;
#: "running" also stands in the checkpoint of a process that was killed.
State = Literal["running", "completed", "held", "stopped", "interrupted"]

#: Differences a message spells out; a folder of a thousand changed files must stay readable.
NAMED_MAX = 5


class FileIdentity(NamedTuple):
    """What makes a file the same file: its label, its size in bytes and a digest of its content.

    Its time of change is no part of it: copying a file back does not make it another one.
    content: of a file that is taken once, a digest of all of it; None of others, for `digest` goes
             by samples of a big file.
    """

    label: str
    size: int
    digest: str
    content: str | None = None

    def is_same(self, other: FileIdentity) -> bool:
        """Whether both are the same file, as far as both are known."""
        is_content_known = self.content is not None and other.content is not None
        return self[:3] == other[:3] and not (is_content_known and self.content != other.content)


class StreamIdentity(NamedTuple):
    """What makes a stream the same stream: its name, the digest of its mapping, its files."""

    name: str
    meaning: bytes
    files: tuple[FileIdentity, ...]


class JobIdentity(NamedTuple):
    """What a checkpoint belongs to.

    destination: scheme, host, port and a digest of the site id, or a sandbox's state file: to be
                 compared and shown, so it holds no secret.
    streams:     in the order they are sent.
    """

    destination: str
    streams: tuple[StreamIdentity, ...]

    @property
    def configured(self) -> JobIdentity:
        """Less the streams that were made of lists, as of who vanished: their names have a `+`."""
        streams = tuple(stream for stream in self.streams if "+" not in stream.name)
        return self._replace(streams=streams)

    @property
    def digest(self) -> str:
        """Equal for equal mappings of equal sources, wherever they are sent."""
        meant = repr(self.configured.streams).encode(errors="surrogateescape")
        return hashlib.blake2b(meant, digest_size=16).hexdigest()


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
    def is_finished(self) -> bool:
        """Whether nothing is left to do: a run cut short by --limit completes without that."""
        if self.is_closed:
            return True
        finished = self.finished_files
        return self.state == "completed" and all(
            finished[stream.name] == len(stream.files) for stream in self.job.streams
        )


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
    plain, plain_before = _less(job, loose.compared), _less(before, loose.compared)
    mappings = [*_mappings(plain, plain_before)]
    differences = [*_destination(job, before), *mappings]
    if not saved.is_finished:
        fixed = _less(plain, loose.growing), _less(plain_before, loose.growing)
        differences += [*_streams(*fixed), *_sources(*fixed)]
    if differences:
        raise _refusal(differences, _MENDED if differences == mappings else "")
    is_begun_anew = is_full and (saved.is_finished or not saved.is_full)
    if is_begun_anew or [*_mappings(job, before)]:
        return Start.NEW_RUN
    if not saved.is_finished:
        is_other = [*_streams(job, before), *_sources(job, before)]
        return Start.NEW_RUN if is_other else Start.RESUME
    # Of an export that is compared a file that is gone says something, too.
    is_same = _is_every_file_known(job, before) and all(
        len(now.files) == len(then.files)
        for now, then in _pairs(job, before)
        if now.name in loose.compared
    )
    return Start.FINISHED if is_same else Start.NEW_RUN


def _less(job: JobIdentity, names: Collection[str]) -> JobIdentity:
    return job._replace(streams=tuple(one for one in job.streams if one.name not in names))


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
    same = {now.name for now, then in _pairs(job, saved.job) if now.meaning == then.meaning}
    files = saved.finished_files
    finished = {one.name for one in saved.job.streams if files[one.name] == len(one.files)}
    return {
        name: Cursor(old.reached if name in finished else old.base)
        for name, old in saved.cursors.items()
        if name in same
    }


def _is_every_file_known(job: JobIdentity, before: JobIdentity) -> bool:
    known = {(stream.name, file.label): file for stream in before.streams for file in stream.files}
    return all(
        (old := known.get((stream.name, file.label))) is not None and file.is_same(old)
        for stream in job.streams
        for file in stream.files
    )


def _pairs(
    job: JobIdentity, before: JobIdentity
) -> Iterator[tuple[StreamIdentity, StreamIdentity]]:
    """The streams that both have, by name: as it is now, as it was."""
    known = {stream.name: stream for stream in before.streams}
    return ((stream, known[stream.name]) for stream in job.streams if stream.name in known)


def _destination(job: JobIdentity, before: JobIdentity) -> Iterator[str]:
    if job.destination != before.destination:
        yield f"the destination is {job.destination} and was {before.destination}"


def _mappings(job: JobIdentity, before: JobIdentity) -> Iterator[str]:
    for now, then in _pairs(job, before):
        if now.meaning != then.meaning:
            yield f"the mapping of stream {now.name} changed"


def _streams(job: JobIdentity, before: JobIdentity) -> Iterator[str]:
    now, then = [s.name for s in job.streams], [s.name for s in before.streams]
    yield from (f"stream {name} was added" for name in now if name not in then)
    yield from (f"stream {name} was removed" for name in then if name not in now)
    if now != then and sorted(now) == sorted(then):
        yield f"the streams are in another order, it was {', '.join(then)}"


def _sources(job: JobIdentity, before: JobIdentity) -> Iterator[str]:
    for now, then in _pairs(job, before):
        found = list(_files(now, then))
        if not found and [f.label for f in now.files] != [f.label for f in then.files]:
            found = [f"the files of stream {now.name} are in another order"]
        yield from found


def _files(now: StreamIdentity, then: StreamIdentity) -> Iterator[str]:
    known, kept = {file.label: file for file in then.files}, {file.label for file in now.files}
    for file in now.files:
        if file.label not in known:
            yield f"{file.label} of stream {now.name} was added"
        elif not file.is_same(known[file.label]):
            yield _change(file, known[file.label])
    for label in known:
        if label not in kept:
            yield f"{label} of stream {now.name} was removed"


def _change(now: FileIdentity, then: FileIdentity) -> str:
    if now.size != then.size:
        return f"{now.label} has {now.size:,} bytes and had {then.size:,}"
    return f"{now.label} has other content at the same size, {now.size:,} bytes"


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
