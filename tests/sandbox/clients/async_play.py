"""How the tests of async-customerio are written: a play with a client, and what it left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from async_customerio import AsyncCustomerIO

from backfill.sandbox import events_of, person

from .conftest import Secure

Play = Callable[[AsyncCustomerIO], Awaitable[Any]]


def run(secure: Secure, play: Play, **settings: Any) -> Any:
    """What comes of a play with a client of the sandbox."""

    async def played() -> Any:
        told = {"host": "127.0.0.1", "port": secure.port, **settings}
        async with AsyncCustomerIO("sandbox", "sandbox", **told) as client:
            return await play(client)

    return asyncio.run(asyncio.wait_for(played(), timeout=30))


def profile(secure: Secure, value: str = "1", kind: Any = "id") -> dict[str, Any]:
    found = person(secure.state, kind, value)
    assert found is not None
    return found


def events(secure: Secure, value: str = "1") -> list[tuple[Any, ...]]:
    found = events_of(secure.state, "id", value)
    return [(event["kind"], event["name"], event["attributes"]) for event in found]


def names_called(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_") and name == name.lower()}
