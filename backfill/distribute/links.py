"""The seam between the driver and whatever starts its workers: anything that can do this will do.

An engine starts workers, each of which runs `worker.work` with its end of a link; the driver holds
the other end. Words are bytes, arrive whole and in order, and none is lost while both live.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any, Protocol

from backfill.errors import BackfillError


class Lost(Exception):
    """The other end is gone; its words say how, as far as that is known."""


class Link(Protocol):
    """One end of a link."""

    def tell(self, words: bytes) -> None:
        """Send something; must not block. Does nothing where the other end is gone."""

    async def hear(self) -> bytes:
        """What the other end sent next. Raises Lost."""


class Hand(Link, Protocol):
    """The driver's end of a link to a worker."""

    def end(self) -> None:
        """End the worker at once, whatever it does."""


class Engine(Protocol):
    """Starts workers."""

    @property
    def workers(self) -> int:
        """How many it runs where nobody says it."""
        ...

    @property
    def described(self) -> str:
        """What it is, for people; empty: there is nothing to say."""
        ...

    async def watch(self) -> None:
        """Return never; raises BackfillError once the engine itself is gone."""
        ...

    async def start(self, name: str) -> Hand:
        """Start a worker; returns when it runs. Raises BackfillError where it cannot be."""
        ...

    def close(self) -> None:
        """Leave nothing behind; the workers have been ended."""


class Mouth:
    """Gathers what is said in one turn of the event loop, and sends it together."""

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        self._tell = tell
        self._said: list[Any] = []

    def say(self, message: Any) -> None:
        """Say something, soon."""
        if not self._said:
            asyncio.get_running_loop().call_soon(self.flush)
        self._said.append(message)

    def flush(self) -> None:
        """Send what was said."""
        said, self._said = self._said, []
        if said:
            self._tell(pickle.dumps(said, pickle.HIGHEST_PROTOCOL))


def understood(words: bytes) -> list[Any]:
    """What was said: by a process that we started, or that started us."""
    found: list[Any] = pickle.loads(words)  # noqa: S301
    return found


def cannot_start(why: str, fix: str) -> BackfillError:
    """The error of an engine that cannot start workers."""
    return BackfillError(why, "--engine", fix)
