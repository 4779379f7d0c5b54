"""The rows of a stream that are still to be sent, as operations: read and encoded ahead of use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from backfill.ledger import Ledger
from backfill.operations import Encoded, Surroundings, encode
from backfill.pipeline.ahead import ahead
from backfill.pipeline.blocks import Done, Reading, readings, turns
from backfill.pipeline.sources import OpenStream
from backfill.records import Block


def encoded(
    stream: OpenStream, ledger: Ledger, limit: int | None, now_s: int
) -> AsyncGenerator[tuple[Reading, Encoded | None]]:
    """Each block of a stream with what became of its rows; None: none is left, or a file's end.

    ledger: what is done; may change while blocks are read. limit: rows of the stream that take
    part, from its first; None: all. now_s: unix time of the run.
    While one is used, the next is encoded and the one after it read, each in a thread.
    """
    found = stepped(readings(turns(stream, ledger), limit))
    return encoded_of(stream, found, ledger, now_s, stream.since_min(ledger))


def encoded_of(
    stream: OpenStream,
    found: AsyncGenerator[Reading],
    done: Done,
    now_s: int,
    since_min: int | None,
) -> AsyncGenerator[tuple[Reading, Encoded | None]]:
    """The same of blocks that somebody else finds; since_min: as of Surroundings."""
    return ahead(_encoded(stream, ahead(found), done, now_s, since_min))


async def stepped(found: Iterator[Reading]) -> AsyncGenerator[Reading]:
    """Each step in a thread."""
    while (reading := await asyncio.to_thread(next, found, None)) is not None:
        yield reading


async def _encoded(
    stream: OpenStream,
    found: AsyncGenerator[Reading],
    done: Done,
    now_s: int,
    since_min: int | None,
) -> AsyncGenerator[tuple[Reading, Encoded | None]]:
    async with aclosing(found):
        async for reading in found:
            block = reading.still_open(done)
            if block is None:
                yield reading, None
                continue
            around = reading.source.surroundings(now_s, since_min)
            yield reading, await asyncio.to_thread(_made, block, stream, around)


def _made(block: Block, stream: OpenStream, around: Surroundings) -> Encoded:
    made = encode(block, stream.stream, stream.where, around)
    return made if stream.detector is None else stream.detector.sift(made)
