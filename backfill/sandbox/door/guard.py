"""Who may read a workspace: no web page that had its own name lead to this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import URLPath
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from backfill.loopback import is_loopback
from backfill.sandbox.door import hosts
from backfill.sandbox.door.credentials import has_track_key
from backfill.sandbox.settings import Sandbox


def is_called_by_its_name(request: Request, host: str) -> bool:
    """Whether a request is meant for a sandbox that listens on `host`.

    A browser sends the name of the web page that asks. Beyond loopback a sandbox does not know
    its names; there credentials of its own protect it.
    """
    if not is_loopback(host):
        return True
    try:
        asked = urlsplit("//" + request.headers.get("host", "")).hostname
    except ValueError:
        return False
    return asked in {name.lower() for name in hosts.names(host)}


class Guarded(BaseRoute):
    """A route of the page for those who may: on loopback anyone here, else who has the key."""

    def __init__(self, route: BaseRoute, sandbox: Sandbox, host: str) -> None:
        self.route = route
        self.sandbox = sandbox
        self.host = host

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As the route does."""
        return self.route.matches(scope)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """As the route has it."""
        return self.route.url_path_for(name, **path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or say why not."""
        refusal = self._refusal(Request(scope))
        if refusal:
            await refusal(scope, receive, send)
        else:
            await self.route.handle(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if not is_called_by_its_name(request, self.host):
            return PlainTextResponse("This page answers to localhost and 127.0.0.1.\n", 403)
        given = request.headers.get("authorization", "")
        if is_loopback(self.host) or has_track_key(self.sandbox, given):
            return None
        asks = {"www-authenticate": 'Basic realm="backfill sandbox"'}
        return PlainTextResponse("The site id and the API key, please.\n", 401, asks)
