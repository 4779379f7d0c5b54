from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from backfill.sandbox import Sandbox, embedded, summary

from .conftest import CREDENTIALS, Api

Json = dict[str, Any]

ID = {"id": "1"}
THING = {"object_type_id": "1", "object_id": "acme"}
DEVICE = {"token": "t", "platform": "ios"}


def on_person(action: str, **members: Any) -> Json:
    return {"type": "person", "action": action, "identifiers": ID, **members}


def on_object(action: str, **members: Any) -> Json:
    return {"type": "object", "action": action, "identifiers": THING, **members}


def knowing(**attributes: Any) -> Json:
    return on_person("identify", attributes=attributes)


def tied(**end: Any) -> list[Json]:
    return [{"identifiers": end}]


DELIVERY = {
    "type": "delivery",
    "action": "event",
    "identifiers": {"id": "d1"},
    "name": "opened",
    "attributes": {"device_token": "t"},
}

TAKEN = [
    on_person("identify"),
    knowing(plan=None, empty="", nested={"a": [1, {"b": None}]}, _internal=1, email="a@b.c"),
    knowing(**{f"a{i}": i for i in range(300)}),
    knowing(**{"x" * 150: "x" * 1000, "ü" * 75: "ü" * 500, "json": ["x" * 996]}),
    on_person("identify", identifiers={"id": 5}),
    on_person("identify", identifiers={"id": "ü" * 75}, timestamp=1_600_000_000),
    on_person("identify", identifiers={"phone": "+15551234567"}, timestamp="2020-01-01"),
    on_person("identify", cio_relationships=tied(**THING)),
    on_person("delete"),
    on_person("unsuppress"),
    on_person("event", name="ü" * 50, id="01HYXZ", timestamp=1.5, attributes={"x": "y" * 5000}),
    on_person("page", name="/home"),
    on_person("screen", name="Home"),
    on_person("add_relationships", cio_relationships=tied(**THING)),
    on_person("delete_relationships", cio_relationships=tied(cio_object_id="ob1")),
    on_person("add_device", device={**DEVICE, "last_used": "1600000000", "attributes": {"a": ""}}),
    on_person("delete_device", device={"token": "t"}),
    {"type": "person", "action": "merge", "primary": ID, "secondary": {"email": "a@b.c"}},
    on_object("identify", attributes={"name": ""}, cio_relationships=tied(**ID)),
    on_object("identify_anonymous", anonymous_id="v"),
    on_object("identify_anonymous", cio_relationships=tied(anonymous_id="v")),
    on_object("delete"),
    on_object("add_relationships", cio_relationships=tied(email="a@b.c")),
    on_object("delete_relationships", cio_relationships=tied(cio_id="000000000001")),
    DELIVERY,
]

REFUSED: list[tuple[str, Any]] = [
    ("body", 5),
    ("body", []),
    ("body", None),
    ("type", {}),
    ("type", {"type": ["person"], "action": "identify"}),
    ("type", {"type": "people", "action": "identify"}),
    ("action", {"type": "person"}),
    ("action", on_person("identify_anonymous")),
    ("action", on_person("viewed_content")),
    ("action", on_object("event", name="x")),
    ("action", DELIVERY | {"action": "identify"}),
    ("identifiers", {"type": "person", "action": "identify"}),
    ("identifiers", on_person("identify", identifiers={})),
    ("identifiers", on_person("identify", identifiers=[])),
    ("identifiers", on_person("identify", identifiers={"id": "1", "email": "a@b.c"})),
    ("identifiers", on_person("identify", identifiers={"anonymous_id": "1"})),
    ("identifiers.id", on_person("identify", identifiers={"id": ""})),
    ("identifiers.id", on_person("identify", identifiers={"id": " "})),
    ("identifiers.id", on_person("identify", identifiers={"id": None})),
    ("identifiers.id", on_person("identify", identifiers={"id": True})),
    ("identifiers.id", on_person("identify", identifiers={"id": {}})),
    ("identifiers.id", on_person("identify", identifiers={"id": "x" * 151})),
    ("identifiers.email", on_person("identify", identifiers={"email": "ü" * 76})),
    ("attributes", on_person("identify", attributes=[])),
    ("attributes", on_person("identify", attributes=None)),
    ("attributes", knowing(**{f"a{i}": i for i in range(301)})),
    ("attributes", knowing(**{"x" * 151: 1})),
    ("attributes", knowing(**{"ü" * 76: 1})),
    ("attributes", knowing(**{"": 1})),
    ("attributes.a", knowing(a="x" * 1001)),
    ("attributes.a", knowing(a="ü" * 501)),
    ("attributes.a", knowing(a=["x" * 997])),
    ("attributes.cio_id", knowing(cio_id="1")),
    ("attributes.anonymous_id", knowing(anonymous_id=True)),
    ("attributes._created_in_customerio_at", knowing(_created_in_customerio_at=1)),
    ("attributes.timezone_valid", knowing(timezone_valid=True)),
    ("attributes._update", knowing(_update="true")),
    ("attributes.email", knowing(email=True)),
    ("attributes.email", knowing(email="x" * 151)),
    ("timestamp", on_person("identify", timestamp=True)),
    ("timestamp", on_person("event", name="x", timestamp={})),
    ("cio_relationships", on_person("identify", cio_relationships={})),
    ("cio_relationships.0.identifiers", on_person("identify", cio_relationships=[{}])),
    ("cio_relationships.0.identifiers", on_person("identify", cio_relationships=[1])),
    (
        "cio_relationships.1.relationship_attributes.a",
        on_person(
            "add_relationships",
            cio_relationships=[
                {"identifiers": THING},
                {"identifiers": THING, "relationship_attributes": {"a": "x" * 1001}},
            ],
        ),
    ),
    ("name", on_person("event")),
    ("name", on_person("event", name=" ")),
    ("name", on_person("event", name=5)),
    ("name", on_person("page", name="x" * 101)),
    ("name", on_person("event", name="ü" * 51)),
    ("id", on_person("event", name="x", id=5)),
    ("id", on_person("event", name="x", id=None)),
    ("id", on_person("event", name="x", id="")),
    ("attributes", on_person("event", name="x", attributes="x")),
    ("cio_relationships", on_person("add_relationships")),
    ("cio_relationships", on_person("delete_relationships", cio_relationships=None)),
    ("device", on_person("add_device")),
    ("device.token", on_person("add_device", device={"platform": "ios"})),
    ("device.platform", on_person("add_device", device={"token": "t", "platform": "web"})),
    ("device.platform", on_person("add_device", device={"token": "t"})),
    ("device.last_used", on_person("add_device", device=DEVICE | {"last_used": []})),
    ("device.attributes", on_person("add_device", device=DEVICE | {"attributes": {"a": 1}})),
    ("device.token", on_person("delete_device", device={"token": ""})),
    ("primary", {"type": "person", "action": "merge", "secondary": ID}),
    ("secondary", {"type": "person", "action": "merge", "primary": ID, "secondary": {}}),
    ("secondary", {"type": "person", "action": "merge", "primary": ID, "secondary": {"phone": 1}}),
    ("primary.id", {"type": "person", "action": "merge", "primary": {"id": []}, "secondary": ID}),
    ("identifiers", on_object("identify", identifiers=ID)),
    ("identifiers", on_object("identify", identifiers=THING | {"cio_object_id": "ob1"})),
    ("identifiers.object_id", on_object("delete", identifiers=THING | {"object_id": "x" * 151})),
    ("identifiers.object_type_id", on_object("delete", identifiers=THING | {"object_type_id": 1})),
    (
        "identifiers.object_type_id",
        on_object("delete", identifiers=THING | {"object_type_id": "01"}),
    ),
    (
        "identifiers.object_type_id",
        on_object("delete", identifiers=THING | {"object_type_id": "company"}),
    ),
    ("attributes.object_id", on_object("identify", attributes={"object_id": 1})),
    ("attributes.relationship", on_object("identify", attributes={"relationship": 1})),
    (
        "cio_relationships.0.identifiers",
        on_object("add_relationships", cio_relationships=tied(phone="+1")),
    ),
    ("cio_relationships", on_object("identify_anonymous")),
    ("anonymous_id", on_object("identify_anonymous", anonymous_id=[])),
    ("name", DELIVERY | {"name": "clicked"}),
    ("attributes.device_token", DELIVERY | {"attributes": {}}),
    ("identifiers", DELIVERY | {"identifiers": {"email": "a@b.c"}}),
]


