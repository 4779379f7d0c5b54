"""Who is to be set back, deleted and left alone, as files; and the streams that send the first two.

A line of JSON each, written once before anything is sent, and read again by an undo that goes on.
What is set back carries the operation that does it, and what stands for the entity's last operation
once that is acknowledged. The files hold personal data, and only their owner may read them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import msgspec
import numpy as np

from backfill.batches import Marks
from backfill.changes import Departures, Detector, Memory, digests, gone
from backfill.config import Job
from backfill.mapping import Stream
from backfill.operations import Encoded
from backfill.private import sync_folder, writing_whole
from backfill.undoing.reversal import SetBack

#: In no stream's name, so that none is taken for another; in the order in which they are sent.
SET_BACK, DELETE = "+undo", "+undo-delete"
SENT: Final = (SET_BACK, DELETE)
LEFT: Final = "+undo-left"
LISTS: Final = (*SENT, LEFT)

_OPERATION, _TEXT = "_operation", "_text"


def checkpoint_of(job: Job, run_id: str) -> Path:
    """What is done of the undoing of a run."""
    return job.checkpoint.with_name(f"{job.checkpoint.name}.undo-{run_id}")


def path_of(job: Job, run_id: str, stream: str, suffix: str) -> Path:
    """Where one of the lists stands."""
    place = checkpoint_of(job, run_id)
    return place.with_name(f"{place.name}.{stream}{suffix}.jsonl")


class Lists:
    """The lists of one stream while they are written; they take their places when all are whole.

    Of a list with nobody on it no file is left. Raises OSError.
    """

    def __init__(self, job: Job, run_id: str, stream: Stream) -> None:
        self._paths = {s: path_of(job, run_id, stream.name, s) for s in LISTS}
        self._kinds: dict[str, None] = dict.fromkeys(stream.person or ())
        self._files: dict[str, BinaryIO] = {}
        self._counts = dict.fromkeys(self._paths, 0)
        self._held = ExitStack()

    def set_back(self, key: bytes, found: SetBack) -> None:
        """Somebody is to be set back."""
        told = {_OPERATION: msgspec.Raw(found.operation), _TEXT: msgspec.Raw(found.text)}
        self._put(SET_BACK, gone.line(key, {**self._kinds, **found.identifiers}, **told))

    def delete(self, key: bytes, identifiers: Mapping[str, str]) -> None:
        """Somebody is to be deleted."""
        self._put(DELETE, gone.line(key, {**self._kinds, **identifiers}))

    def leave(self, identifiers: Mapping[str, str], why: str) -> None:
        """Somebody is left alone."""
        self._put(LEFT, msgspec.json.encode({**identifiers, "_reason": why}) + b"\n")

    def _put(self, suffix: str, line: bytes) -> None:
        self._files[suffix].write(line)
        self._counts[suffix] += 1

    def __enter__(self) -> Self:
        for suffix, path in self._paths.items():
            self._files[suffix] = self._held.enter_context(writing_whole(path))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            for file in self._files.values():
                file.flush()
                os.fsync(file.fileno())
        self._held.__exit__(kind, error, trace)
        if kind is None:
            for suffix, path in self._paths.items():
                if not self._counts[suffix]:
                    path.unlink(missing_ok=True)
            sync_folder(self._paths[LEFT].parent)


def streams_of(job: Job, run_id: str, stream: Stream) -> dict[str, Stream]:
    """The streams that undo what a run did to one, by suffix, as far as their lists are there."""
    found = {}
    for suffix, action in zip(SENT, ("identify", "delete"), strict=True):
        listed = path_of(job, run_id, stream.name, suffix)
        if listed.exists():
            found[suffix] = gone.stream_over(stream, suffix, listed.resolve(), action)
    return found


def detector_of(suffix: str, memory: Memory) -> Detector:
    """What has a stream's operations remembered."""
    return Returning(memory) if suffix == SET_BACK else Departures(memory)


@dataclass(frozen=True, slots=True)
class Returning:
    """Puts the listed operations in the place of those that only name the entities.

    What is remembered is what the entities are told by it, of no row: the next run sends what its
    export says otherwise.
    """

    memory: Memory

    def sift(self, made: Encoded) -> Encoded:
        """The operations as they are listed."""
        piece = made.piece
        if not len(piece):
            return made
        records, columns = gone.listed_of(made)
        operations = [text.encode() + b"," for text in columns[_OPERATION].to_list()]
        texts = tuple(text.encode() for text in columns[_TEXT].to_list())
        digests.put_operations(records, texts)
        marks = Marks(records, np.zeros(len(piece), np.int64), texts)
        return replace(
            made,
            piece=replace(piece, marks=marks),
            operations=memoryview(b"".join(operations)),
            ends=np.cumsum([len(each) for each in operations], dtype=np.int64),
        )
