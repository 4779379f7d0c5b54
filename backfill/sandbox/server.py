"""The process: the application on a port of this machine, until it is told to stop."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from backfill.errors import UsageError
from backfill.sandbox import certificate, hosts
from backfill.sandbox.desk import Desk
from backfill.sandbox.routes import application
from backfill.sandbox.settings import Sandbox
from backfill.sandbox.workspace.state import opened

#: How long requests may go on once the server is to stop.
_STOP_S: Final = 5


class Running(NamedTuple):
    """A sandbox that takes requests.

    address: SCHEME://HOST:PORT; authority: the file https clients are to trust, None for http.
    """

    address: str
    authority: Path | None


@contextmanager
def embedded(
    sandbox: Sandbox | Path,
    port: int = 0,
    tls: bool = False,
    host: str = hosts.LOOPBACK,
) -> Iterator[str]:
    """Run the API in a thread of this process; gives its address, http://127.0.0.1:PORT.

    sandbox: a workspace, or just its file. port: 0 for any that is free.
    tls: https, with a certificate by `certificate.authority(state)`.
    Raises UsageError: the state cannot be opened or is in use, the port or the certificate not be
    had, or other machines would reach it with default credentials.
    """
    wanted = Sandbox(sandbox) if isinstance(sandbox, Path) else sandbox
    with _running(wanted, port, tls, host) as running:
        yield running.address


@contextmanager
def _running(sandbox: Sandbox, port: int, tls: bool, host: str) -> Iterator[Running]:
    hosts.check(sandbox, host)
    with (
        _kept(sandbox.state) as state,
        closing(opened(state)) as database,
        ThreadPoolExecutor(1, "sandbox-writer") as writer,
        hosts.listening(host, port) as listener,
    ):
        chain = certificate.chain(state, hosts.names(host)) if tls else None
        app = application(Desk(sandbox, state, database, writer))
        with _serving(app, [listener], chain):
            yield Running(
                hosts.address("https" if tls else "http", host, listener),
                certificate.authority(state) if tls else None,
            )


@contextmanager
def _serving(app: ASGIApp, listeners: list[socket.socket], chain: Path | None) -> Iterator[None]:
    """Answer what comes to the listeners, in a thread of its own."""
    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        log_config=None,  # the process's own logging is not ours to change
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_S,
        ssl_certfile=chain,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=(listeners,), name="sandbox", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _kept(state: Path | None) -> Iterator[Path]:
    """The workspace's file; without one, a file that is gone afterwards."""
    if state is not None:
        yield state
        return
    with TemporaryDirectory(prefix="backfill-sandbox-") as folder:
        yield Path(folder) / "workspace.db"


def serve(sandbox: Sandbox, port: int = 0, tls: bool = False, host: str = hosts.LOOPBACK) -> None:
    """Run the API until SIGINT or SIGTERM; says where on stdout once it can be reached.

    To be called in the main thread. Raises as `embedded` does.
    """
    stops = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # the server's threads inherit it
    try:
        with _running(sandbox, port, tls, host) as running:
            sys.stdout.write(f"sandbox listening on {running.address}\n")
            sys.stdout.flush()
            signal.sigwait(stops)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
