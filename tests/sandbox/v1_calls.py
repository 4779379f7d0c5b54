"""Calls of v1 that its tests are written in."""

from __future__ import annotations

import json
from typing import Any

from .conftest import Api

CUSTOMERS = "/api/v1/customers"


def call(api: Api, method: str, path: str, body: Any = None) -> None:
    """One that must be accepted; no body for None."""
    content = None if body is None else json.dumps(body)
    answer = api.client.request(method, path, content=content)
    assert (answer.status_code, answer.content) == (200, b"{}\n"), answer.text


def put(api: Api, identifier: str = "1", **body: Any) -> None:
    """An identify; the identifier as it is to stand in the path."""
    call(api, "PUT", f"{CUSTOMERS}/{identifier}", body)


def track(api: Api, identifier: str = "1", **body: Any) -> None:
    call(api, "POST", f"{CUSTOMERS}/{identifier}/events", body)


def errors(api: Api, method: str, path: str, content: Any) -> list[str]:
    """The messages of a call that must be refused; content: JSON, or the bytes to send."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = api.client.request(method, path, content=body)
    assert answer.status_code == 400, answer.text
    messages = answer.json()["meta"]["errors"]
    assert isinstance(messages, list)
    return messages
