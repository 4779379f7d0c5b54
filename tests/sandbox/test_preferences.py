from __future__ import annotations

import itertools
import json
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from backfill.sandbox.workspace import preferences
from backfill.sandbox.workspace.preferences import NAME, TOPIC

from .conftest import Api
from .operations import failures, identify, merge, profile


def topics(api: Api) -> Any:
    return profile(api)["attributes"].get(NAME, {}).get("topics")


def test_a_set_of_topics_replaces_the_one_before(api: Api) -> None:
    api.take(identify(**{NAME: {"topics": {"topic_1": True, "topic_2": True}}}))
    api.take(identify(**{NAME: {"topics": {"topic_2": False}}}))

    assert topics(api) == {"topic_2": False}


def test_a_dotted_name_touches_one_topic(api: Api) -> None:
    api.take(identify(**{NAME: {"topics": {"topic_1": True, "topic_2": True}}}))
    api.take(identify(**{f"{TOPIC}topic_2": False}), identify(**{f"{TOPIC}topic_3": True}))

    assert topics(api) == {"topic_1": True, "topic_2": False, "topic_3": True}
    assert f"{TOPIC}topic_2" not in profile(api)["attributes"]


def test_a_dotted_name_makes_a_set_where_there_was_none(api: Api) -> None:
    api.take(identify(**{f"{TOPIC}topic_7": True}))

    assert topics(api) == {"topic_7": True}


def test_null_removes_the_set_or_the_topic(api: Api) -> None:
    api.take(identify(**{NAME: {"topics": {"topic_1": True, "topic_2": True}}}))
    api.take(identify(**{f"{TOPIC}topic_1": None}))
    touched = topics(api)
    api.take(identify(**{NAME: None}))

    assert touched == {"topic_2": True}
    assert topics(api) is None


def test_consent_that_arrives_late_does_not_undo_what_came_after_it(api: Api) -> None:
    late = identify(**{f"{TOPIC}topic_1": True}) | {"timestamp": 100}
    api.take(identify(**{f"{TOPIC}topic_1": False}) | {"timestamp": 200}, late)

    assert topics(api) == {"topic_1": False}


WORDS = st.tuples(st.sampled_from(["topic_1", "topic_2", NAME]), st.booleans())


@given(st.lists(WORDS, max_size=4))
def test_words_of_different_moments_end_the_same_in_any_order(
    words: list[tuple[str, bool]],
) -> None:
    told = [
        ({NAME: {"topics": {"topic_1": value}}} if name == NAME else {TOPIC + name: value}, at)
        for at, (name, value) in enumerate(words, start=1)
    ]
    outcomes = set()
    for order in itertools.permutations(told):
        attributes: dict[str, Raw] = {}
        times: dict[str, float] = {}
        for values, at in order:
            raw = {name: Raw(orjson.dumps(value)) for name, value in values.items()}
            preferences.update(attributes, times, raw, at)
        whole = orjson.loads(bytes(attributes.get(NAME, b"null")))
        outcomes.add(repr(sorted(whole["topics"].items()) if whole else None))

    assert len(outcomes) == 1


def test_consent_reaches_a_person_who_is_found_by_another_identifier(api: Api) -> None:
    api.take(identify("a@x.de", "email"))
    api.take(identify("77", email="a@x.de", n=1, **{f"{TOPIC}topic_1": False}))
    found = profile(api, "77")

    assert found["email"] == "a@x.de"
    assert found["attributes"] == {"n": 1, NAME: {"topics": {"topic_1": False}}}


def test_a_dotted_name_touches_one_topic_whoever_came_just_before(api: Api) -> None:
    api.take(identify(**{NAME: {"topics": {"topic_1": True, "topic_2": True}}}))
    api.batch(identify("new"), identify(**{f"{TOPIC}topic_1": False}))

    assert topics(api) == {"topic_1": False, "topic_2": True}


def test_a_dotted_name_touches_one_topic_of_who_is_found_by_another_identifier(api: Api) -> None:
    api.take(identify("a@x.de", "email", **{NAME: {"topics": {"topic_1": True, "topic_2": True}}}))
    api.take(identify(email="a@x.de", **{f"{TOPIC}topic_1": False}))

    assert topics(api) == {"topic_1": False, "topic_2": True}


def test_preferences_that_came_as_text_keep_their_other_topics(api: Api) -> None:
    api.take(identify(**{NAME: '{"topics":{"topic_1":false}}'}))
    api.take(identify(**{f"{TOPIC}topic_2": True}))

    assert topics(api) == {"topic_1": False, "topic_2": True}


def test_a_merge_brings_no_times_of_topics_it_does_not_bring(api: Api) -> None:
    api.take(identify(**{f"{TOPIC}topic_1": True}) | {"timestamp": 100})
    api.take(identify("2", **{f"{TOPIC}topic_2": True}) | {"timestamp": 900})
    api.take(merge("1", "2"), identify(**{f"{TOPIC}topic_2": False}) | {"timestamp": 500})

    assert topics(api) == {"topic_1": True, "topic_2": False}


def test_topics_that_together_are_too_long_are_not_applied(api: Api) -> None:
    for i in range(80):
        api.take(identify(**{f"{TOPIC}topic_{i}": True}))

    assert len(json.dumps({"topics": topics(api)}, separators=(",", ":"))) <= 1000
    assert "failed_attribute_change" in failures(api)


def test_a_topic_nested_deep_breaks_nothing(api: Api) -> None:
    deep = "[" * 253 + "]" * 253
    body = '{"type":"person","action":"identify","identifiers":{"id":"1"},"attributes":{"%s":%s}}'
    answer = api.client.post("/api/v2/entity", content=body % (f"{TOPIC}topic_1", deep))

    assert answer.status_code == 200
