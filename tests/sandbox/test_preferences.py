from __future__ import annotations

import itertools
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from backfill.sandbox.workspace import preferences
from backfill.sandbox.workspace.preferences import NAME, TOPIC

from .conftest import Api
from .operations import identify, profile


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
