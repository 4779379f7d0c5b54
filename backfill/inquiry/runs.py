"""The runs of a job: the first, and those that sent mended rows of a stream.

A mended run has its checkpoint beside the first, `<name>.only-STREAM` or
`<name>.only-STREAM-FILENAME`, and its rejects in a folder `only-…` of the same name within the
first's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backfill.checkpoint import peek, peek_sittings
from backfill.config import PART, Job, parts
from backfill.errors import CheckpointError, StorageError
from backfill.mapping import Stream
from backfill.resumption import Saved


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    name:    "" for the first, `only-STREAM…` for one of mended rows.
    streams: those it sent, as the config has them now.
    saved:   what its checkpoint holds; None where none has begun.
    unread:  why the checkpoint of mended rows cannot be read; the first one's is an error.
    began_s: unix seconds; 0 where none has begun.
    """

    name: str
    checkpoint: Path
    rejects: Path
    streams: tuple[Stream, ...]
    saved: Saved | None
    unread: str = ""
    began_s: float = 0.0


def runs(job: Job) -> list[Run]:
    """The first run of a job, then the mended ones as they began.

    Raises what `checkpoint.peek` does, StorageError for a folder that cannot be looked into.
    """
    saved, began_s = peek(job.checkpoint), _began_s(job.checkpoint)
    first = Run("", job.checkpoint, job.rejects, job.streams, saved, began_s=began_s)
    with looking_into(job.rejects):
        lead = f"{job.checkpoint.name}."
        names = sorted({*(path.name.removeprefix(lead) for path in parts(job)), *_folders(job)})
    mended = [_mended(job, name) for name in names]
    return [first, *sorted(mended, key=lambda run: (run.began_s, run.name))]


def _began_s(checkpoint: Path) -> float:
    return next((sitting.began_s for sitting in peek_sittings(checkpoint)), 0.0)


@contextmanager
def looking_into(folder: Path) -> Iterator[None]:
    """Turn what the system raises into StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"the rejects cannot be looked into: {error.strerror}",
            os.fsdecode(error.filename or folder),
            "make the folder readable for this user",
        ) from error


def _folders(job: Job) -> list[str]:
    if not job.rejects.is_dir():
        return []
    paths = job.rejects.iterdir()
    return [path.name for path in paths if path.name.startswith(PART) and path.is_dir()]


def _mended(job: Job, name: str) -> Run:
    checkpoint = job.checkpoint.with_name(f"{job.checkpoint.name}.{name}")
    saved, unread, began_s = None, "", 0.0
    try:
        saved, began_s = peek(checkpoint), _began_s(checkpoint)
    except CheckpointError as error:
        unread = f"{error.where}: {error.what}"
    told = {stream.name for stream in saved.job.streams} if saved else set()
    streams = [stream for stream in job.streams if stream.name in told] or _named(job, name)
    return Run(name, checkpoint, job.rejects / name, tuple(streams), saved, unread, began_s)


def _named(job: Job, name: str) -> list[Stream]:
    """The stream that a run of mended rows is named after: of several, the longest name."""
    rest = name.removeprefix(PART)
    fitting = [s for s in job.streams if rest == s.name or rest.startswith(f"{s.name}-")]
    return sorted(fitting, key=lambda stream: len(stream.name))[-1:]
