"""What is done is made durable while the run goes on: rejects and memories, then the checkpoint.

Rules: a commit starts as soon as the last one is durable and takes every acknowledgement so far,
so that a killed process forgets at most the acknowledgements of one commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from backfill.changes import Memory, News
from backfill.checkpoint import Checkpoint
from backfill.errors import BackfillError, foreseen
from backfill.ledger import Changes, Ledger
from backfill.rejects import RejectsFile
from backfill.resumption import Extent, State


class Keeper:
    """Commits what the ledger and the rejects files gained.

    on_failure: called in the event loop when a commit fails, with what it raised.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        ledger: Ledger,
        rejects: Mapping[str, RejectsFile],
        memories: Sequence[Memory],
        on_failure: Callable[[BackfillError], None],
    ) -> None:
        self._checkpoint, self._ledger, self._rejects = checkpoint, ledger, rejects
        self._memories, self._on_failure = memories, on_failure
        self._has_news = asyncio.Event()
        self._is_closing = self._has_failed = False

    def notice(self) -> None:
        """There is something to commit."""
        self._has_news.set()

    async def keep(self) -> None:
        """Commit until `close`."""
        while not self._is_closing:
            await self._has_news.wait()
            self._has_news.clear()
            try:
                await self.commit("running")
            except Exception as error:  # of any kind: without commits nothing more may be sent
                self._on_failure(foreseen(error))
                return

    def close(self) -> None:
        """Let `keep` end after the commit under way."""
        self._is_closing = True
        self._has_news.set()

    async def commit(self, state: State) -> None:
        """Make everything durable that is known now; nothing any more after a commit failed.

        Raises StorageError or CheckpointError; nothing is half committed. What a failed commit
        held is then only in memory, and a later one without it would count its rows twice.
        """
        if self._has_failed:
            return
        self._has_failed = True
        changes = self._ledger.take_changes()
        files = {name: (file, file.extent) for name, file in self._rejects.items()}
        news = [(memory, memory.take()) for memory in self._memories]
        await asyncio.to_thread(self._write, changes, files, news, state)
        self._has_failed = False

    def _write(
        self,
        changes: Changes,
        files: Mapping[str, tuple[RejectsFile, Extent]],
        news: Sequence[tuple[Memory, News]],
        state: State,
    ) -> None:
        for memory, some in news:
            memory.write(some)
        for file, _ in files.values():
            file.sync()
        extents = {name: extent for name, (_, extent) in files.items()}
        self._checkpoint.commit(changes, extents, state)
