"""Rows in, batches out: what becomes no operation is settled on the way.

Plan: while the batches of one block are sent, the next one is encoded and the one after it read,
each in a thread. Peak memory is therefore that of three blocks, two of them with their operations,
and of what the batches that the sender holds keep of theirs; it does not grow with the input.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from backfill.batches import Batch
from backfill.changes import refused
from backfill.chunker import Chunker
from backfill.ledger import rejected_by_api
from backfill.operations import Encoded
from backfill.pipeline import guard
from backfill.pipeline.account import Books, settled
from backfill.pipeline.blocks import Reading
from backfill.pipeline.sources import OpenStream
from backfill.pipeline.watching import Terms
from backfill.verdict import Delivery


class Flow:
    """Takes the rows of one stream to batches, and the verdicts back to the rows."""

    def __init__(self, stream: OpenStream, terms: Terms, books: Books) -> None:
        self._stream, self._terms, self._books = stream, terms, books
        self._chunker = Chunker(stream.name, terms.operations_max)
        self._detector = stream.detector

    async def batches(
        self, found: AsyncGenerator[tuple[Reading, Encoded | None]]
    ) -> AsyncGenerator[Batch]:
        """Every batch of what is found, as `encoded` finds it and raises for it. Closes `found`.

        Raises GuardError before a young event leaves that nobody has said may do so.
        """
        async with aclosing(found):
            async for reading, made in found:
                self._books.expects(reading.expected)
                if made is None:
                    if reading.block is None:
                        self._books.ended(reading.source.file, reading.rows_end)
                    continue
                guard.check_young(self._stream, made.young, is_rehearsal=self._terms.is_rehearsal)
                self._books.settled(settled(made))
                await self._doubt(made)
                for batch in self._chunker.add(made):
                    yield batch
        self._books.read_through()
        for batch in self._chunker.flush():
            yield batch

    def delivered(self, delivery: Delivery) -> None:
        """The verdict on a batch: tell it to the rows."""
        self._remember(delivery)
        rejected = rejected_by_api(delivery.batch, delivery.rejected) if delivery.rejected else []
        self._books.answered(delivery, rejected)

    async def _doubt(self, made: Encoded) -> None:
        """Operations of a block are about to leave."""
        if self._detector is None:
            return
        if made.confirmed is not None:
            self._detector.memory.confirm(made.confirmed)
        marks = made.piece.marks
        if marks is not None and len(marks):
            await asyncio.to_thread(self._detector.memory.doubt, marks)

    def _remember(self, delivery: Delivery) -> None:
        """What a batch told of each entity, or did not."""
        if self._detector is None:
            return
        first = 0
        for piece in delivery.batch.pieces:
            self._detector.memory.answered(piece, refused(piece, delivery.rejected, first))
            first += len(piece)
