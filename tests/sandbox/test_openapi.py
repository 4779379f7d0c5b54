from __future__ import annotations

from typing import Any

import httpx

from backfill import trackapi
from backfill.sandbox import app_api, track

from .conftest import Api

#: Under which the App API's calls are answered too; the document says so in words.
OLDER_PREFIX = "/v1/api/"


def document(api: Api) -> dict[str, Any]:
    answer = httpx.get(api.client.base_url.join("/openapi.json"))
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def served() -> dict[tuple[str, str], bool]:
    """Method and path of all that is served, and whether it needs no credentials."""
    calls = {(e.method, e.path.replace(":path", "")): e.is_open for e in track.ENDPOINTS}
    looks = {
        (look.method, look.path): False
        for look in app_api.LOOKUPS
        if not look.path.startswith(OLDER_PREFIX)
    }
    return {**calls, **looks, ("GET", "/openapi.json"): True}


def documented(told: dict[str, Any]) -> dict[tuple[str, str], bool]:
    return {
        (method.upper(), path): call.get("security") == []
        for path, calls in told["paths"].items()
        for method, call in calls.items()
        if method != "parameters"
    }


def test_the_document_holds_what_is_served_and_nothing_else(shared_api: Api) -> None:
    assert documented(document(shared_api)) == served()


def test_every_operation_of_v2_is_in_the_document(shared_api: Api) -> None:
    schemas = document(shared_api)["components"]["schemas"]
    found = {
        (kind, action)
        for schema in schemas.values()
        for kind in _words(schema, "type")
        for action in _words(schema, "action")
    }

    assert found >= {(k, a) for k, actions in trackapi.ACTIONS.items() for a in actions}


def _words(schema: dict[str, Any], member: str) -> list[str]:
    """The words a member of a schema may be."""
    told = schema.get("properties", {}).get(member, {})
    return [told["const"]] if "const" in told else list(told.get("enum", []))
