"""The sources of a job: found, opened and held against the mapping before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from backfill import readers
from backfill.changes import Detector
from backfill.checkpoint import peek
from backfill.columns import Column
from backfill.config import Job
from backfill.errors import MappingError, SourceError
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.ledger import Ledger
from backfill.mapping import Stream
from backfill.operations import Surroundings, check, where_of
from backfill.operations.binding import KEY_ROW
from backfill.pipeline.arriving import Arrivals, look
from backfill.pipeline.overlaps import Width, refuse_consent_said_once, refuse_undone_consent
from backfill.readers import Fingerprint, Reader
from backfill.records import Block, Form, SourceFile
from backfill.remote import RemotePath
from backfill.resumption import Saved
from backfill.sieve import Sieve

if TYPE_CHECKING:
    from backfill.filters import Where


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A source file, ready to be read.

    origins: as of `Surroundings`. content: as of FileIdentity.
    sieve:   which of its rows are read; None: all.
    kept:    the blocks of what the sieve lets through, if they were kept when it was made.
    """

    file: SourceFile
    reader: Reader
    fingerprint: Fingerprint
    origins: Mapping[str, str] = field(default_factory=dict)
    content: str | None = None
    sieve: Sieve | None = None
    kept: tuple[Block, ...] | None = None

    def is_touched(self) -> bool:
        """Whether the file's size or time is another: then it may not be the one it was.

        Cheap enough to be asked for every block; what it means, `check_unchanged` says.
        """
        try:
            state = self.file.path.stat()
        except OSError:
            return True
        known = self.fingerprint
        return (state.st_size, state.st_mtime_ns) != (known.size, known.mtime_ns)

    def check_unchanged(self) -> None:
        """Raise SourceError where the file is not the one that was held against the mapping."""
        if isinstance(self.file.path, RemotePath) and not self.is_touched():
            return  # what a store says of an object is of its content
        now = readers.fingerprint(self.file.path)
        if (now.size, now.digest) != (self.fingerprint.size, self.fingerprint.digest):
            raise SourceError(
                "the file changed after the run began",
                f"stream {self.file.stream}, {self.file.label}",
                "put the file back as it was and run the same command again, or send the new one"
                " with --fresh",
            )

    def surroundings(self, now_s: int, since_min: int | None = None) -> Surroundings:
        """What its operations depend on besides its rows; arguments as of Surroundings."""
        return Surroundings(now_s, self.fingerprint.digest, self.origins, since_min)


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream with its files, in the order in which they are read.

    detector: leaves out the operations that change nothing; None: all of them are sent.
    arrivals: what stands where they come from, of a stream that takes each once; None of others.
    """

    stream: Stream
    where: Where | None
    files: tuple[OpenFile, ...]
    arrivals: Arrivals | None = None
    detector: Detector | None = None

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.stream.name

    def since_min(self, ledger: Ledger) -> int | None:
        """The lowest value of `since` that takes part; None: all do."""
        since = self.stream.since
        return since.least(ledger.cursor(self.name).base) if since else None

    @property
    def taken_before(self) -> int:
        """How many of the files that came earlier runs took."""
        return len(self.arrivals.sorted.before) if self.arrivals else 0

    @property
    def waiting(self) -> int:
        """How many of the files that came are left to the next run."""
        return len(self.arrivals.sorted.waiting) if self.arrivals else 0


def open_streams(job: Job, saved: Saved | None = None) -> tuple[OpenStream, ...]:
    """Open every source of a job, as a run over `saved` reads them.

    Raises MappingError where a stream and a file's columns do not fit each other, ConfigError where
    streams undo each other's consent, and what the readers raise for files that are not there or
    cannot be read.
    """
    streams = tuple(opened(job, stream, saved) for stream in job.streams)
    found = widths(job, streams)
    refuse_undone_consent(found, job.path)
    refuse_consent_said_once(found, job.path)
    return streams


def widths(job: Job, streams: Sequence[OpenStream]) -> list[Width]:
    """Every stream of a job, or of the whole it is a part of, with what is known of its columns."""
    found = {stream.name: stream for stream in streams}
    whole = (job.part_of or job).streams
    return [Width(one, _columns(found[one.name]) if one.name in found else None) for one in whole]


def _columns(stream: OpenStream) -> list[str] | None:
    """The columns of all its files; None where only its rows tell them."""
    found = dict[str, None]()
    for one in stream.files:
        if one.reader.columns is None:
            return None
        found |= dict.fromkeys(one.reader.columns)
    return list(found)


def job_identity(destination: str, streams: tuple[OpenStream, ...]) -> JobIdentity:
    """What the job's checkpoint belongs to."""
    return JobIdentity(destination, tuple(_identity(stream) for stream in streams))


def opened(job: Job, stream: Stream, saved: Saved | None = None) -> OpenStream:
    """Open the source of one stream; raises as `open_streams` does."""
    where, origins = where_of(stream), _origins(job, stream)
    chosen, arrivals = look(job, stream, saved)
    files = []
    for file, content in chosen:
        _keep_apart(job, file)
        looked_like = readers.fingerprint(file.path)  # before anything is read of it
        reader = readers.open_file(file, stream.source)
        check(stream, reader.columns, file.label)
        _judge_nothing(where, reader)
        if content is None and stream.changes is not None:
            content = readers.content(file.path)  # the fingerprint looks at some pages only
        digest = content.digest if content else None
        files.append(OpenFile(file, reader, looked_like, origins, digest))
    return OpenStream(stream, where, tuple(files), arrivals)


def _origins(job: Job, stream: Stream) -> Mapping[str, str]:
    """Digests of the files that the rows of a mended file were refused from, by their labels."""
    whole = job.part_of
    if whole is None or stream.event is None or stream.event.key != KEY_ROW:
        return {}
    if (saved := peek(whole.checkpoint)) is not None:
        known = next((each for each in saved.job.streams if each.name == stream.name), None)
        if known is not None:
            before = {each.label: each.digest for each in saved.taken if each.stream == stream.name}
            return before | {file.label: file.digest for file in known.files}
    source = next(each.source for each in whole.streams if each.name == stream.name)
    found = readers.find(stream.name, source, whole.base)
    return {file.label: readers.fingerprint(file.path).digest for file in found}


def _judge_nothing(where: Where | None, reader: Reader) -> None:
    """Let a condition say at once what it could not do with the file's columns.

    Not for Parquet, whose columns have types that only a block shows.
    """
    if where is not None and reader.form is not Form.TYPED:
        nothing = pa.nulls(0, pa.string())
        where.judge({name: Column(name, nothing, reader.form) for name in where.columns}, 0)


def _keep_apart(job: Job, file: SourceFile) -> None:
    """Refuse a source where the run itself writes."""
    if isinstance(file.path, RemotePath):
        return
    place = file.path.resolve()
    where = f"stream {file.stream}, {file.label}"
    if job.rejects.resolve() in place.parents:
        fix = f"name another folder for `rejects`, or move the source; now it is {job.rejects}"
        raise MappingError("the source lies in the folder of the rejects", where, fix)
    for name, path in (("checkpoint", job.checkpoint), ("destination.sandbox", job.sandbox)):
        if path is not None and path.resolve() == place:
            raise MappingError(f"the source is also the {name}", where, f"rename the {name}")


def _identity(stream: OpenStream) -> StreamIdentity:
    files = tuple(map(file_identity, stream.files))
    return StreamIdentity(stream.name, stream.stream.meaning(), files)


def file_identity(one: OpenFile) -> FileIdentity:
    """What makes a file the same one."""
    return FileIdentity(one.file.label, one.fingerprint.size, one.fingerprint.digest, one.content)
