from __future__ import annotations

import json
import re
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


def test_every_parameter_of_a_path_is_described(shared_api: Api) -> None:
    told = document(shared_api)
    described = told["components"]["parameters"]
    for path, item in told["paths"].items():
        for method in item.keys() - {"parameters"}:
            given = item.get("parameters", []) + item[method].get("parameters", [])
            resolved = [described.get(str(one.get("$ref")).split("/")[-1], one) for one in given]
            names = {one["name"] for one in resolved if one["in"] == "path"}

            assert names == set(re.findall("{(.*?)}", path)), (method, path)


def test_the_document_says_the_limits_that_hold(shared_api: Api) -> None:
    schemas = document(shared_api)["components"]["schemas"]
    attributes, (text, *_) = schemas["Attributes"], schemas["AttributeValue"]["anyOf"]

    assert attributes["maxProperties"] == trackapi.ATTRIBUTES_MAX
    assert attributes["propertyNames"]["maxLength"] == trackapi.ATTRIBUTE_NAME_BYTES_MAX
    assert text["maxLength"] == trackapi.ATTRIBUTE_VALUE_BYTES_MAX
    assert schemas["Identifier"]["anyOf"][0]["maxLength"] == trackapi.IDENTIFIER_BYTES_MAX
    assert schemas["EventName"]["maxLength"] == trackapi.EVENT_NAME_BYTES_MAX


def test_nothing_in_the_document_is_without_use(shared_api: Api) -> None:
    told = document(shared_api)
    refs = set(re.findall(r'"#/components/([^"]+)"', json.dumps(told)))
    parts = told["components"]
    defined = {f"{k}/{n}" for k in ("parameters", "responses", "schemas") for n in parts[k]}

    assert refs == defined


def _words(schema: dict[str, Any], member: str) -> list[str]:
    """The words a member of a schema may be."""
    told = schema.get("properties", {}).get(member, {})
    return [told["const"]] if "const" in told else list(told.get("enum", []))
