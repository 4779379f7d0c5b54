"""The door: which path leads where, who may enter, and how an answer looks on the wire."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from backfill.sandbox import app_api, page, track
from backfill.sandbox.calls import Answer, Call, Endpoint, Lookup
from backfill.sandbox.credentials import has_app_key, has_track_key
from backfill.sandbox.desk import Arrival, Desk

#: Every answer carries these.  [observed: live recordings of the vendor's Node client]
_HEADERS: Final = {
    "content-type": "application/json; charset=utf-8",
    "access-control-allow-origin": "*",
    "cache-control": "no-cache, no-store, must-revalidate, max-age=0",
    "via": "1.1 google",
}

#: The description of all that is served, written by hand.
_OPENAPI: Final = Path(__file__).with_name("openapi.json")

Serve = Callable[[Request], Awaitable[Response]]


def application(desk: Desk) -> Starlette:
    """The Track API and the App API as one ASGI application."""
    window = app_api.Window(desk.sandbox.app_requests_per_s)
    app = Starlette(
        routes=[
            Route("/openapi.json", _document),
            *(_route(e, _writing(desk, e)) for e in track.ENDPOINTS),
            *(_route(e, _looking_up(desk, e, window)) for e in app_api.LOOKUPS),
            *page.routes(desk),
        ],
        exception_handlers={HTTPException: _absent(desk)},
        middleware=[Middleware(AsSent)],
    )
    app.router.redirect_slashes = False
    return app


class AsSent:
    """Lets paths be matched as they were sent, so that an id may hold an encoded slash."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            scope["path"] = scope["raw_path"].decode("latin-1")
        await self.app(scope, receive, send)


def _route(at: Endpoint | Lookup, serve: Serve) -> Route:
    return Route(at.path, serve, methods=[at.method])


def _writing(desk: Desk, endpoint: Endpoint) -> Serve:
    async def serve(request: Request) -> Response:
        arrival = _arrival(request)
        given = request.headers.get("authorization", "")
        if not endpoint.is_open and not has_track_key(desk.sandbox, given):
            return _reply(await _turned_away(desk, arrival, 401, "Unauthorized"))
        try:
            body = await _bounded(request, endpoint.body_bytes_max)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        if body is None:
            status = desk.sandbox.behaviour.oversized
            return _reply(await _turned_away(desk, arrival, status, "Request Entity Too Large"))
        return _reply(await desk.take(arrival, endpoint.handle, _call(request, body)))

    return serve


async def _document(_request: Request) -> Response:
    """What is served here, as OpenAPI."""
    return FileResponse(_OPENAPI, media_type="application/json")


def _looking_up(desk: Desk, lookup: Lookup, window: app_api.Window) -> Serve:
    async def serve(request: Request) -> Response:
        if not has_app_key(desk.sandbox, request.headers.get("authorization", "")):
            return _reply(app_api.problem(401, "unauthorized"))
        if not window.admits(time.monotonic()):
            return _reply(app_api.problem(429, "too many requests"))
        try:
            body = await _bounded(request, lookup.body_bytes_max)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _reply(app_api.problem(413, "request entity too large"))
        return _reply(await desk.look(lookup.handle, _call(request, body), time.time()))

    return serve


def _absent(desk: Desk) -> Callable[[Request, Exception], Awaitable[Response]]:
    """For paths and methods that are not there: 404 and 405."""

    async def refusal(request: Request, problem: Exception) -> Response:
        if not isinstance(problem, HTTPException):
            raise problem
        status, told = problem.status_code, problem.detail
        return _reply(await _turned_away(desk, _arrival(request), status, told))

    return refusal


async def _turned_away(desk: Desk, arrival: Arrival, status: int, message: str) -> Answer:
    """The bodies of these answers are not documented."""
    answer = Answer(status, orjson.dumps({"meta": {"error": message}}) + b"\n")
    return await desk.take(arrival, lambda _work, _call: answer, Call({}, {}, b""))


def _arrival(request: Request) -> Arrival:
    return Arrival(time.time(), request.method, request.url.path)


def _call(request: Request, body: bytes) -> Call:
    names = {name: unquote(value) for name, value in request.path_params.items()}
    return Call(names, request.query_params, body)


def _reply(answer: Answer) -> Response:
    status = {"status": "200 OK"} if answer.status == 200 else {}
    return Response(answer.body, answer.status, {**_HEADERS, **status})


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
