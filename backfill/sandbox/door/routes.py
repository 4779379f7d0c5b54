"""The door: which path leads where, and who may enter."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from backfill.sandbox import app_api, page, track
from backfill.sandbox.calls import Endpoint, Lookup
from backfill.sandbox.desk import Desk
from backfill.sandbox.door import hosts, replies
from backfill.sandbox.door.credentials import has_app_key
from backfill.sandbox.door.guard import Guarded, is_called_by_its_name
from backfill.sandbox.door.taking import Serve, taking
from backfill.sandbox.faults.fates import Fates
from backfill.sandbox.throttle import Window

#: The description of all that is served, written by hand.
_OPENAPI: Final = Path(__file__).parents[1] / "openapi.json"


def application(desk: Desk, host: str = hosts.LOOPBACK) -> Starlette:
    """The Track API, the App API and the page as one ASGI application.

    host: where it listens.
    """
    sandbox = desk.sandbox
    window = Window(sandbox.app_requests_per_s)
    fates = Fates(sandbox.seed, sandbox.faults, sandbox.requests_per_s)
    app = Starlette(
        routes=[
            Route("/openapi.json", _document),
            *(_route(e, taking(desk, fates, e)) for e in track.ENDPOINTS),
            *(_route(e, _looking_up(desk, e, window, host)) for e in app_api.LOOKUPS),
            *(Guarded(route, sandbox, host) for route in page.routes(desk)),
        ],
        exception_handlers={HTTPException: _absent(desk), replies.Gone: _gone},
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


async def _document(_request: Request) -> Response:
    """What is served here, as OpenAPI."""
    return FileResponse(_OPENAPI, media_type="application/json")


def _looking_up(desk: Desk, lookup: Lookup, window: Window, host: str) -> Serve:
    async def serve(request: Request) -> Response:
        if not is_called_by_its_name(request, host):
            return replies.reply(app_api.problem(403, "forbidden"))
        if not has_app_key(desk.sandbox, request.headers.get("authorization", "")):
            return replies.reply(app_api.problem(401, "unauthorized"))
        if not window.admits(time.monotonic()):
            return replies.reply(app_api.problem(429, "too many requests"))
        body = await replies.read(request, lookup.body_bytes_max)
        if body is None:
            return replies.reply(app_api.problem(413, "request entity too large"))
        call = replies.called(request, body)
        return replies.reply(await desk.look(lookup.handle, call, time.time()))

    return serve


def _absent(desk: Desk) -> Callable[[Request, Exception], Awaitable[Response]]:
    """For paths and methods that are not there: 404 and 405."""

    async def refusal(request: Request, problem: Exception) -> Response:
        if not isinstance(problem, HTTPException):
            raise problem
        arrival = replies.arrived(request)
        return replies.reply(await replies.turned_away(desk, arrival, problem.status_code))

    return refusal


async def _gone(_request: Request, _problem: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it
