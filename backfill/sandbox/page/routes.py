"""Which address of the page shows what."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from backfill.sandbox.desk import Desk
from backfill.sandbox.page import overview, profiles, requests, things
from backfill.sandbox.page.rendering import rendered
from backfill.sandbox.workspace.reading import connected

Members = Mapping[str, Any]

#: What a view is told: the parameters of the path and of the query.
View = Callable[[sqlite3.Connection, Mapping[str, str]], Members | None]

#: Nothing from elsewhere, no script, no frame. What was imported is untrusted: should a part of
#: it ever get through as markup, it still can do nothing.
_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:;"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}

_STYLE: Final = Path(__file__).with_name("static") / "page.css"

_VIEWS: Final[dict[str, tuple[str, View]]] = {
    "/": ("overview.html", overview.overview),
    "/people": ("people.html", profiles.people),
    "/people/{cio_id}": ("person.html", profiles.person),
    "/failures": ("failures.html", overview.failures),
    "/visitors": ("visitors.html", profiles.visitors),
    "/objects": ("objects.html", things.objects),
    "/objects/{cio_object_id}": ("object.html", things.thing),
    "/requests": ("requests.html", requests.latest),
    "/requests/{number}": ("request.html", requests.one),
}


def routes(desk: Desk) -> list[BaseRoute]:
    """The page's addresses; whoever mounts them decides who may look."""
    shown = [
        Route(path, _page(desk, template, view), methods=["GET"])
        for path, (template, view) in _VIEWS.items()
    ]
    return [*shown, Route("/static/page.css", _style, methods=["GET"])]


def _page(desk: Desk, template: str, view: View) -> Callable[[Request], Awaitable[Response]]:
    def made(asked: Mapping[str, str]) -> Response:
        with connected(desk.state) as database:
            told = view(database, asked)
        about = {"region": desk.sandbox.region, "path": asked["path"], "q": asked.get("q", "")}
        status = 404 if told is None else 200
        html = rendered("absent.html" if told is None else template, {**about, **(told or {})})
        return Response(html, status, _HEADERS, "text/html; charset=utf-8")

    async def page(request: Request) -> Response:
        named = {name: unquote(value) for name, value in request.path_params.items()}
        asked = {**request.query_params, **named, "path": request.url.path}
        return await run_in_threadpool(made, asked)

    return page


async def _style(_request: Request) -> Response:
    return Response(_STYLE.read_bytes(), 200, _HEADERS, "text/css; charset=utf-8")
