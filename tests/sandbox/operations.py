"""Operations and readings that the tests of the workspace are written in."""

from __future__ import annotations

from typing import Any

from backfill.sandbox import activities, person

from .conftest import Api

Json = dict[str, Any]

ACME = {"object_type_id": "1", "object_id": "acme"}
LONG_AGO = 1_000_000_000


def identify(value: Any = "1", kind: str = "id", **attributes: Any) -> Json:
    return {
        "type": "person",
        "action": "identify",
        "identifiers": {kind: value},
        "attributes": attributes,
    }


def of_person(action: str, value: str = "1", kind: str = "id", **members: Any) -> Json:
    return {"type": "person", "action": action, "identifiers": {kind: value}, **members}


def of_object(action: str, identifiers: Json = ACME, **members: Any) -> Json:
    return {"type": "object", "action": action, "identifiers": identifiers, **members}


def merge(primary: str, secondary: str) -> Json:
    ends = {"primary": {"id": primary}, "secondary": {"id": secondary}}
    return {"type": "person", "action": "merge", **ends}


def to_acme(**attributes: Any) -> list[Json]:
    return [{"identifiers": ACME, "relationship_attributes": attributes}]


def profile(api: Api, value: str = "1", kind: Any = "id") -> Json:
    found = person(api.state, kind, value)
    assert found is not None
    return found


def failures(api: Api) -> list[str]:
    return [a["name"] for a in activities(api.state) if "fail" in a["name"] or "skip" in a["name"]]
