"""Workers as processes of this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress

from backfill.distribute.links import Lost, cannot_start

_LENGTH = struct.Struct(">Q")

#: What a stream holds before who sends has to wait: a few batches' worth of words.
_BUFFER_BYTES = 1 << 20


class SocketLink:
    """A link over a socket: each word behind its length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, end: socket.socket) -> SocketLink:
        """The link of one end of a pair of sockets."""
        reader, writer = await asyncio.open_connection(sock=end, limit=_BUFFER_BYTES)
        return cls(reader, writer)

    def tell(self, words: bytes) -> None:
        """See `Link`."""
        if not self._writer.is_closing():
            self._writer.write(_LENGTH.pack(len(words)) + words)

    def close(self) -> None:
        """Leave it; nothing more is heard."""
        self._writer.close()

    async def hear(self) -> bytes:
        """See `Link`."""
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Lost("the connection to it ended") from error


class Process:
    """A worker in a process of its own; as of `Hand`."""

    def __init__(self, process: subprocess.Popen[bytes], link: SocketLink) -> None:
        self._process, self._link = process, link
        self.tell = link.tell

    async def hear(self) -> bytes:
        """See `Link`."""
        try:
            return await self._link.hear()
        except Lost as error:
            raise Lost(await asyncio.to_thread(self._how_it_ended)) from error

    def end(self) -> None:
        """See `Hand`; what it has said is heard still."""
        self._process.kill()

    def close(self) -> None:
        """End it, and leave nothing of it."""
        self._process.kill()
        self._process.wait()
        self._link.close()

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if code < 0:
            with suppress(ValueError):
                return f"ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"


class LocalEngine:
    """Processes of this machine; as of `Engine`."""

    workers = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )

    described = ""

    def __init__(self) -> None:
        self._processes: list[Process] = []

    async def watch(self) -> None:
        """See `Engine`."""
        await asyncio.Event().wait()

    async def start(self, name: str) -> Process:  # noqa: ARG002
        """See `Engine`."""
        ours, theirs = socket.socketpair()
        try:
            started = await asyncio.to_thread(_started, theirs)
        except OSError as error:
            ours.close()
            raise cannot_start(
                f"a worker cannot be started: {error.strerror}",
                "take fewer workers, or free what they need, and run the same command again",
            ) from error
        process = Process(started, await SocketLink.over(ours))
        self._processes.append(process)
        return process

    def close(self) -> None:
        """See `Engine`."""
        for process in self._processes:
            process.close()


def _started(end: socket.socket) -> subprocess.Popen[bytes]:
    """A process with one end of a link, which is closed here."""
    with end:
        return subprocess.Popen(  # noqa: S603  ourselves
            [sys.executable, "-P", "-m", "backfill.distribute.process", str(end.fileno())],
            # Its modules are those of this process; what lies in the current folder is none.
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            pass_fds=[end.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is the driver's
        )
