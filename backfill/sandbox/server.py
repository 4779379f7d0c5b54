"""The process: the application on a port of this machine, until it is told to stop."""

from __future__ import annotations

import gc
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import uvicorn
from starlette.types import ASGIApp

from backfill.sandbox.desk import Desk
from backfill.sandbox.door import certificate, hosts
from backfill.sandbox.door.connection import Connection
from backfill.sandbox.door.regions import OtherRegion
from backfill.sandbox.door.routes import application
from backfill.sandbox.lock import locked
from backfill.sandbox.settings import DEFAULT_CREDENTIAL, Sandbox
from backfill.sandbox.workspace.state import opened

#: How long requests may go on once the server is to stop.
_STOP_S: Final = 5


class Running(NamedTuple):
    """A sandbox that takes requests.

    address: SCHEME://HOST:PORT; other: that of the other region's host, None without one;
    authority: the file https clients are to trust, None for http.
    """

    address: str
    other: str | None
    authority: Path | None


@contextmanager
def embedded(
    sandbox: Sandbox | Path,
    port: int = 0,
    tls: bool = False,
    host: str = hosts.LOOPBACK,
    other_region_port: int | None = None,
) -> Iterator[str]:
    """Run the API in a thread of this process; gives its address, http://127.0.0.1:PORT.

    sandbox: a workspace, or just its file. port: 0 for any that is free.
    tls: https, with a certificate by `certificate.authority(state)`.
    other_region_port: of a second listener that plays the other region's host; None: there is none.
    Raises UsageError: the state cannot be opened or is in use, the port or the certificate not be
    had, or other machines would reach it with default credentials.
    """
    wanted = Sandbox(sandbox) if isinstance(sandbox, Path) else sandbox
    with running(wanted, port, tls, host, other_region_port) as found:
        yield found.address


@contextmanager
def running(
    sandbox: Sandbox, port: int, tls: bool, host: str, other_region_port: int | None
) -> Iterator[Running]:
    """As `embedded`, for who needs more than the address."""
    hosts.check(sandbox, host)
    scheme = "https" if tls else "http"
    with (
        _kept(sandbox.state) as state,
        locked(state),
        closing(opened(state)) as database,
        ExitStack() as stack,
    ):
        chain = certificate.chain(state, hosts.names(host)) if tls else None
        desk = Desk(sandbox, state, database)
        stack.enter_context(desk.open())
        app: ASGIApp = application(desk, host)
        listeners = [stack.enter_context(hosts.listening(host, port))]
        address, other = hosts.address(scheme, host, listeners[0]), None
        if other_region_port is not None:
            second = stack.enter_context(hosts.listening(host, other_region_port))
            app = OtherRegion(app, desk, second.getsockname()[1], address)
            other = hosts.address(scheme, host, second)
            listeners.append(second)
        with _serving(app, listeners, chain):
            yield Running(address, other, certificate.authority(state) if tls else None)


@contextmanager
def _serving(app: ASGIApp, listeners: list[socket.socket], chain: Path | None) -> Iterator[None]:
    """Answer what comes to the listeners, in a thread of its own."""
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,  # the process's own logging is not ours to change
        log_level="error",
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
        yield state.resolve()  # one lock however it is called
        return
    with TemporaryDirectory(prefix="backfill-sandbox-") as folder:
        yield Path(folder) / "workspace.db"


#: How long a signal may take to be seen, in seconds.
_STOP_WITHIN_S = 0.05


class Door(NamedTuple):
    """Where a sandbox listens; as the parameters of `embedded`."""

    host: str = hosts.LOOPBACK
    port: int = 0
    tls: bool = False
    other_region_port: int | None = None


def serve(sandbox: Sandbox, door: Door = Door(), *, as_json: bool = False) -> None:  # noqa: B008
    """Run the API until SIGINT or SIGTERM; says where on stdout once it can be reached.

    The first line ends in the address, SCHEME://HOST:PORT; hints for people follow. as_json: one
    object instead, with `address` and what else is of use.

    To be called in the main thread. Raises as `embedded` does.
    """
    # A full batch is 20,000 containers that all go with it; for the collector to look at them again
    # and again costs 5 to 10 % of the operations a second. The process is the sandbox's own.
    gc.freeze()
    gc.set_threshold(200_000)
    asked: list[int] = []
    stops = (signal.SIGINT, signal.SIGTERM)
    before = {stop: signal.signal(stop, lambda number, _: asked.append(number)) for stop in stops}
    try:
        with running(sandbox, door.port, door.tls, door.host, door.other_region_port) as found:
            lines = [json.dumps(_facts(sandbox, found))] if as_json else _hints(sandbox, found)
            sys.stdout.write("".join(f"{line}\n" for line in lines))
            sys.stdout.flush()
            while not asked:  # not sigwait: libraries have threads that take signals, too
                time.sleep(_STOP_WITHIN_S)
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)


def _facts(sandbox: Sandbox, found: Running) -> dict[str, Any]:
    """What a program needs to know; no credential."""
    return {
        "state": "listening",
        "address": found.address,
        "other_region_address": found.other,
        "region": sandbox.region,
        "workspace": str(sandbox.state) if sandbox.state else None,
        "requests_per_s": sandbox.requests_per_s,
        "faults": len(sandbox.faults),
        "certificate": str(found.authority.resolve()) if found.authority else None,
        "error": None,
    }


def _hints(sandbox: Sandbox, found: Running) -> list[str]:
    """What to print, the address first; names of variables, never what they hold."""
    lines = [
        f"sandbox listening on {found.address}",
        f"  to look at:    {found.address}/",
        f"  workspace:     {sandbox.state or 'gone when this ends; --state FILE keeps it'}",
        f"  credentials:   {', '.join(hosts.VARIABLES.values())},",
        f"                 `{DEFAULT_CREDENTIAL}` for each that is not set",
    ]
    if sandbox.region != "us" or found.other:
        lines.append(f"  region:        {sandbox.region}")
    if found.other:
        lines.append(f"  other region:  {found.other}")
    if sandbox.requests_per_s:
        lines.append(f"  limit:         {sandbox.requests_per_s} requests a second, above that 429")
    if sandbox.faults:
        lines.append(f"  scenario:      {len(sandbox.faults)} faults, seed {sandbox.seed}")
    if found.authority:
        lines += [
            f"  certificate:   clients are to trust {found.authority.resolve()}, by",
            "                 REQUESTS_CA_BUNDLE, SSL_CERT_FILE or NODE_EXTRA_CA_CERTS",
        ]
    return lines
