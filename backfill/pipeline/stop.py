"""The wish to end a run, from a signal or a program."""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from backfill.errors import HungUp, Interrupted, Terminated

Found = TypeVar("Found")

_INTERRUPTIONS: dict[int | None, type[Interrupted]] = {
    signals.SIGTERM: Terminated,
    signals.SIGHUP: HungUp,
}


class Stop:
    """Asks a run to end: once to finish what is in flight, twice to abandon it.

    A terminal that goes away is never the second wish: the system and the shell each send SIGHUP,
    and so does systemd after its SIGTERM.  [docs: systemd.kill(5), SendSIGHUP]

    signal: the number that was given, None while nothing was asked.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._asked = asyncio.Event()
        self._listener: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def goes_by(self, loop: asyncio.AbstractEventLoop) -> None:
        """The event loop that the run lives in, from now on."""
        self._loop = loop

    def wish(self, signal: int) -> None:
        """As `request`, from any thread, also before the run begins and once it has ended."""
        if self._loop is None:
            self.request(signal)
        else:
            with suppress(RuntimeError):  # the loop is closed: only the report is still written
                self._loop.call_soon_threadsafe(self.request, signal)

    def request(self, signal: int) -> None:
        """To be called in the event loop's thread."""
        if signal == signals.SIGHUP and self.signal is not None:
            return
        self.signal = signal
        self._asked.set()
        if self._listener:
            self._listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` at every request."""
        self._listener = listener
        if self.signal is not None:
            listener()

    async def unless_asked(self, work: Coroutine[Any, Any, Found]) -> Found:
        """The outcome of `work`, which is abandoned when the run is asked to end.

        Raises Interrupted or Terminated then. Only for work that changes nothing.
        """
        working = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait((working, asked), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise before_anything(self.signal)
        finally:
            working.cancel()
            asked.cancel()

    async def through(self, work: Iterator[None]) -> None:
        """Go through blocking work step by step, each in a thread; as `unless_asked`."""
        while await self.unless_asked(asyncio.to_thread(next, work, _OVER)) is not _OVER:
            pass


_OVER = object()


def before_anything(signal: int | None) -> Interrupted:
    """The error of a run that was asked to end before it sent anything."""
    kind = _INTERRUPTIONS.get(signal, Interrupted)
    return kind("interrupted before anything was sent", "this run", "run the same command again")
