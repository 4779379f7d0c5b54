from __future__ import annotations

from typing import Any

import httpx
import pytest

from backfill.sandbox import Behaviour, Sandbox, embedded

from .conftest import CREDENTIALS, Api
from .operations import ACME
from .v1_calls import CUSTOMERS, errors

ONE = f"{CUSTOMERS}/1"
EVENTS = f"{ONE}/events"
DEVICES = f"{ONE}/devices"
SEGMENT = "/api/v1/segments/7/add_customers"
FORM = "/api/v1/forms/contact/submit"
MERGE = "/api/v1/merge_customers"


def relating(**members: Any) -> dict[str, Any]:
    return {"cio_relationships": members}


def tied(**identifiers: Any) -> list[dict[str, Any]]:
    return [{"identifiers": identifiers}]


ADD = "add_relationships"
RELATIONSHIPS = "cio_relationships.relationships"

REFUSED: list[tuple[str, str, Any, str]] = [
    ("PUT", f"{CUSTOMERS}/", {}, "id attribute must be present"),
    ("DELETE", f"{CUSTOMERS}/", {}, "id attribute must be present"),
    ("POST", f"{CUSTOMERS}//suppress", {}, "id attribute must be present"),
    ("POST", f"{CUSTOMERS}//events", {"name": "x"}, "id attribute must be present"),
    ("PUT", f"{CUSTOMERS}/%20", {}, "id attribute cannot be an empty string"),
    ("PUT", f"{CUSTOMERS}/{'x' * 151}", {}, "id attribute cannot be longer than 150 bytes"),
    ("PUT", ONE, {"id": ""}, "id attribute cannot be an empty string"),
    ("PUT", ONE, {"id": True}, "id attribute must be a string value"),
    ("PUT", ONE, {"id": ["1"]}, "id attribute must be a string value"),
    ("PUT", ONE, {"id": "2"}, "id attribute and identifier are not the same value"),
    ("PUT", ONE, {"id": 2}, "id attribute and identifier are not the same value"),
    ("PUT", ONE, {"email": {}}, "email attribute must be a string value"),
    ("PUT", ONE, {"anonymous_id": False}, "anonymous_id attribute must be a string value"),
    ("PUT", ONE, {"cio_id": "1"}, "attribute 'cio_id' is reserved"),
    ("PUT", ONE, {"": 1}, "attribute name cannot be an empty string"),
    ("PUT", ONE, {"ü" * 76: 1}, "attribute name cannot be longer than 150 bytes"),
    ("PUT", ONE, {"a": "ü" * 501}, "value for attribute 'a' cannot be longer than 1000 bytes"),
    ("PUT", ONE, {"a": ["x" * 997]}, "value for attribute 'a' cannot be longer than 1000 bytes"),
    (
        "PUT",
        ONE,
        {f"a{i}": i for i in range(301)},
        "cannot identify more than 300 attributes in one request",
    ),
    ("PUT", ONE, {"cio_relationships": []}, "cio_relationships must be an object"),
    (
        "PUT",
        ONE,
        relating(action="add", relationships=[]),
        "cio_relationships.action must be one of add_relationships or delete_relationships",
    ),
    ("PUT", ONE, relating(action=ADD), f"{RELATIONSHIPS} must be an array"),
    (
        "PUT",
        ONE,
        relating(action=ADD, relationships=tied(id="1")),
        f"{RELATIONSHIPS}.0.identifiers must have object_type_id and object_id,"
        " or cio_object_id alone",
    ),
    ("POST", EVENTS, {}, "event name must not be blank"),
    ("POST", EVENTS, b"", "event name must not be blank"),
    ("POST", EVENTS, {"name": " "}, "event name must not be blank"),
    ("POST", EVENTS, {"name": 5}, "event name must not be blank"),
    ("POST", EVENTS, {"name": "ü" * 51}, "event name cannot be longer than 100 bytes"),
    ("POST", EVENTS, {"name": "x", "data": ""}, "event data must be a hash"),
    ("POST", EVENTS, {"name": "x", "data": [1]}, "event data must be a hash"),
    (
        "POST",
        EVENTS,
        {"name": "x", "data": {"x": "x" * 99_993}},
        "event data cannot be longer than 100000 bytes",
    ),
    ("POST", EVENTS, {"name": "x", "id": 5}, "event id must be a string and not empty"),
    ("POST", "/api/v1/events", {"anonymous_id": "v"}, "event name must not be blank"),
    (
        "POST",
        "/api/v1/events",
        {"name": "x", "anonymous_id": {}},
        "anonymous_id must be a string or a number",
    ),
    ("PUT", DEVICES, {}, "device must be an object"),
    (
        "PUT",
        DEVICES,
        {"device": {"platform": "ios"}},
        "device id must be a string and not empty",
    ),
    (
        "PUT",
        DEVICES,
        {"device": {"id": "t", "platform": "web"}},
        "device platform must be one of android or ios",
    ),
    (
        "PUT",
        DEVICES,
        {"device": {"id": "t", "platform": "ios", "last_used": []}},
        "device last_used must be a number",
    ),
    (
        "PUT",
        DEVICES,
        {"device": {"id": "t", "platform": "ios", "attributes": []}},
        "device attributes must be an object",
    ),
    ("DELETE", f"{DEVICES}/", {}, "device id must be present"),
    ("POST", SEGMENT, {}, "ids must be an array and not empty"),
    ("POST", SEGMENT, {"ids": []}, "ids must be an array and not empty"),
    ("POST", SEGMENT, {"ids": ["1"] * 1001}, "ids cannot hold more than 1000"),
    ("POST", SEGMENT, {"ids": ["1", None]}, "ids must be strings"),
    (
        "POST",
        f"{SEGMENT}?id_type=phone",
        {"ids": ["1"]},
        "id_type must be one of cio_id, email or id",
    ),
    (
        "POST",
        "/api/v1/segments/x/remove_customers",
        {"ids": ["1"]},
        "segment id must be a number",
    ),
    (
        "POST",
        "/api/v1/segments/2147483648/add_customers",
        {"ids": ["1"]},
        "segment id must be a number",
    ),
    ("POST", FORM, {}, "data must be a hash"),
    ("POST", FORM, {"data": {"food": "x"}}, "data must have exactly one of email or id"),
    (
        "POST",
        FORM,
        {"data": {"id": "1", "email": "a@b.c"}},
        "data must have exactly one of email or id",
    ),
    ("POST", FORM, {"data": {"id": "1", "a": 5}}, "value for field 'a' must be a string"),
    ("POST", "/api/v1/metrics", {"metric": "opened"}, "delivery_id must be a string or a number"),
    (
        "POST",
        "/api/v1/metrics",
        {"delivery_id": "d", "metric": "sent"},
        "metric must be one of bounced, clicked, converted, deferred, delivered, dropped, opened"
        " or spammed",
    ),
    (
        "POST",
        "/api/v1/push/events",
        {"delivery_id": "d", "event": "clicked"},
        "event must be one of converted, delivered or opened",
    ),
    ("POST", "/unsubscribe/", {}, "delivery_id cannot be an empty string"),
]


