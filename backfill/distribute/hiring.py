"""Workers come and go: started by an engine, looked at before they are let in, missed when gone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from importlib.metadata import version
from typing import Any, Protocol

from backfill.distribute import clock
from backfill.distribute.links import Engine, Hand, Lost, Mouth, understood
from backfill.distribute.member import Member
from backfill.distribute.messages import Answered, FromWorker, Ready, Setup, Told
from backfill.distribute.worker import probe
from backfill.errors import BackfillError, UsageError, foreseen
from backfill.pipeline.destination import Place
from backfill.remarks import Says

#: Workers that may be lost in a row, for each there is to be, with no row done in between.
LOSSES_MAX = 3

#: Seconds after which a worker that has not started is spoken of, how long one may take until its
#: first word, and after which one that says no more is taken for hung, or its network.
ROOM_S, START_S_MAX, SILENT_MAX_S = 10.0, 300.0, 60.0

#: Seconds in which a worker says something if it lives: it may be the driver that stood still.
ANSWER_S = 5.0


class Employer(Protocol):
    """Whom the workers work for."""

    def setup(self, member: Member) -> Setup:
        """The first word to a worker."""

    def joined(self, member: Member) -> None:
        """A worker is ready."""

    def heard(self, member: Member, message: FromWorker) -> None:
        """A worker says something; what is raised ends the run."""

    def left(self, member: Member) -> None:
        """A worker is gone."""

    def failed(self, error: BackfillError) -> None:
        """The run cannot go on."""


class Hiring:
    """Keeps so many workers at work; lives in one event loop."""

    def __init__(
        self, engine: Engine, workers: int, place: Place, says: Says, employer: Employer
    ) -> None:
        self._engine, self._workers, self._place = engine, workers, place
        self._says, self._employer = says, employer
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = self._losses = 0
        self._is_over = False

    def begin(self) -> None:
        """Start the workers, unless that was done."""
        if self._started:
            return
        if self._engine.described:
            self._says(f"Workers run on {self._engine.described}.", "engine")
        self._spawn(self._watch())
        for _ in range(self._workers):
            self._start()

    def over(self) -> None:
        """Nobody is to take the place of who leaves from now on."""
        self._is_over = True

    async def close(self) -> None:
        """End all of them."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._engine.close()

    def _start(self) -> None:
        self._started += 1
        self._spawn(self._life(f"worker {self._started}"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        try:
            await self._engine.watch()
        except Exception as error:  # of any kind: nobody else would hear of it
            self._employer.failed(foreseen(error))

    async def _life(self, name: str) -> None:
        """The life of a worker, as the driver sees it."""
        member: Member | None = None
        try:
            hand = await self._patiently(name)
            member = Member(name, hand, Mouth(hand.tell))
            member.tell(self._employer.setup(member))
            within_s = START_S_MAX
            while True:
                for message in understood(await _word(hand, within_s)):
                    self._listen(member, message)
                within_s = SILENT_MAX_S
        except Lost as error:
            self._lost(name, member, str(error))
        except Exception as error:  # of any kind: nobody else would hear of it
            self._employer.failed(foreseen(error))
            if member is not None:
                self._employer.left(member)
        finally:
            if member is not None:
                member.hand.end()

    async def _patiently(self, name: str) -> Hand:
        """Start a worker, and say so where the engine has no room for it."""
        starting = asyncio.ensure_future(self._engine.start(name))
        try:
            if not (await asyncio.wait({starting}, timeout=ROOM_S))[0]:
                words = f"{name} waits for the engine to have room for it"
                self._says(words, "worker_waits", "warning")
            return await starting
        finally:
            starting.cancel()

    def _listen(self, member: Member, message: FromWorker) -> None:
        """Do about a message what is to be done; what is raised ends the run."""
        try:
            if isinstance(message, Ready):
                self._let_in(member, message)
            else:
                self._employer.heard(member, message)
                if isinstance(message, Answered) or (
                    isinstance(message, Told) and message.settled.done
                ):
                    self._losses = 0
        except Exception as error:  # of any kind: a run must not go on without its books
            self._employer.failed(foreseen(error))

    def _let_in(self, member: Member, word: Ready) -> None:
        member.place = f"process {word.process} on {word.node}"
        check_alike(member, word)
        if self._place.is_rehearsal and word.host != clock.host():
            raise UsageError(
                f"{member.name} runs on another machine, from which {self._place.address} leads"
                " elsewhere",
                member.place,
                "send to an address that every node reaches, or rehearse with --engine local",
            )
        self._says(f"{member.name} is ready: {member.place}", "worker_ready")
        self._employer.joined(member)

    def _lost(self, name: str, member: Member | None, why: str) -> None:
        """A worker is gone; another takes its place."""
        if member is not None:
            self._employer.left(member)
        if self._is_over:
            return
        self._losses += 1
        if self._losses > LOSSES_MAX * self._workers:
            fix = "see what ends them, memory perhaps; the same command goes on where it stopped"
            self._employer.failed(BackfillError(f"workers do not live: {why}", name, fix))
            return
        place = f", {member.place}" if member is not None and member.place else ""
        words = f"{name}{place} is lost ({why}); what it had goes on elsewhere"
        self._says(words, "worker_lost", "warning")
        self._start()


async def _word(hand: Hand, within_s: float) -> bytes:
    """What a worker says next; once it is there it says something every second."""
    hearing = asyncio.ensure_future(hand.hear())
    try:
        for patience_s in (within_s, ANSWER_S):
            if (await asyncio.wait({hearing}, timeout=patience_s))[0]:
                return hearing.result()
    finally:
        hearing.cancel()
    raise Lost(f"silent for {within_s:.0f} s")


def check_alike(member: Member, word: Ready) -> None:
    """Raise UsageError where a worker would do something else than the driver."""
    ours = version("backfill")
    if word.version != ours:
        raise UsageError(
            f"{member.name} runs backfill {word.version}, this process {ours}",
            member.place,
            "install the same release on every node",
        )
    if (word.probe != probe()).any():
        raise UsageError(
            f"{member.name} tells entities apart by other hashes than this process",
            member.place,
            "install the same release of polars on every node, for the same kind of processor",
        )
