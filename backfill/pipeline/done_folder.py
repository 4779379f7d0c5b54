"""Files that are done with are moved out of the way.

Facts. What was taken is remembered by its content, so that a file that is not moved is not sent
again either. Rules. Moved is what was found in a folder or by a glob, of which every stream that
reads it has delivered or filtered every row; nothing while the run is unfinished, for it may still
be read; and nothing that is not, at that moment, what was taken.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backfill import readers
from backfill.config import Job
from backfill.errors import SourceError, UsageError
from backfill.phrases import counted
from backfill.pipeline.arriving import Arrived, listed
from backfill.pipeline.moving import move
from backfill.pipeline.sources import OpenStream
from backfill.remarks import Remark
from backfill.remote import AnyPath
from backfill.resumption import Saved


def check(job: Job, folder: Path) -> None:
    """Raise UsageError where the files of a job cannot be moved to a folder."""
    where = f"--done-folder {folder}"
    if job.part_of is not None:
        fix = "leave it out: the whole job still counts on its files"
        raise UsageError("the files of a part of a job are not moved", where, fix)
    remote = [stream.name for stream in job.streams if readers.is_remote(stream.source)]
    if remote:
        fix = f"leave it out, or make a job of its own of stream {remote[0]}: no file is sent twice"
        raise UsageError("objects in a store are not moved", where, fix)
    if folder.exists() and not folder.is_dir():
        raise UsageError("this is not a folder", where, "name a folder, or one to be made")


def put_away(
    streams: Sequence[OpenStream], saved: Saved, folder: Path, is_asked: Callable[[], bool]
) -> list[Remark]:
    """Move what is done with, and say what became of it. Blocking.

    saved: of a run that is finished. is_asked: whether to end: the rest is moved by the next run.
    """
    if all(stream.arrivals is None for stream in streams):
        text = f"nothing is moved to {folder}: no stream reads a folder or a glob"
        return [Remark(text, "files_not_moved", "warning")]
    done = _Moves()
    by_content = {each[:3]: each for each in saved.taken}
    for arrived, takings in _taken(streams):
        size, digest = arrived.content
        known = [by_content.get((stream, digest, size)) for stream in takings]
        if is_asked():
            break
        if _lies_in(arrived.file.path, folder) or not all(known):
            continue
        if any(taken.rejected for taken in known if taken):
            done.refused.append(arrived.file.label)
        else:
            _move(arrived, folder, done)
    return [*done.remarks(folder)]


@dataclass(slots=True)
class _Moves:
    """Labels: of the files that were moved, that stay for their rejected rows, that could not be
    moved and why.
    """

    moved: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def remarks(self, folder: Path) -> Iterator[Remark]:
        """What a person should know of them."""
        if self.moved:
            files = counted(len(self.moved), "file")
            yield Remark(f"{files} moved to {folder}: {listed(self.moved)}", "files_moved")
        if self.refused:
            stay = counted(len(self.refused), "file") + (
                " stays where it is" if len(self.refused) == 1 else " stay where they are"
            )
            text = f"{stay}, for rows that were rejected: {listed(self.refused)}"
            yield Remark(text, "files_stay")
        if self.failed:
            files = counted(len(self.failed), "file")
            text = (
                f"{files} not moved to {folder}: {listed(self.failed)}; nothing of them is sent"
                " again, and the next run with --done-folder tries it once more"
            )
            yield Remark(text, "files_not_moved", "warning")


def _taken(streams: Sequence[OpenStream]) -> Iterator[tuple[Arrived, list[str]]]:
    """Every file that came to a folder or a glob, and the streams that take it.

    None that a stream reads by its path, or every time anew.
    """
    found: dict[AnyPath, Arrived] = {}
    takings: dict[AnyPath, list[str]] = defaultdict(list)
    kept = set[AnyPath]()
    for stream in streams:
        if stream.arrivals is None:
            kept |= {one.file.path.resolve() for one in stream.files}
            continue
        for arrived in stream.arrivals.files:
            place = arrived.file.path.resolve()
            if arrived.file.root is None:
                kept.add(place)
            found.setdefault(place, arrived)
            takings[place].append(stream.name)
    for place, arrived in found.items():
        if place not in kept:
            yield arrived, takings[place]


def _lies_in(path: AnyPath, folder: Path) -> bool:
    return isinstance(path, Path) and folder.resolve() in path.resolve().parents


def _move(arrived: Arrived, folder: Path, done: _Moves) -> None:
    file, root = arrived.file, arrived.file.root
    assert isinstance(file.path, Path), "a job with others is refused"
    assert isinstance(root, Path)
    try:
        if file.path.is_symlink():
            done.failed.append(f"{file.label} (it is a link)")
        elif readers.content(file.path) != arrived.content:
            done.failed.append(f"{file.label} (it changed since it was read)")
        else:
            move(file.path, folder / file.path.relative_to(root), arrived.content)
            done.moved.append(file.label)
    except OSError as error:
        done.failed.append(f"{file.label} ({error.strerror})")
    except SourceError as error:
        done.failed.append(f"{file.label} ({error.what})")
