"""The door: HTTP on loopback, credentials, bounded bodies, one writer."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from backfill import trackapi
from backfill.errors import UsageError
from backfill.sandbox import intake
from backfill.sandbox.intake import Answer
from backfill.sandbox.state import Sandbox, Work, opened, work

#: Every answer carries these.  [observed: live recordings of the vendor's Node client]
_HEADERS: Final = {
    "content-type": "application/json; charset=utf-8",
    "access-control-allow-origin": "*",
    "cache-control": "no-cache, no-store, must-revalidate, max-age=0",
    "via": "1.1 google",
}

#: How long requests may go on once the server is to stop.
_STOP_S: Final = 5

Handle = Callable[[Work, bytes], Answer]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where requests become transactions, one after the other, in a thread of its own."""

    sandbox: Sandbox
    database: sqlite3.Connection
    writer: ThreadPoolExecutor

    async def take(self, request: Request, handle: Handle, body: bytes, at: float) -> Response:
        """Answer a request once what it does, and that it came, is in the state."""
        loop = asyncio.get_running_loop()
        path = request.url.path
        answer = await loop.run_in_executor(self.writer, self._write, path, handle, body, at)
        status = {"status": f"{answer.status} OK"} if answer.status == 200 else {}
        return Response(answer.body, answer.status, {**_HEADERS, **status})

    def _write(self, path: str, handle: Handle, body: bytes, at: float) -> Answer:
        with work(self.sandbox, self.database, int(at)) as begun:
            answer = handle(begun, body)
            digest = hashlib.blake2b(body, digest_size=16).digest() if body else None
            row = (at, path, answer.status, answer.operations, answer.refused, len(body), digest)
            self.database.execute(
                "INSERT INTO requests (at, path, status, operations, refused, bytes, digest)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        return answer


def application(desk: Desk) -> Starlette:
    """The API as an ASGI application."""
    return Starlette(
        routes=[
            Route(trackapi.REGION_PATH, _endpoint(desk, _region), methods=["GET"]),
            Route(trackapi.BATCH_PATH, _endpoint(desk, intake.batch), methods=["POST"]),
            Route(trackapi.ENTITY_PATH, _endpoint(desk, intake.entity), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _refusal(desk)},
    )


def _endpoint(desk: Desk, handle: Handle) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        at = time.time()
        if not _may_enter(desk.sandbox, request.headers.get("authorization", "")):
            return await desk.take(request, _refuse(401, "Unauthorized"), b"", at)
        try:
            body = await _bounded(request, trackapi.BODY_BYTES_MAX)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        if body is None:
            return await desk.take(request, _refuse(413, "Request Entity Too Large"), b"", at)
        return await desk.take(request, handle, body, at)

    return endpoint


def _refusal(desk: Desk) -> Callable[[Request, Exception], Awaitable[Response]]:
    """For paths and methods that are not there: 404 and 405."""

    async def refusal(request: Request, problem: Exception) -> Response:
        if not isinstance(problem, HTTPException):
            raise problem
        handle = _refuse(problem.status_code, problem.detail)
        return await desk.take(request, handle, b"", time.time())

    return refusal


def _refuse(status: int, message: str) -> Handle:
    """The bodies of these answers are not documented."""
    body = orjson.dumps({"meta": {"error": message}}) + b"\n"
    return lambda _work, _body: Answer(status, body)


def _region(begun: Work, _body: bytes) -> Answer:
    region = begun.sandbox.region
    host = trackapi.HOSTS[region]
    told = {"url": host, "region": region, "environment_id": 1}
    return Answer(200, orjson.dumps(told) + b"\n")


def _may_enter(sandbox: Sandbox, header: str) -> bool:
    """Whether these are the credentials, in either alphabet of base64."""
    scheme, _, token = header.partition(" ")
    try:
        given = base64.b64decode(token.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return False
    wanted = f"{sandbox.site_id}:{sandbox.api_key}".encode()
    return hmac.compare_digest(given, wanted) and scheme.lower() == "basic"


async def _bounded(request: Request, limit: int) -> bytes | None:
    """The body; None as soon as it is known to be longer than `limit`."""
    if int(request.headers.get("content-length", "0")) > limit:
        return None
    chunks: list[bytes] = []
    taken = 0
    async for chunk in request.stream():
        taken += len(chunk)
        if taken > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


@contextmanager
def embedded(sandbox: Sandbox | Path, port: int = 0) -> Iterator[str]:
    """Run the API in a thread of this process; gives its address, http://127.0.0.1:PORT.

    sandbox: a workspace, or just its file. port: 0 for any that is free.
    Raises UsageError if the state cannot be opened or the port not be had.
    """
    wanted = Sandbox(sandbox) if isinstance(sandbox, Path) else sandbox
    with (
        closing(opened(wanted.state)) as database,
        ThreadPoolExecutor(1, "sandbox-writer") as writer,
        _listening(port) as listener,
    ):
        config = uvicorn.Config(
            application(Desk(wanted, database, writer)),
            http="httptools",
            lifespan="off",
            log_config=None,  # the process's own logging is not ours to change
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_STOP_S,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, args=([listener],), name="sandbox", daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _listening(port: int) -> socket.socket:
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        problem = f"the sandbox cannot listen: {error.strerror}"
        fix = "give another port, or 0 for any that is free"
        raise UsageError(problem, f"127.0.0.1:{port}", fix) from error
    # Inherited by its connections, for which asyncio does not set it: else 40 ms an answer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(sandbox: Sandbox, port: int = 0) -> None:
    """Run the API until SIGINT or SIGTERM; says where on stdout once it can be reached.

    To be called in the main thread. Raises as `embedded` does.
    """
    stops = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stops)  # the server's threads inherit it
    try:
        with embedded(sandbox, port) as address:
            sys.stdout.write(f"sandbox listening on {address}\n")
            sys.stdout.flush()
            signal.sigwait(stops)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
