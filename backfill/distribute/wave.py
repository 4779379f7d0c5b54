"""One wave spread over workers: which shard is whose, and when it is over."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from backfill.distribute.doubts import Doubts
from backfill.distribute.looking import AHEAD, Looking
from backfill.distribute.losses import Losses
from backfill.distribute.member import Member, Progress
from backfill.distribute.messages import (
    Answered,
    Begin,
    FromWorker,
    Heard,
    Looked,
    NoMore,
    Read,
    Reckoned,
    Requested,
    Rested,
    Told,
)
from backfill.distribute.shards import Shard, by_share, rows_before, shards, sizes, whole
from backfill.errors import BackfillError, foreseen
from backfill.pipeline.account import Account
from backfill.pipeline.blocks import turns
from backfill.pipeline.carrying import Charge
from backfill.pipeline.sources import OpenStream

#: Seconds that workers have to come before a stream is shared out among those that are there.
JOIN_S_MAX = 15.0


class Wave:
    """One wave; lives in one event loop.

    members: the workers there are, which come and go; workers: how many there are to be.
    failed:  to be called with what ends the run.
    is_shared: whether entities stand in several of its shards.
    """

    def __init__(
        self,
        stream: OpenStream,
        account: Account,
        charge: Charge,
        members: dict[str, Member],
        workers: int,
        failed: Callable[[BackfillError], None],
    ) -> None:
        self._stream, self._account, self._charge = stream, account, charge
        self._ledger = charge.ledger
        self._members, self._workers = members, workers
        self._failed = failed
        self._queue: deque[Shard] = deque()
        self._files = turns(stream, self._ledger)
        self._before = rows_before(self._files)
        self._rows = self._sizes = 0  # rows and bytes of the shards that are finished
        self._is_planned = self._is_stopped = False
        self._looking: Looking | None = None
        self.is_shared = False
        self._is_apart = not stream.stream.is_ordered  # its shards may be sent in any order
        self._losses = Losses(stream, self._ledger, self._again, failed)
        self._doubts = Doubts(account, f"{charge.place.address}, stream '{stream.name}'")
        self._news = asyncio.Event()
        self._failure: BaseException | None = None

    def stop(self) -> None:
        """Assign nothing any more; it is over once all workers rest."""
        self._is_stopped = True
        self._queue.clear()
        self._news.set()

    def fail(self, error: BaseException) -> None:
        """As `stop`, and the wave ends with the error."""
        self._failure = self._failure or error
        self.stop()

    async def run(self) -> None:
        """Return when every row has its final verdict, or once it was stopped and all rest."""
        for member in self._members.values():
            member.rows = 0
        stream = self._stream
        found = shards(self._files, sizes(stream, self._workers))
        try:
            if not self._is_apart and self._workers > 1:
                await self._plan_apart(found)
            else:
                await self._plan(found)
        except Exception as error:  # of any kind: what is in flight is to be written down
            self._failed(foreseen(error))
        await self._until(lambda: self._is_over)
        if self._failure is not None:
            raise self._failure
        if not self._is_stopped:
            self._doubts.believe()
            self._account.read_through()

    def joins(self, member: Member) -> None:
        """A worker is there."""
        member.rows = 0
        self._feed()

    def leaves(self, member: Member) -> None:
        """A worker is gone: what it had begins again where its last acknowledgement is."""
        left = [] if self._is_stopped else member.left
        member.shards.clear()
        for one in left:
            self._ledger.unread(self._stream.name, one.read - one.done)
            self._account.unsettled(one.held, one.again(one.young), one.again(one.future))
        if self._looking is not None:
            self._looking.leaves(member)
        member.looks.clear()
        self._losses.add(left, was_idle=not member.rows)
        self._feed()

    def _again(self, left: list[Shard]) -> None:
        """What a lost worker had may go on."""
        if not self._is_stopped:
            self._queue.extendleft(reversed(left))
        self._feed()

    def heard(self, member: Member, message: FromWorker) -> None:
        """What a worker says of it. Raises what the account raises, and DeliveryError."""
        match message:
            case Told() | Answered() | Requested() | Read():
                self._of_rows(member, message)
            case Reckoned(number, rows) if number in member.shards:
                member.shards[number].expected = rows
            case Rested():
                self._rested(member, message)
            case Looked():
                self._looked(member, message)
        for one in member.finished():
            self._rows += one.rows
            self._sizes += one.shard.size
        if isinstance(message, Told | Reckoned):
            self._expect()
        elif isinstance(message, Read | Rested | Looked):  # it has room for more
            self._feed()

    @property
    def _is_over(self) -> bool:
        is_idle = all(one.state == "resting" and not one.shards for one in self._members.values())
        if self._is_stopped:
            return all(one.state == "resting" for one in self._members.values())
        return is_idle and self._is_planned and not self._queue and not self._losses.kept_back

    async def _plan(self, found: Iterator[Shard]) -> None:
        """Take shards as they are found, not too many ahead."""
        while not self._is_stopped:
            await self._until(lambda: len(self._queue) < AHEAD * self._workers)
            if (shard := await asyncio.to_thread(next, found, None)) is None:
                break
            if not self._is_stopped:
                self._queue.append(shard)
                self._feed()
        self._is_planned = True
        self._feed()

    async def _plan_apart(self, steps: Iterator[Shard]) -> None:
        """Shards that no entity stands in two of: their order is then that of the source."""
        found: list[Shard] = []
        while not self._is_stopped and (shard := await asyncio.to_thread(next, steps, None)):
            found.append(shard)
        if len(found) > 1 and await self._share_entities(found):
            self.is_shared = True
            await self._joined()
            is_merge = self._stream.stream.merge is not None  # of two entities at once
            found = [whole(found)] if is_merge else by_share(found, max(1, len(self._members)))
        self._is_apart = True
        if not self._is_stopped:
            self._queue.extend(found)
        self._is_planned = True
        self._feed()

    async def _share_entities(self, found: list[Shard]) -> bool:
        members, name = self._members.values(), self._stream.name
        words = f"whom its {len(found):,} shards are about is looked at first"
        self._charge.says(f"{name}: its order matters; {words}", "looking")
        self._looking = looking = Looking(name, found)
        try:
            self._feed()
            await self._until(lambda: self._is_stopped or looking.is_over(members))
            return await asyncio.to_thread(looking.is_shared)
        finally:
            self._looking = None
            looking.close()
            for member in members:
                member.looks.clear()

    async def _joined(self) -> None:
        """Wait until all workers are there, or have had time to come."""
        loop = asyncio.get_running_loop()
        late_s = loop.time() + JOIN_S_MAX
        loop.call_at(late_s, self._news.set)
        await self._until(
            lambda: len(self._members) >= self._workers or self._is_stopped or loop.time() >= late_s
        )

    def _feed(self) -> None:
        """Give what there is to those who have room for it."""
        self._news.set()
        if self._is_stopped:
            return
        if self._looking is not None:
            self._looking.feed(self._members.values())
        is_next = self._is_apart or not self._losses.kept_back
        for member in self._by_need() if is_next else ():
            if not self._queue:
                break
            if member.state == "resting":
                since_min = self._stream.since_min(self._ledger)
                member.tell(Begin(self._stream.name, since_min))
                member.state = "working"
            member.assign(self._queue.popleft(), self._ledger)
        if self._is_planned and not self._queue:
            for member in self._members.values():
                if member.state == "working":
                    member.tell(NoMore())
                    member.state = "closing"

    def _by_need(self) -> Iterable[Member]:
        """Who takes the next shards: first those who have none to read."""
        for room in range(1 if self.is_shared else AHEAD):
            if room and len(self._queue) < len(self._members):
                return  # so that they end together
            for member in list(self._members.values()):
                if member.state != "closing" and member.unread == room:
                    yield member

    def _of_rows(self, member: Member, word: Told | Answered | Requested | Read) -> None:
        """What became of rows: first noted of the worker, then in the books."""
        match word:
            case Told(settled):
                member.told(word)
                member.tell(Heard(1))
                self._account.settled(settled)
            case Answered():
                member.answered(word)
                self._doubts.answered(word)
            case Requested(log):
                self._charge.requested(log)
            case Read():
                self._read(member, word)

    def _looked(self, member: Member, word: Looked) -> None:
        if not word.is_last:
            member.tell(Heard(1))
        if self._looking is None or word.stream != self._stream.name:
            return  # more than enough is known
        if word.is_last:
            del member.looks[word.shard]
        else:
            self._looking.heard(word)

    def _read(self, member: Member, word: Read) -> None:
        cuts = member.shards[word.file.shard].shard.cuts
        cut = next(cut for cut in cuts if cut.file.index == word.file.index)
        member.read(word.file)
        if cut.stop is None:
            self._account.ended(word.file, word.rows)

    def _rested(self, member: Member, word: Rested) -> None:
        member.state = "resting"
        for doubted in word.doubted:
            member.answered(doubted)
        self._doubts.add(word.doubted, word.batches)
        if member.left and not self._is_stopped:
            raise AssertionError("a worker rests and has not told of all its rows")
        if self._is_stopped:
            member.shards.clear()

    def _expect(self) -> None:
        """Tell how many rows there will be, as far as it can be told."""
        if not self._is_planned:
            return
        open_ones = [one for member in self._members.values() for one in member.shards.values()]
        open_ones += [Progress(shard, 0, expected=shard.rows) for shard in self._queue]
        known = [one for one in open_ones if one.expected is not None]
        rows = self._rows + sum(one.rows for one in known)
        size = self._sizes + sum(one.shard.size for one in known)
        unknown = sum(one.shard.size for one in open_ones if one.expected is None)
        if size:
            self._account.expects(self._before + rows + rows * unknown // size)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._news.clear()
            await self._news.wait()
