"""How requests are read and answers look on the wire."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.client import responses
from typing import Final
from urllib.parse import unquote

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from backfill.sandbox.calls import Answer, Call
from backfill.sandbox.desk import Arrival, Desk
from backfill.sandbox.faults.fates import Fate

#: Every answer carries these.  [observed: live recordings of the vendor's Node client]
_HEADERS: Final = {
    "content-type": "application/json; charset=utf-8",
    "access-control-allow-origin": "*",
    "cache-control": "no-cache, no-store, must-revalidate, max-age=0",
    "via": "1.1 google",
}


class Gone(Exception):
    """The client left before its request was whole: nobody is there to be answered."""


def arrived(request: Request) -> Arrival:
    """When and where a request comes."""
    return Arrival(time.time(), request.method, request.scope["raw_path"].decode("latin-1"))


def called(request: Request, body: bytes) -> Call:
    """What a request asks for."""
    names = {name: unquote(value) for name, value in request.path_params.items()}
    return Call(names, request.query_params, body)


def reply(answer: Answer, more: Mapping[str, str] | None = None) -> Response:
    """An answer with the headers of the API; more: further headers."""
    status = {"status": "200 OK"} if answer.status == 200 else {}
    return Response(answer.body, answer.status, {**_HEADERS, **status, **(more or {})})


def failure(status: int) -> Answer:
    """An answer that tells of no more than its status.

    400 has the shape that v2 documents  [spec]; of the others none is known.
    """
    told = responses.get(status, "Failure")
    shape: object = {"meta": {"error": told}}
    if status == 400:
        shape = {"errors": [{"reason": "invalid", "field": "body", "message": told}]}
    return Answer(status, orjson.dumps(shape) + b"\n")


async def turned_away(desk: Desk, arrival: Arrival, status: int) -> Answer:
    """Answer, and log, a request whose body nobody looks at."""
    return await noted(desk, arrival, failure(status), b"", Fate())


async def noted(desk: Desk, arrival: Arrival, answer: Answer, body: bytes, fate: Fate) -> Answer:
    """Log a request that changes nothing."""
    return await desk.take(arrival, lambda _work, _call: answer, Call({}, {}, body), fate)


async def read(request: Request, limit: int) -> bytes | None:
    """The body; None as soon as it is known to be longer than `limit`. Raises Gone."""
    if int(request.headers.get("content-length", "0")) > limit:
        return None
    chunks: list[bytes] = []
    taken = 0
    try:
        async for chunk in request.stream():
            taken += len(chunk)
            if taken > limit:
                return None
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise Gone from error
    return b"".join(chunks)
