"""The files that stand where a stream's source looks, and which of them a run reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from backfill import readers
from backfill.arrivals import Arrival, Sorted, sort, was_anything_taken
from backfill.checkpoint import peek
from backfill.config import PART, Job
from backfill.identity import NAMED_MAX
from backfill.ledger import Taken
from backfill.mapping import Stream
from backfill.phrases import counted
from backfill.readers import Content
from backfill.records import SourceFile
from backfill.remarks import Remark
from backfill.resumption import Saved, Start


class Arrived(NamedTuple):
    """A file that stands in a folder, and all that is in it."""

    file: SourceFile
    content: Content


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The files of a stream that takes each once.

    files:  every one that stands there; sorted: what becomes of them, by their places here.
    """

    files: tuple[Arrived, ...]
    sorted: Sorted


def look(
    job: Job, stream: Stream, saved: Saved | None
) -> tuple[list[tuple[SourceFile, Content | None]], Arrivals | None]:
    """The files that a run over `saved` reads, in order, and all that stand there.

    Those of a stream that is to read all of its files every time are not looked into.
    Raises MappingError where there is none and none was ever taken, SourceError for one that
    cannot be read.
    """
    if not (stream.takes_files_once and readers.is_open(stream.source, job.base)):
        return [(file, None) for file in readers.find(stream.name, stream.source, job.base)], None
    elsewhere = _taken_elsewhere(job, stream)
    may_be_empty = was_anything_taken(stream.name, saved, elsewhere)
    found = readers.find(stream.name, stream.source, job.base, may_be_empty=may_be_empty)
    contents = readers.contents([file.path for file in found])
    files = tuple(map(Arrived, found, contents))
    told = [Arrival(file.label, *content) for file, content in files]
    arrivals = Arrivals(files, sort(stream.name, told, saved, elsewhere))
    chosen = [files[place] for place in arrivals.sorted.files]
    return [(replace(file, index=i), what) for i, (file, what) in enumerate(chosen)], arrivals


def _taken_elsewhere(job: Job, stream: Stream) -> tuple[Taken, ...]:
    """The files that `run --only STREAM` took, for the whole job; that, for such a part."""
    if job.part_of is not None:
        other = job.part_of.checkpoint
    else:
        other = job.checkpoint.with_name(f"{job.checkpoint.name}.{PART}{stream.name}")
    saved = peek(other)
    return saved.taken if saved is not None else ()


def remarks(start: Start | None, arrivals: Mapping[str, Arrivals | None]) -> list[Remark]:
    """What a person should know of the files that came; start: of the run, None where refused.

    arrivals: by stream.
    """
    found = list[Remark]()
    for name, one in arrivals.items():
        if one is None:
            continue
        if start is Start.RESUME:
            found += _waiting(name, one)
        else:
            found += [*_new(name, one), *_copies(name, one)]
    return found


def _waiting(name: str, arrivals: Arrivals) -> Iterator[Remark]:
    waiting = len(arrivals.sorted.waiting)
    if waiting:
        wait = "waits" if waiting == 1 else "wait"
        files = counted(waiting, "new file")
        text = f"{name}: {files} {wait} for the next run, this one goes on with those it began with"
        yield Remark(text, "files_wait")


def _new(name: str, arrivals: Arrivals) -> Iterator[Remark]:
    new, before = len(arrivals.sorted.files), arrivals.sorted.before
    if new and not before:
        return
    renamed = [
        (arrivals.files[place].file.label, label)
        for place, label in before.items()
        if arrivals.files[place].file.label != label
    ]
    text = f"{name}: {counted(new, 'new file') if new else 'no new file'}"
    if before:
        text += f"; {counted(len(before), 'file')} taken before {_are(len(before))} left out"
    if renamed:
        text += f", {len(renamed):,} of them under another name: {_as(renamed)}"
    yield Remark(text, "new_files" if new else "no_new_files")


def _copies(name: str, arrivals: Arrivals) -> Iterator[Remark]:
    copies = [(arrivals.files[p].file.label, of) for p, of in arrivals.sorted.copies.items()]
    if copies:
        files = counted(len(copies), "file")
        text = f"{name}: {files} left out that hold{'s' if len(copies) == 1 else ''} what"
        yield Remark(f"{text} another one does: {_as(copies)}", "copies_left_out")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _as(pairs: Sequence[tuple[str, str]]) -> str:
    return listed(f"{label} (as {known})" for label, known in pairs)


def listed(names: Iterable[str]) -> str:
    """The first of some names, and how many more there are."""
    every = list(names)
    more = len(every) - NAMED_MAX
    return ", ".join(every[:NAMED_MAX] + ([f"and {more:,} more"] if more > 0 else []))