@pytest.mark.parametrize("operation", TAKEN)
def test_an_operation_within_the_rules_is_taken(shared_api: Api, operation: Json) -> None:
    answer = shared_api.batch(operation)

    assert (answer.status_code, answer.content) == (200, b"{}\n")


@pytest.mark.parametrize(("field", "operation"), REFUSED)
def test_an_operation_against_the_rules_is_listed_with_its_field(
    shared_api: Api, field: str, operation: Any
) -> None:
    answer = shared_api.batch(on_person("identify"), operation)
    entity = shared_api.client.post("/api/v2/entity", content=json.dumps(operation))
    (error,) = answer.json()["errors"]

    assert (answer.status_code, entity.status_code) == (207, 400)
    assert (error.pop("batch_index"), error["field"]) == (1, field)
    assert error["reason"] in ("required", "invalid")
    assert entity.json() == {"errors": [error]}


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (
            on_object("merge"),
            {
                "reason": "required",
                "field": "action",
                "message": "must be one of add_relationships, delete, delete_relationships,"
                " identify or identify_anonymous",
            },
        ),
        (
            knowing(a="x" * 1001),
            {
                "reason": "invalid",
                "field": "attributes.a",
                "message": "property value cannot be longer than 1000 bytes",
            },
        ),
        (
            {"type": "person", "action": "merge", "primary": {"id": True}, "secondary": ID},
            {
                "reason": "invalid",
                "field": "primary.id",
                "message": "must be a string or a number",
            },
        ),
    ],
)
def test_refusals_known_from_the_live_api_are_in_its_words(
    shared_api: Api, operation: Json, error: Json
) -> None:
    assert shared_api.batch(operation).json()["errors"] == [{"batch_index": 0, **error}]


def test_the_items_of_a_batch_that_are_not_listed_are_applied(api: Api) -> None:
    people = [on_person("identify", identifiers={"id": str(i)}) for i in range(4)]
    answer = api.batch(people[0], {"type": "x"}, people[1], knowing(a="x" * 1001), people[2])

    assert [error["batch_index"] for error in answer.json()["errors"]] == [1, 3]
    assert summary(api.state)["people"] == 3


def test_one_item_is_listed_once_for_every_rule_it_breaks(shared_api: Api) -> None:
    answer = shared_api.batch(knowing(cio_id="x" * 1001, a="x" * 1001))

    assert [error["batch_index"] for error in answer.json()["errors"]] == [0, 0, 0]


def test_chosen_operations_can_be_refused() -> None:
    def refuse(operation: Json) -> str | None:
        return "no" if operation["identifiers"] == ID else None

    with embedded(Sandbox(None, refuse=refuse)) as address:
        other = on_person("identify", identifiers={"id": "2"})
        body = {"batch": [other, on_person("identify")]}
        answer = httpx.post(f"{address}/api/v2/batch", json=body, auth=CREDENTIALS)

    assert answer.json()["errors"] == [
        {"batch_index": 1, "reason": "invalid", "field": "body", "message": "no"}
    ]
