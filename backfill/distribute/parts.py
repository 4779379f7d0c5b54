"""The shards that a worker was given, read as one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import replace

import numpy as np

from backfill import readers
from backfill.distribute.messages import Assigned, Reckoned
from backfill.distribute.shards import Cut, Shard
from backfill.ledger import RowsDone
from backfill.mapping import Stream
from backfill.operations import Surroundings, entities, naming_columns
from backfill.pipeline.blocks import Reading, Turn, readings, sound_blocks
from backfill.pipeline.encoding import stepped
from backfill.pipeline.sources import OpenFile
from backfill.records import Block, Bools, SourceFile, UInt64s

#: What `entities` needs to know, which is nothing of it.
_NOTHING = Surroundings(0, "")


#: Rows that are looked at together: 8 MB, four times while they are told.
LOOK_ROWS = 1 << 20


class Parts:
    """Shards of one stream, one after the other.

    following: the next of them; None: there is none. ready: returns once a block may be read.
    says: tells how many rows one has.
    """

    def __init__(
        self,
        stream: Stream,
        following: Callable[[], Awaitable[Assigned | None]],
        ready: Callable[[], Awaitable[None]],
        says: Callable[[Reckoned], None],
    ) -> None:
        self._stream, self._following = stream, following
        self._ready, self._says = ready, says
        self._done: dict[tuple[int, int], RowsDone] = {}

    def is_done(self, file: SourceFile, start_row: int, stop_row: int) -> Bools:
        """As of `Done`, by what the driver said of the shard."""
        return self._done[file.shard, file.index].between(start_row, stop_row)

    async def readings(self) -> AsyncGenerator[Reading]:
        """Their blocks, less the rows of other shares. Raises SourceError."""
        while (assigned := await self._following()) is not None:
            shard = assigned.shard
            for cut, bits in zip(shard.cuts, assigned.done, strict=True):
                self._done[shard.number, cut.file.index] = RowsDone(cut.first, bits)
                turn = await asyncio.to_thread(turn_of, self._stream, shard, cut)
                async for reading in stepped(self._of(shard, turn)):
                    self._expect(shard, reading)
                    yield replace(reading, expected=None)
                    await self._ready()

    def _of(self, shard: Shard, turn: Turn) -> Iterator[Reading]:
        for reading in readings([turn], None):
            if shard.share is None or reading.block is None:
                yield reading
            else:
                yield replace(reading, block=_share(reading.block, self._stream, *shard.share))

    def _expect(self, shard: Shard, reading: Reading) -> None:
        if shard.rows is None and shard.share is None and reading.expected is not None:
            self._says(Reckoned(shard.number, reading.expected))


def turn_of(stream: Stream, shard: Shard, cut: Cut) -> Turn:
    """A cut of a shard, open; the reader stops where it does. Raises what `open_file` raises."""
    file = replace(cut.file, shard=shard.number)
    if cut.stop is not None and file.format != "parquet":
        file = replace(file, bytes_max=cut.stop.offset)
    reader = readers.open_file(file, stream.source)
    opened = OpenFile(file, reader, cut.fingerprint, cut.origins)
    return Turn(opened, cut.start, None, cut.stop.row if cut.stop else None)


def looked(stream: Stream, shard: Shard) -> Iterator[UInt64s]:
    """Whom the rows of a shard are about, in pieces: uint64[n], ascending, each once. Blocking."""
    found: list[UInt64s] = []
    wanted = naming_columns(stream)
    for cut in shard.cuts:
        turn = turn_of(stream, shard, cut)
        columns = [name for name in turn.source.reader.columns or () if name in wanted]
        for block in sound_blocks(turn, columns or None):
            if turn.stop is not None and block.start.row >= turn.stop:
                break
            found.append(entities(block, stream, _NOTHING).ravel())
            if sum(map(len, found)) >= LOOK_ROWS:
                yield _distinct(found)
                found = []
    yield _distinct(found)


def _distinct(found: list[UInt64s]) -> UInt64s:
    # Not np.unique, which asks a table of hashes: 0.8 µs each and not 0.05.  [observed: numpy 2.4]
    keys = np.sort(np.concatenate([np.empty(0, np.uint64), *found]))
    is_first: UInt64s = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)] & (keys != 0)]
    return is_first


def _share(block: Block, stream: Stream, share: int, shares: int) -> Block:
    """The rows of a block that are about the entities of one share; the first has the faults."""
    keys = entities(block, stream, _NOTHING)[:, 0]
    is_other = np.full(block.stop.row - block.start.row, share != 0)
    is_other[block.rows - block.start.row] = keys % np.uint64(shares) != share
    return block.without(is_other)
