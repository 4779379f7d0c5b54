"""What makes a job the same job, and what differs between two of them, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import NamedTuple

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


def without(job: JobIdentity, names: Collection[str]) -> JobIdentity:
    """The same less some of its streams."""
    return job._replace(streams=tuple(one for one in job.streams if one.name not in names))


def is_every_file_known(job: JobIdentity, before: JobIdentity) -> bool:
    """Whether the other one had every file of the job, as it is now."""
    known = {(stream.name, file.label): file for stream in before.streams for file in stream.files}
    return all(
        (old := known.get((stream.name, file.label))) is not None and file.is_same(old)
        for stream in job.streams
        for file in stream.files
    )


def pairs(job: JobIdentity, before: JobIdentity) -> Iterator[tuple[StreamIdentity, StreamIdentity]]:
    """The streams that both have, by name: as it is now, as it was."""
    known = {stream.name: stream for stream in before.streams}
    return ((stream, known[stream.name]) for stream in job.streams if stream.name in known)


def destination(job: JobIdentity, before: JobIdentity) -> Iterator[str]:
    """How the destinations differ."""
    if job.destination != before.destination:
        yield f"the destination is {job.destination} and was {before.destination}"


def mappings(job: JobIdentity, before: JobIdentity) -> Iterator[str]:
    """How the mappings of the streams that both have differ."""
    for now, then in pairs(job, before):
        if now.meaning != then.meaning:
            yield f"the mapping of stream {now.name} changed"


def streams(job: JobIdentity, before: JobIdentity) -> Iterator[str]:
    """Which streams one of them has and the other has not, or in another order."""
    now, then = [s.name for s in job.streams], [s.name for s in before.streams]
    yield from (f"stream {name} was added" for name in now if name not in then)
    yield from (f"stream {name} was removed" for name in then if name not in now)
    if now != then and sorted(now) == sorted(then):
        yield f"the streams are in another order, it was {', '.join(then)}"


def sources(job: JobIdentity, before: JobIdentity) -> Iterator[str]:
    """How the files of the streams that both have differ."""
    for now, then in pairs(job, before):
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
