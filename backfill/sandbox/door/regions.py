"""The other region's host: it tells where the workspace is, and takes nothing itself."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backfill import trackapi
from backfill.sandbox.desk import Desk
from backfill.sandbox.door import replies
from backfill.sandbox.door.credentials import has_track_key


class OtherRegion:
    """Plays the other region's host on a port of its own; what came elsewhere is passed on.

    address: the base address of the workspace's own region.
    The US host leads to an EU workspace [overview; by which status is not known: see
    `Behaviour.redirect`], the EU host takes no key of a US workspace [docs: api/track, 2023]. Where
    the workspace is, both say.  [spec]
    """

    def __init__(self, app: ASGIApp, desk: Desk, port: int, address: str) -> None:
        self.app = app
        self.desk = desk
        self.port = port
        self.address = address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        is_ours = scope["type"] == "http" and scope["server"][1] == self.port
        if is_ours and scope["path"] != trackapi.REGION_PATH:
            response = await self._answered(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _answered(self, request: Request) -> Response:
        sandbox, arrival = self.desk.sandbox, replies.arrived(request)
        may_enter = has_track_key(sandbox, request.headers.get("authorization", ""))
        is_led_on = may_enter and sandbox.region == "eu"
        status = sandbox.behaviour.redirect if is_led_on else 401
        answer = await replies.turned_away(self.desk, arrival, status)
        query = f"?{request.url.query}" if request.url.query else ""
        location = {"location": f"{self.address}{arrival.path}{query}"} if is_led_on else {}
        return replies.reply(answer, location)
