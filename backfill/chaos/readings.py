"""What stands after a run: in the sandbox, in the rejects files, in the checkpoint."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from backfill import trackapi
from backfill.chaos.engine import Ended
from backfill.checkpoint import peek
from backfill.config import Job
from backfill.errors import BackfillError
from backfill.inquiry import refusals
from backfill.mapping import Stream
from backfill.rejects import refused
from backfill.sandbox import Contents, requests

#: How the sandbox's log says that a request took effect and its client was not told.
_AFTER: Final = "after processing"


class Refusal(NamedTuple):
    """A line of a rejects file: where its row stands, and the rule."""

    file: str
    row: str
    rule: str


class Asked(NamedTuple):
    """A request of the engine in the sandbox's log.

    at_s:      unix seconds when it came; is_batch: else it asked who we are.
    taken:     operations that took effect; operations: with those refused one by one.
    is_lost:   it took effect, and the answer did not come.
    is_repeat: this very body came before.
    """

    at_s: float
    is_batch: bool
    taken: int
    operations: int
    is_lost: bool
    is_repeat: bool


class Process(NamedTuple):
    """One process of the engine.

    asked:   its first request in the log, from 0; what an earlier one left on the way comes first.
    durable: operations that the checkpoint held as delivered when it began.
    """

    asked: int
    durable: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands after a job was run, by however many processes.

    ended:     how the last of them did; stall_s: the longest any of us stood still meanwhile.
    rejects:   stream to each line of its files, and how often it stands there.
    processes: in order.
    """

    ended: Ended
    stall_s: float
    contents: Contents
    rejects: Mapping[str, Counter[Refusal]]
    log: tuple[Asked, ...]
    processes: tuple[Process, ...]


def log(state: Path) -> tuple[Asked, ...]:
    """The sandbox's log, in the order the requests were answered in."""
    seen: set[bytes] = set()
    found = []
    for row in requests(state):
        is_batch = row["path"] == trackapi.BATCH_PATH
        taken = row["operations"] - row["refused"]
        is_repeat = is_batch and row["digest"] in seen
        is_lost = _AFTER in (row["fault"] or "")
        found.append(Asked(row["at"], is_batch, taken, row["operations"], is_lost, is_repeat))
        seen.add(row["digest"])
    return tuple(found)


@contextmanager
def counting(state: Path) -> Iterator[Callable[[], int]]:
    """Gives how many requests the sandbox has logged, whenever it is asked."""
    uri = f"{state.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as database:
        query = "SELECT coalesce(max(number), 0) FROM requests"
        yield lambda: int(database.execute(query).fetchone()[0])


def durable(checkpoint: Path) -> int:
    """Operations that the checkpoint holds as delivered; 0 where no run has begun.

    0 also where it cannot be read: the engine, which cannot go on then, says so better.
    """
    with suppress(BackfillError):
        if saved := peek(checkpoint):
            return sum(counts.operations_delivered for counts in saved.counts.values())
    return 0


def rejects(job: Job, folder: Path) -> dict[str, Counter[Refusal]]:
    """Every line of the rejects files, by stream; read as anybody would who mends them."""
    return {
        stream.name: Counter(
            line for path in refused(folder, stream.name) for line in _lines(path, stream)
        )
        for stream in job.streams
    }


def _lines(path: Path, stream: Stream) -> Iterator[Refusal]:
    """Every line; one that says so where the file, or its rest, cannot be read."""
    try:
        for some in refusals.read(refusals.Part(path, None), stream):
            for file, row, rule in some.frame.select("file", "row", "rule").rows():
                yield Refusal(file or path.name, str(row), rule or "unreadable")
    except BackfillError:
        yield Refusal(path.name, "?", "unreadable")