@pytest.mark.parametrize(("method", "path", "body", "message"), REFUSED)
def test_a_call_against_the_rules_is_refused_in_these_words(
    shared_api: Api, method: str, path: str, body: Any, message: str
) -> None:
    assert errors(shared_api, method, path, body) == [message]


def test_all_reasons_are_given_at_once_and_pretty_printed(shared_api: Api) -> None:
    answer = shared_api.client.put(ONE, json={"id": "2", "token": "x" * 1001})

    assert answer.content == (
        b'{\n  "meta": {\n    "errors": [\n'
        b'      "id attribute and identifier are not the same value",\n'
        b"      \"value for attribute 'token' cannot be longer than 1000 bytes\"\n"
        b"    ]\n  }\n}\n"
    )


def test_a_name_of_500_characters_breaks_both_rules_of_names(shared_api: Api) -> None:
    assert errors(shared_api, "POST", EVENTS, {"name": "x" * 500}) == [
        "event name cannot be longer than 100 bytes",
        "event name must be less than 500 characters",
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "primary must be an object, secondary must be an object"),
        (
            {"primary": {"id": "1", "email": "a@b.c"}, "secondary": {"id": "2"}},
            "primary must have exactly one of cio_id, email or id",
        ),
        ({"primary": {"id": ""}, "secondary": {"id": 2}}, "primary.id cannot be an empty string"),
        ([], "body must be an object"),
    ],
)
def test_a_merge_is_refused_with_one_error(shared_api: Api, body: Any, message: str) -> None:
    answer = shared_api.client.post(MERGE, json=body)

    assert (answer.status_code, answer.json()) == (400, {"meta": {"error": message}})


@pytest.mark.parametrize("takes", [True, False])
def test_an_object_type_that_is_a_number_is_taken_only_if_the_workspace_does(takes: bool) -> None:
    ties = tied(**{**ACME, "object_type_id": 1})
    body = relating(action=ADD, relationships=ties)
    with embedded(Sandbox(None, behaviour=Behaviour(takes_undocumented=takes))) as address:
        answer = httpx.put(f"{address}{ONE}", json=body, auth=CREDENTIALS)

    assert answer.status_code == (200 if takes else 400)
