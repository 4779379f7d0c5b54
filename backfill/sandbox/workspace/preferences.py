"""Consent: whether a person wants messages, and which topics.

[spec] `cio_subscription_preferences: {"topics": {…}}` replaces the set; the dotted name
`cio_subscription_preferences.topics.topic_1` touches one topic. That each topic has a time of
its own, so that consent told out of order ends as it was last given, is our reading.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import msgspec
import orjson
from msgspec import Raw

from backfill import trackapi
from backfill.sandbox.workspace.wire import NULL, Attributes, spoken

NAME: Final = "cio_subscription_preferences"

#: What the dotted name of one topic begins with.
TOPIC: Final = f"{NAME}.topics."


def is_unsubscribed(attributes: Attributes) -> bool:
    """Whether a person wants no messages: any letter case of true, 1 or "1" means so.  [spec]"""
    told = attributes.get("unsubscribed")
    return told is not None and spoken(told).lower() in ("true", "1")


def is_too_much(attributes: Attributes) -> bool:
    """Whether a person may not have so many topics: they are one value.  [overview]"""
    return len(bytes(attributes.get(NAME, NULL))) > trackapi.ATTRIBUTE_VALUE_BYTES_MAX


def taken_from(told: Attributes) -> Attributes:
    """Take what is said of subscriptions out of the attributes told, and give it."""
    if NAME not in "".join(told):  # a look at all names at once: this is asked of every identify
        return {}
    names = [name for name in told if name == NAME or name.startswith(TOPIC)]
    return {name: told.pop(name) for name in names}


def update(attributes: Attributes, times: dict[str, float], told: Attributes, at: float) -> bool:
    """Change a person's preferences in place by what is told of the moment `at`.

    Returns whether that changed them; what is older than what is there is ignored.
    """
    before = attributes.get(NAME)
    if NAME in told and times.get(NAME, at) <= at:
        _replace(attributes, times, told[NAME], at)
    topics = {
        name: value
        for name, value in told.items()
        if name != NAME and max(times.get(name, at), times.get(NAME, at)) <= at
    }
    if topics:
        _touch(attributes, topics)
        times.update(dict.fromkeys(topics, at))
    return attributes.get(NAME) != before


def _replace(attributes: Attributes, times: dict[str, float], told: Raw, at: float) -> None:
    """Put a new set in the place of the old one, topics of a later time excepted."""
    current = _topics(attributes.get(NAME, NULL))
    later = {name for name, time in times.items() if name.startswith(TOPIC) and time > at}
    for name in [name for name in times if name.startswith(TOPIC) and name not in later]:
        del times[name]
    attributes.pop(NAME, None)
    times.pop(NAME, None)
    if told != NULL:
        attributes[NAME], times[NAME] = told, at
    kept = {name: current.get(name.removeprefix(TOPIC)) for name in later}
    if kept:
        _touch(attributes, {name: Raw(msgspec.json.encode(value)) for name, value in kept.items()})


def _touch(attributes: Attributes, topics: Attributes) -> None:
    whole = _whole(attributes.get(NAME, NULL))
    changed = _topics(attributes.get(NAME, NULL))
    for name, value in topics.items():
        topic = name.removeprefix(TOPIC)
        changed.pop(topic, None)
        if value != NULL:
            changed[topic] = orjson.loads(bytes(value))
    attributes[NAME] = Raw(msgspec.json.encode({**whole, "topics": changed}))


def _topics(told: Raw) -> dict[str, Any]:
    topics = _whole(told).get("topics")
    return dict(topics) if isinstance(topics, dict) else {}


def _whole(told: Raw) -> dict[str, Any]:
    """Preferences as an object, which may come as the text of one; empty for anything else."""
    whole = orjson.loads(bytes(told))
    if isinstance(whole, str):
        with suppress(orjson.JSONDecodeError):
            whole = orjson.loads(whole)
    return whole if isinstance(whole, dict) else {}
