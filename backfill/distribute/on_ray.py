"""Workers as actors of a Ray cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from contextlib import suppress
from itertools import count
from typing import Any

from backfill.distribute.links import Lost, cannot_start
from backfill.errors import UsageError
from backfill.process import settle

#: Cores that a worker takes of the cluster: reading and sending run beside the encoder, which keeps
#: one busy.
CPUS = 1


class _Outlet:
    """The worker's end of its link, inside of its actor."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue()

    def tell(self, words: bytes) -> None:
        """See `Link`."""
        self.outbox.put_nowait(words)

    async def hear(self) -> bytes:
        """See `Link`."""
        words = await self.inbox.get()
        if words is None:
            raise Lost("the driver is gone")
        return words


class _Actor:
    """A worker, as Ray runs it: its methods are called by the driver, in whatever order."""

    def __init__(self) -> None:
        settle()
        self._outlet = _Outlet()
        self._working: asyncio.Task[None] | None = None
        self._early: dict[int, bytes] = {}
        self._told = 0

    async def tell(self, number: int, words: bytes) -> None:
        """The driver says something, its number-th word."""
        if self._working is None:
            from backfill.distribute.worker import work

            self._working = asyncio.get_running_loop().create_task(work(self._outlet))
        self._early[number] = words
        while self._told in self._early:
            self._outlet.inbox.put_nowait(self._early.pop(self._told))
            self._told += 1

    async def hear(self) -> list[bytes]:
        """All that the worker said since the last call; waits for something."""
        if self._working is not None and self._working.done():
            self._working.result()
        said = [await self._outlet.outbox.get()]
        while not self._outlet.outbox.empty():
            said.append(self._outlet.outbox.get_nowait())
        return said


class RayHand:
    """A worker in an actor; as of `Hand`."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor
        self._heard: list[bytes] = []
        self._numbers = count()

    def tell(self, words: bytes) -> None:
        """See `Link`."""
        self._actor.tell.remote(next(self._numbers), words)

    async def hear(self) -> bytes:
        """See `Link`."""
        if not self._heard:
            try:
                self._heard = list(reversed(await self._actor.hear.remote()))
            except self._ray.exceptions.RayError as error:
                raise Lost(_why(error)) from error
        return self._heard.pop()

    def end(self) -> None:
        """See `Hand`."""
        with suppress(Exception):
            self._ray.kill(self._actor)


class RayEngine:
    """Actors of a cluster that is there; as of `Engine`.

    address: of the cluster; None: RAY_ADDRESS, or the one that was started on this machine.
    Raises UsageError where Ray is not installed or no cluster is found.
    """

    def __init__(self, address: str | None) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported to anybody
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else it writes to our stderr
        try:
            import ray
        except ModuleNotFoundError as error:
            raise UsageError(
                "Ray is not installed", "--engine ray", "pip install 'backfill[ray]'"
            ) from error
        self._ray: Any = ray
        address = address or os.environ.get("RAY_ADDRESS", "auto")
        try:
            _knock(address)
            self._ray.init(
                address,
                namespace="backfill",
                configure_logging=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
        except (OSError, RuntimeError, ValueError) as error:
            place = "this machine" if address == "auto" else address
            raise UsageError(
                f"no Ray cluster answers at {place}",
                "--ray-address",
                "start one (`ray start --head`), or say where it is: --ray-address HOST:6379",
            ) from error
        self.workers = max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    async def start(self, name: str) -> RayHand:
        """See `Engine`; waits until the cluster has room."""
        made = self._ray.remote(_Actor).options(num_cpus=CPUS, name=None, max_restarts=0)
        try:
            actor = made.remote()
            await actor.__ray_ready__.remote()
        except self._ray.exceptions.RayError as error:
            raise Lost(_why(error)) from error
        except Exception as error:
            raise cannot_start(
                f"{name} cannot be started: {type(error).__name__}",
                "install the same release of backfill on every node",
            ) from error
        return RayHand(self._ray, actor)

    def close(self) -> None:
        """See `Engine`."""
        self._ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would ask again for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host, int(port)), 5.0).close()


def _why(error: Exception) -> str:
    """How an actor ended, without the stack of another process."""
    kind = type(error).__name__
    return {"ActorDiedError": "it died", "ActorUnavailableError": "its node is gone"}.get(
        kind, kind
    )
