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
from backfill.errors import BackfillError, UsageError
from backfill.phrases import counted
from backfill.process import settle

#: Seconds between two looks whether the cluster is there, and how often in a row it may not be.
KNOCK_EVERY_S, KNOCKS = 4.0, 3

#: Cores that a worker takes of the cluster: reading and sending run beside the encoder, which keeps
#: one busy.
CPUS = 1


class _Outlet:
    """The worker's end of its link, inside of its actor."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.outbox: asyncio.Queue[bytes] = asyncio.Queue()

    def tell(self, words: bytes) -> None:
        """See `Link`."""
        self.outbox.put_nowait(words)

    async def hear(self) -> bytes:
        """See `Link`."""
        return await self.inbox.get()


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
        following = asyncio.ensure_future(self._outlet.outbox.get())
        ends = {following} if self._working is None else {following, self._working}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not following.done() and self._working is not None:
            following.cancel()
            self._working.result()
        said = [await following]
        while not self._outlet.outbox.empty():
            said.append(self._outlet.outbox.get_nowait())
        return said


class RayHand:
    """A worker in an actor; as of `Hand`. gone: done once the cluster is."""

    def __init__(self, ray: Any, actor: Any, gone: asyncio.Event) -> None:
        self._ray, self._actor, self._gone = ray, actor, gone
        self._heard: list[bytes] = []
        self._numbers = count()

    def tell(self, words: bytes) -> None:
        """See `Link`."""
        if not self._gone.is_set():
            self._actor.tell.remote(next(self._numbers), words)

    async def hear(self) -> bytes:
        """See `Link`."""
        if not self._heard:
            gone = asyncio.ensure_future(self._gone.wait())
            heard = asyncio.ensure_future(_answer(self._actor.hear.remote()))
            try:
                await asyncio.wait({heard, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not heard.done():
                    raise Lost("its cluster is gone")
                self._heard = list(reversed(heard.result()))
            except self._ray.exceptions.RayError as error:
                raise Lost(_why(error)) from error
            finally:
                gone.cancel()
                heard.cancel()
        return self._heard.pop()

    def end(self) -> None:
        """See `Hand`."""
        if not self._gone.is_set():
            with suppress(Exception):
                self._ray.kill(self._actor)


async def _answer(reference: Any) -> Any:
    return await reference


class RayEngine:
    """Actors of a cluster that is there; as of `Engine`.

    address: of the cluster; None: RAY_ADDRESS, or the one that was started on this machine. Where
    this process has joined one already, that one is taken, and not left.
    Raises UsageError where Ray is not installed, where it is not one cluster that is found, and
    where this machine is none of its nodes.
    """

    def __init__(self, address: str | None) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # this process reports nothing to anybody
        try:
            import ray
        except ModuleNotFoundError as error:
            raise UsageError(
                "Ray is not installed", "--engine ray", "pip install 'ray>=2.60', on every node"
            ) from error
        self._ray: Any = ray
        self._gone = asyncio.Event()
        self._is_ours = not self._ray.is_initialized()  # in a notebook it may be
        if self._is_ours:
            self._address = _address(address or os.environ.get("RAY_ADDRESS"))
            self._join()
        else:
            self._address = str(self._ray.get_runtime_context().gcs_address)
            if address not in (None, self._address):
                raise UsageError(
                    f"this process has joined another Ray cluster, at {self._address}",
                    f"--ray-address {address}",
                    "leave that one first, by ray.shutdown(); or name none, and run there",
                )
        found = self._ray.cluster_resources()
        free = self._ray.available_resources()
        self.workers = max(1, int(found.get("CPU", 1)))
        self.described = (
            f"a Ray cluster at {self._address}: {counted(len(self._ray.nodes()), 'node')},"
            f" {counted(int(found.get('CPU', 0)), 'core')}, {int(free.get('CPU', 0))} of them free"
        )

    def _join(self) -> None:
        try:
            _knock(self._address)
            _check_node(self._address)
            self._ray.init(
                self._address,
                namespace="backfill",
                configure_logging=False,
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise _nobody(self._address) from error

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
        return RayHand(self._ray, actor, self._gone)

    async def watch(self) -> None:
        """See `Engine`: left alone, Ray would end this process a minute later, without a word."""
        missed = 0
        while missed < KNOCKS:
            await asyncio.sleep(KNOCK_EVERY_S)
            try:
                await asyncio.to_thread(_knock, self._address)
                missed = 0
            except OSError:
                missed += 1
        self._gone.set()
        raise BackfillError(
            "the Ray cluster is gone: its head does not answer",
            self._address,
            "start it again and run the same command again: it goes on where it stopped; or go on"
            " without --engine",
        )

    def close(self) -> None:
        """See `Engine`."""
        if self._is_ours and not self._gone.is_set():
            self._ray.shutdown()


def _address(given: str | None) -> str:
    """HOST:PORT of one cluster. Raises UsageError where it cannot be told."""
    if given in (None, "", "auto"):
        return _of_this_machine()
    if "://" in given or not given.rpartition(":")[2].isdecimal():
        raise UsageError(
            f"'{given}' is not the address of a cluster",
            "--ray-address",
            "say where its head listens: --ray-address HOST:6379 (not ray://, which is Ray Client)",
        )
    return given


def _of_this_machine() -> str:
    from ray._private import services

    find: Any = services.find_gcs_addresses
    found = sorted(find())
    if not found:
        raise _nobody("this machine")
    if len(found) > 1:
        raise UsageError(
            f"several Ray clusters run on this machine: {', '.join(found)}",
            "--engine ray",
            f"say which: --ray-address {found[0]}",
        )
    return str(found[0])


def _nobody(place: str) -> UsageError:
    return UsageError(
        f"no Ray cluster answers at {place}",
        "--ray-address",
        "start one (`ray start --head`), or say where it is: --ray-address HOST:6379",
    )


def _check_node(address: str) -> None:
    """Raise UsageError where no node runs here: Ray looks for one for a minute."""
    from ray._private import services

    find: Any = services.find_node_ids
    if not find():
        raise UsageError(
            f"this machine is no node of the Ray cluster at {address}",
            "--ray-address",
            "run the command on a node, or make this machine one that has no workers: `ray start"
            f" --address {address} --num-cpus 0`",
        )


def _knock(address: str) -> None:
    """Raise OSError where no cluster listens: Ray itself would ask again for minutes.

    A server of gRPC answers the opening of HTTP/2 with its settings.  [RFC 9113, 3.4]
    """
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 5.0) as way:
        if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
            return
        way.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
        if way.recv(9)[3:4] != b"\x04":
            raise ConnectionError("another server")


def _why(error: Exception) -> str:
    """How an actor ended, without the stack of another process."""
    kind = type(error).__name__
    return {"ActorDiedError": "it died", "ActorUnavailableError": "its node is gone"}.get(
        kind, kind
    )
