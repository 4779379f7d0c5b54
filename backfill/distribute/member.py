"""A worker as the driver knows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from backfill.distribute.links import Hand, Mouth
from backfill.distribute.messages import Answered, Assigned, FromDriver, Told
from backfill.distribute.shards import Shard
from backfill.ledger import Ledger
from backfill.records import SourceFile
from backfill.waiting import Limit


@dataclass(slots=True)
class Progress:
    """What became of the rows of a shard, at the worker that has it.

    read: rows that were told. done: those of them that are. held: those that stay for a later run.
    young, future: as of Settled, of the rows that were told.
    cuts_left: how many of its cuts are not read to their end.
    expected: how many rows it will have, as far as that is known.
    """

    shard: Shard
    cuts_left: int
    read: int = 0
    done: int = 0
    held: int = 0
    young: int = 0
    future: int = 0
    expected: int | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do of it."""
        return not self.cuts_left and self.read == self.done + self.held

    def again(self, rows: int) -> int:
        """About how many of so many rows that were told another worker will tell again."""
        return round(rows * (self.read - self.done) / max(1, self.read))

    @property
    def rows(self) -> int:
        """How many rows it has, once it is finished; before, as far as that is known."""
        return self.expected if self.expected is not None else self.read


@dataclass(slots=True)
class Member:
    """A worker as the driver knows it.

    place:  where it runs, for people.
    state:  resting: it has no shard and waits. working: it takes shards. closing: it was told that
            no more follows, and sends what is left.
    shards: those it has, by number. rows: how many it has done in this wave.
    """

    name: str
    hand: Hand
    mouth: Mouth
    place: str = ""
    state: Literal["resting", "working", "closing"] = "resting"
    shards: dict[int, Progress] = field(default_factory=dict)
    looks: dict[int, Shard] = field(default_factory=dict)
    limited_by: Limit | None = None
    rows: int = 0

    def tell(self, message: FromDriver) -> None:
        """Say something to it."""
        self.mouth.say(message)

    @property
    def number(self) -> int:
        """The number in its name."""
        return int(self.name.split()[-1])

    @property
    def unread(self) -> int:
        """How many of its shards are not read to their end."""
        return sum(one.cuts_left > 0 for one in self.shards.values())

    @property
    def left(self) -> list[Progress]:
        """The shards that it has not finished, in the order in which it reads them."""
        return [one for one in self.shards.values() if not one.is_finished]

    def assign(self, shard: Shard, ledger: Ledger) -> None:
        """Give it a shard, less what is done of it."""
        self.shards[shard.number] = Progress(shard, len(shard.cuts), expected=shard.rows)
        done = tuple(
            ledger.done_from(cut.file, cut.first, cut.stop.row if cut.stop else None)
            for cut in shard.cuts
        )
        self.tell(Assigned(shard, tuple(np.packbits(rows).tobytes() for rows in done)))

    def told(self, word: Told) -> None:
        """It read a block."""
        settled = word.settled
        one = self.shards[settled.file.shard]
        one.read += settled.row_count
        one.done += settled.done
        one.held += settled.held
        one.young += settled.young
        one.future += settled.future
        self.rows += settled.done

    def answered(self, word: Answered) -> None:
        """One of its batches has a verdict."""
        for piece in word.delivery.batch.pieces:
            self.shards[piece.block.file.shard].done += len(piece.rows)
            self.rows += len(piece.rows)

    def read(self, file: SourceFile) -> None:
        """It read a cut of a shard to its end."""
        self.shards[file.shard].cuts_left -= 1

    def finished(self) -> Iterator[Progress]:
        """The shards of which nothing is left; it has them no more."""
        for number, one in list(self.shards.items()):
            if one.is_finished:
                del self.shards[number]
                yield one
