from __future__ import annotations

import json
from typing import Any

from backfill.sandbox import activities

from .conftest import Api
from .operations import identify, of_object, of_person, to_acme


def changes(api: Api, name: str) -> list[Any]:
    told = [a["data"] for a in activities(api.state) if a["name"] == name]
    return [json.loads(data) for data in told]


def test_a_change_of_attributes_is_told_with_what_was_and_what_is(api: Api) -> None:
    api.take(identify(plan="free", score=1, kept="x"))
    api.take(identify(plan="pro", score=2.50, kept="x", vip=True, email="a@b.c"))
    api.take(identify(plan=None))

    assert changes(api, "attribute_change") == [
        {
            "email": {"from": "", "to": "a@b.c"},
            "plan": {"from": "free", "to": "pro"},
            "score": {"from": "1", "to": "2.5"},
            "vip": {"from": "", "to": "true"},
        },
        {"plan": {"from": "pro", "to": ""}},
    ]


def test_changes_of_objects_and_relationships_are_told_too(api: Api) -> None:
    api.take(of_object("identify", attributes={"name": "Acme"}))
    api.take(of_object("identify", attributes={"name": "ACME"}))
    for role in ("owner", "guest"):
        api.take(of_person("add_relationships", cio_relationships=to_acme(role=role)))

    assert changes(api, "_o:1:attribute_change")[-1] == {"name": {"from": "Acme", "to": "ACME"}}
    assert changes(api, "_r:1:attribute_change") == [{"role": {"from": "owner", "to": "guest"}}]


def test_a_failed_change_says_why_and_tells_no_value(api: Api) -> None:
    api.take(identify(email="a@b.c"), identify("2", email="secret@b.c"))
    api.take(identify("2", email="a@b.c", hush="secret"))
    failed = [a for a in activities(api.state) if a["name"] == "failed_attribute_change"]

    assert [a["detail"] for a in failed] == ["id 2: an identifier belongs to another person"]
    assert failed[0]["data"] is None
