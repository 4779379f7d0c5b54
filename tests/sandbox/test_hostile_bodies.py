from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfill.sandbox import summary

from .conftest import Api
from .test_refusals import REFUSED, TAKEN, Json


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"5",
        b"[]",
        b"{}",
        b'{"batch":null}',
        b'{"batch":{}}',
        b'{"batch":[1e400]}',
        b'{"batch":[NaN]}',
        b'{"batch":["\xff"]}',
        b'{"batch":["\\ud800"]}',
        b'{"batch":[]} x',
        b"[" * 100_000,
        b'{"batch":[' + b"[" * 1000 + b"]" * 1000 + b"]}",
        b'{"batch":' + b'{"a":' * 50_000,
    ],
)
def test_a_body_that_is_no_batch_is_refused_as_a_whole(shared_api: Api, body: bytes) -> None:
    answer = shared_api.client.post("/api/v2/batch", content=body)
    error = {"reason": "invalid", "field": "body", "message": "must be valid JSON"}

    assert (answer.status_code, answer.json()) == (400, {"errors": [error]})


def sized(size: int) -> bytes:
    head, tail = b'{"type":"person","action":"event","identifiers":{"id":"1"},"name":"x"', b"}"
    return head + b" " * (size - len(head) - len(tail)) + tail


def test_an_item_of_32000_bytes_is_taken_and_one_byte_more_is_refused(shared_api: Api) -> None:
    body = b'{"batch":[' + sized(32_000) + b"," + sized(32_001) + b"]}"
    answer = shared_api.client.post("/api/v2/batch", content=body)
    entities = [
        shared_api.client.post("/api/v2/entity", content=sized(size)).status_code
        for size in (32_000, 32_001)
    ]

    assert [error["batch_index"] for error in answer.json()["errors"]] == [1]
    assert entities == [200, 400]


@pytest.mark.parametrize("depth", [250, 300, 490, 900, 1000, 1020])
@pytest.mark.parametrize("action", ["identify", "event"])
def test_deep_nesting_never_breaks_the_server(shared_api: Api, action: str, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    head = b'{"type":"person","action":"%s","name":"x","identifiers":{"id":"1"},"attributes":{"a":'
    operation = head % action.encode() + nested + b"}}"
    batch = shared_api.client.post("/api/v2/batch", content=b'{"batch":[' + operation + b"]}")
    entity = shared_api.client.post("/api/v2/entity", content=operation)

    assert batch.status_code in (200, 207, 400)
    assert entity.status_code in (200, 400)


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | st.text()
WORDS = st.sampled_from(
    ["person", "object", "delivery", "identify", "event", "merge", "add_device", "opened", "1"]
)
MEMBERS = st.sampled_from(
    [
        "type",
        "action",
        "identifiers",
        "attributes",
        "cio_relationships",
        "timestamp",
        "name",
        "id",
        "email",
        "cio_id",
        "object_id",
        "object_type_id",
        "device",
        "token",
        "primary",
        "secondary",
    ]
)
ANYTHING = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS | st.text(), inner),
    max_leaves=12,
)
SHAPED = st.sampled_from([*TAKEN, *(operation for _, operation in REFUSED[8:])])


@st.composite
def bent(draw: st.DrawFn) -> Json:
    """An operation with members put in, taken out or replaced."""
    operation = dict(draw(SHAPED))
    for member in draw(st.lists(MEMBERS, max_size=3)):
        operation[member] = draw(ANYTHING)
    for member in draw(st.lists(MEMBERS, max_size=1)):
        operation.pop(member, None)
    return operation


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(ANYTHING | bent(), max_size=6), body=ANYTHING)
def test_no_json_whatever_is_answered_with_a_server_error(
    shared_api: Api, items: list[Any], body: Any
) -> None:
    client = shared_api.client
    answers = [shared_api.batch(*items), client.post("/api/v2/batch", content=json.dumps(body))]
    answers += [
        client.post("/api/v2/entity", content=json.dumps(item)) for item in [*items[:1], body]
    ]
    listed = {error["batch_index"] for error in answers[0].json().get("errors", ())}

    assert all(answer.status_code < 500 for answer in answers)
    assert answers[0].status_code == (207 if listed else 200)
    assert listed <= set(range(len(items)))


def test_a_verdict_is_kept_wherever_its_length_cuts_a_character(shared_api: Api) -> None:
    for width in range(40):
        names = ["n" * (width + 1), *("é" * 60 for _ in range(40))]
        operations = [
            {
                "type": "person",
                "action": "identify",
                "identifiers": {"id": str(i)},
                "attributes": {name: "x" * 1001},
            }
            for i, name in enumerate(names)
        ]

        assert shared_api.batch(*operations).status_code == 207


PERSON = '"type":"person","identifiers":{"id":"1"}'


@pytest.mark.parametrize(
    "operation",
    [
        '{"type":"person","action":"identify","identifiers":5,"identifiers":{"id":"1"}}',
        '{"type":"person","action":"identify","identifiers":{"id":[],"id":"1"}}',
        f'{{{PERSON},"action":"identify","attributes":7,"attributes":{{}}}}',
        f'{{{PERSON},"action":"event","name":5,"name":"x"}}',
        f'{{{PERSON},"action":"delete_device","device":5,"device":{{"token":"t"}}}}',
        '{"type":"person","action":"merge","primary":5,"primary":{"id":"1"},"secondary":{"id":"2"}}',
    ],
)
def test_a_member_that_is_there_twice_refuses_the_operation_alone(api: Api, operation: str) -> None:
    good = '{"type":"person","action":"identify","identifiers":{"id":"good"}}'
    answer = api.client.post("/api/v2/batch", content=f'{{"batch":[{good},{operation}]}}')

    assert answer.status_code in (200, 207)
    assert summary(api.state)["people"] >= 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/merge_customers", '{"primary":5,"primary":{"id":"1"},"secondary":{"id":"2"}}'),
        (
            "/api/v1/customers/1",
            '{"cio_relationships":{"action":5,"action":"add_relationships","relationships":[]}}',
        ),
    ],
)
def test_a_member_that_is_there_twice_is_no_server_error_in_v1(
    shared_api: Api, path: str, body: str
) -> None:
    method = "PUT" if "customers/" in path else "POST"

    assert shared_api.client.request(method, path, content=body).status_code in (200, 400)
