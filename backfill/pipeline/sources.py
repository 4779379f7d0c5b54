"""The sources of a job: found, opened and held against the mapping before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass

from backfill import readers
from backfill.config import Job
from backfill.errors import MappingError
from backfill.filters import Where
from backfill.mapping import Stream
from backfill.operations import Surroundings, check, where_of
from backfill.readers import Fingerprint, Reader
from backfill.records import SourceFile
from backfill.resumption import FileIdentity, JobIdentity, StreamIdentity


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A source file, ready to be read."""

    file: SourceFile
    reader: Reader
    fingerprint: Fingerprint

    def surroundings(self, now_s: int) -> Surroundings:
        """What its operations depend on besides its rows."""
        return Surroundings(now_s, self.fingerprint.digest)


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream with its files, in the order in which they are read."""

    stream: Stream
    where: Where | None
    files: tuple[OpenFile, ...]

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.stream.name


def open_streams(job: Job) -> tuple[OpenStream, ...]:
    """Open every source of a job.

    Raises MappingError where a stream and a file's columns do not fit each other, and what the
    readers raise for files that are not there or cannot be read.
    """
    return tuple(_opened(job, stream) for stream in job.streams)


def job_identity(destination: str, streams: tuple[OpenStream, ...]) -> JobIdentity:
    """What the job's checkpoint belongs to."""
    return JobIdentity(destination, tuple(_identity(stream) for stream in streams))


def _opened(job: Job, stream: Stream) -> OpenStream:
    where = where_of(stream)
    files = []
    for file in readers.find(stream.name, stream.source, job.base):
        _keep_apart(job, file)
        reader = readers.open_file(file, stream.source)
        check(stream, reader.columns, file.label)
        files.append(OpenFile(file, reader, readers.fingerprint(file.path)))
    return OpenStream(stream, where, tuple(files))


def _keep_apart(job: Job, file: SourceFile) -> None:
    """Refuse a source where the run itself writes."""
    place = file.path.resolve()
    where = f"stream {file.stream}, {file.label}"
    if job.rejects.resolve() in place.parents:
        fix = f"name another folder for `rejects`, or move the source; now it is {job.rejects}"
        raise MappingError("the source lies in the folder of the rejects", where, fix)
    for name, path in (("checkpoint", job.checkpoint), ("destination.sandbox", job.sandbox)):
        if path is not None and path.resolve() == place:
            raise MappingError(f"the source is also the {name}", where, f"rename the {name}")


def _identity(stream: OpenStream) -> StreamIdentity:
    files = tuple(
        FileIdentity(one.file.label, one.fingerprint.size, one.fingerprint.digest)
        for one in stream.files
    )
    return StreamIdentity(stream.name, stream.stream.meaning(), files)
