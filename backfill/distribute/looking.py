"""Whom the shards of a stream are about, which all workers look for before any of it is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from backfill.distribute.member import Member
from backfill.distribute.messages import Look, Looked
from backfill.distribute.shards import Shard
from backfill.distribute.shared import Shared

#: Shards that a worker has before it: one to read while it sends the one before.
AHEAD = 2


class Looking:
    """Hands out shards to be looked through; to be closed. Lives in one event loop."""

    def __init__(self, stream: str, found: list[Shard]) -> None:
        self._stream = stream
        self._left = deque(found)
        self._shared = Shared()
        self._is_known = False

    def feed(self, members: Collection[Member]) -> None:
        """Give workers what they have room for."""
        for member in members:
            while self._left and len(member.looks) < AHEAD:
                shard = self._left.popleft()
                member.looks[shard.number] = shard
                member.tell(Look(self._stream, shard))

    def heard(self, word: Looked) -> None:
        """A worker has looked through a part of a shard. Raises StorageError."""
        if not self._is_known and self._shared.add(word.shard, word.keys):
            self._is_known = True
            self._left.clear()

    def leaves(self, member: Member) -> None:
        """A worker is gone: others look through what it had."""
        self._left.extend(member.looks.values())

    def is_over(self, members: Collection[Member]) -> bool:
        """Whether enough is known."""
        return self._is_known or not (self._left or any(one.looks for one in members))

    def is_shared(self) -> bool:
        """Whether an entity stands in several shards. Blocking."""
        return self._is_known or self._shared.any()

    def close(self) -> None:
        """Forget whom they are about."""
        self._shared.close()
