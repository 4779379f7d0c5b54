from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Api
from .v1_calls import CUSTOMERS, errors

ONE = f"{CUSTOMERS}/1"
EVENTS = f"{ONE}/events"
DEVICES = f"{ONE}/devices"
SEGMENT = "/api/v1/segments/7/add_customers"
FORM = "/api/v1/forms/contact/submit"
MERGE = "/api/v1/merge_customers"

WITH_A_BODY = [
    ("PUT", ONE),
    ("PUT", DEVICES),
    ("POST", EVENTS),
    ("POST", "/api/v1/events"),
    ("POST", "/api/v1/metrics"),
    ("POST", "/api/v1/push/events"),
    ("POST", "/unsubscribe/d1"),
    ("POST", SEGMENT),
    ("POST", FORM),
]


@pytest.mark.parametrize(("method", "path"), WITH_A_BODY)
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "body must be valid JSON"),
        (b'{"name":"\\ud800"}', "body must be valid JSON"),
        (b'{"name":"\xff"}', "body must be valid JSON"),
        (b'{"timestamp":1e400}', "body must be valid JSON"),
        (b'{"a":' * 50_000, "body must be valid JSON"),
        (b"[]", "body must be an object"),
        (b"null", "body must be an object"),
    ],
)
def test_a_body_that_is_no_object_is_refused(
    shared_api: Api, method: str, path: str, body: bytes, message: str
) -> None:
    assert errors(shared_api, method, path, body) == [message]


@pytest.mark.parametrize("depth", [250, 254, 300, 1000, 1020])
def test_deep_nesting_never_breaks_the_server(shared_api: Api, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    bodies = {
        ("PUT", ONE): b'{"a":%s}' % nested,
        ("PUT", DEVICES): b'{"device":{"id":"t","platform":"ios","a":%s}}' % nested,
        ("POST", EVENTS): b'{"name":"x","data":{"a":%s}}' % nested,
        ("POST", "/api/v1/metrics"): b'{"delivery_id":"d","metric":"opened","a":%s}' % nested,
    }
    statuses = {
        shared_api.client.request(method, path, content=body).status_code
        for (method, path), body in bodies.items()
    }

    assert statuses <= {200, 400}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "email", "action", "relationships", "identifiers", "a", ""]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    [
        "id",
        "email",
        "anonymous_id",
        "_timestamp",
        "_update",
        "cio_relationships",
        "cio_subscription_preferences",
        "name",
        "type",
        "timestamp",
        "data",
        "device",
        "ids",
        "delivery_id",
        "metric",
        "primary",
        "secondary",
        "unsubscribe",
    ]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    at=st.sampled_from([*WITH_A_BODY, ("POST", MERGE)]),
    body=st.dictionaries(MEMBERS, JSON, max_size=5),
)
def test_no_body_breaks_the_server(shared_api: Api, at: tuple[str, str], body: Any) -> None:
    method, path = at
    answer = shared_api.client.request(method, path, content=json.dumps(body))

    assert answer.status_code in (200, 204, 400)
