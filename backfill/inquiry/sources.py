"""The source files of every run of a job, each held against what its checkpoint knows of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backfill import readers
from backfill.config import Job
from backfill.errors import BackfillError
from backfill.identity import FileIdentity, StreamIdentity
from backfill.inquiry.arrived import memory
from backfill.inquiry.runs import Run
from backfill.ledger import Cursor, Taken
from backfill.mapping import Stream
from backfill.operations import Surroundings
from backfill.readers.naming import format_of
from backfill.records import SourceFile
from backfill.remote import AnyPath, is_uri, remote_path


@dataclass(frozen=True, slots=True)
class Asked:
    """A source file to look through.

    file:       its index is its place in the run's checkpoint.
    is_known:   whether the run had it; is_changed: whether it is another one by now.
    digest:     of its content, as event ids have it.
    taken:      what an earlier run made of it, where one took it for good.
    """

    run: Run
    stream: Stream
    file: SourceFile
    is_known: bool
    is_changed: bool
    digest: str
    taken: Taken | None = None

    def surroundings(self, now_s: int) -> Surroundings:
        """What its operations depend on besides its rows; now_s: as of Surroundings."""
        since, saved = self.stream.since, self.run.saved
        cursor = saved.cursors.get(self.stream.name, Cursor()) if saved else Cursor()
        base = cursor.base if self.is_known else cursor.reached
        since_min = since.least(base) if since else None
        return Surroundings(now_s, self.digest, since_min=since_min)


@dataclass(slots=True)
class Found:
    """The files to look through, and what people should know of those that cannot be."""

    files: list[Asked] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def sources(job: Job, every: list[Run]) -> Found:
    """Every source file of every run. What cannot be found is a remark."""
    found = Found()
    for run in every:
        for stream in run.streams:
            known = known_of(run, stream)
            title = f"stream {stream.name}{f' of {run.name}' if run.name else ''}"
            _of_stream(job, run, stream, known, found, title)
            if known and known.meaning != stream.meaning():
                found.remarks.append(
                    f"{title}: the mapping changed since the run; what was not sent is told as the"
                    " config is now"
                )
    return found


def known_of(run: Run, stream: Stream) -> StreamIdentity | None:
    """What the checkpoint of a run knows of a stream; None where that is nothing."""
    known = run.saved.job.streams if run.saved else ()
    return next((each for each in known if each.name == stream.name), None)


def _of_stream(
    job: Job, run: Run, stream: Stream, known: StreamIdentity | None, found: Found, title: str
) -> None:
    places = {file.label: i for i, file in enumerate(known.files)} if known else {}
    known_by_content = memory(run, stream)
    if run.name:
        files = list(labelled(job, stream, known)) if known else []
    else:
        try:
            source, may_be_empty = stream.source, bool(known_by_content.taken)
            files = readers.find(stream.name, source, job.base, may_be_empty=may_be_empty)
        except BackfillError as error:
            found.remarks.append(f"{title}: {error.what}")
            files = []
    there = list[Asked]()
    unread = set[str]()
    for file in files:
        identity = known.files[places[file.label]] if known and file.label in places else None
        try:
            as_named = held_against(run, stream, file, places, identity)
            asked = known_by_content.recognised(as_named, places)
            there += [asked] if asked else []
        except BackfillError as error:
            unread.add(file.label)
            found.remarks.append(f"{title}: {file.label}: {error.what}")
    found.files += there
    gone = sorted(set(places) - {asked.file.label for asked in there if asked.is_known} - unread)
    found.remarks += [f"{title}: {label} is no longer among its sources" for label in gone]
    changed = [asked for asked in there if asked.is_changed]
    found.remarks += [f"{title}: {asked.file.label} changed since the run" for asked in changed]
    found.remarks += [f"{title}: {text}" for text in known_by_content.remarks()]


def labelled(job: Job, stream: Stream, known: StreamIdentity) -> Iterator[SourceFile]:
    """The files of a run of mended rows, by what its checkpoint calls them."""
    for i, file in enumerate(known.files):
        path = _path(file.label, job.base)
        form = format_of(path) or stream.source.format or "csv"
        yield SourceFile(stream.name, i, path, file.label, form)


def _path(label: str, base: Path) -> AnyPath:
    if is_uri(label):
        return remote_path(label, label)
    return base / os.fsdecode(label.encode(errors="surrogateescape"))


def held_against(
    run: Run,
    stream: Stream,
    file: SourceFile,
    places: dict[str, int],
    identity: FileIdentity | None,
) -> Asked:
    """A file as it is, and whether it is the one that a run had.

    places: labels to places in the checkpoint. Raises SourceError where it cannot be read.
    """
    now = readers.fingerprint(file.path)
    is_changed = identity is not None and (now.size, now.digest) != (identity.size, identity.digest)
    place = places.get(file.label, len(places) + file.index)
    placed = SourceFile(file.stream, place, file.path, file.label, file.format)
    return Asked(run, stream, placed, identity is not None, is_changed, now.digest)
