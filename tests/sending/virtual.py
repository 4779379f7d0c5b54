"""An event loop whose clock jumps to the next timer: an hour of retries takes a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)  # sockets of this process are served before time goes on
        if ready:
            return ready
        if timeout is None:
            raise AssertionError("everything waits and no timer is set: a deadlock")
        self.skipped_s += max(timeout, 0.0) + 1e-6  # as a real clock, it never stands still
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumps = _Selector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return 1000.0 + self._jumps.skipped_s


def run(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
