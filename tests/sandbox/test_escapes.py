from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backfill.sandbox import activities
from backfill.sandbox.workspace.wire import plain

from .conftest import Api
from .operations import identify, profile

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\\"u0'), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_without_needless_escapes_json_says_the_same(value: Any) -> None:
    escaped = plain(json.dumps(value).encode())

    assert json.loads(escaped) == value
    assert escaped == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_value_escaped_by_one_client_and_not_by_another_has_not_changed(api: Api) -> None:
    told = identify(city="Überlingen", nested={"ü": ["\\u00fc", "😀", 'a"b']}, n=1)
    for escapes, spaces in ((True, (", ", ": ")), (False, (",", ":"))):
        body = json.dumps(told, ensure_ascii=escapes, separators=spaces)
        assert api.client.post("/api/v2/entity", content=body.encode()).status_code == 200

    assert [activity["name"] for activity in activities(api.state)] == ["profile_create"]
    assert profile(api)["attributes"] == told["attributes"]


def test_digits_stay_as_they_came_beside_escapes(api: Api) -> None:
    body = rb'{"type":"person","action":"identify","identifiers":{"id":"1"},'
    body += rb'"attributes":{"\u00fc":1.50,"big":12345678901234567890123}}'
    api.client.post("/api/v2/entity", content=body)
    stored = api.client.get("/people/000000000001").text

    assert "1.50" in stored
    assert "12345678901234567890123" in stored
