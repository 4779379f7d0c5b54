"""How a profile reads in the App API. Pure.

Every value of a person's attributes is text: [observed: GRP] 30 is "30", true is "true". Our
choice where nobody says: any other number as it was sent, digit by digit; objects and arrays as
compact JSON.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import msgspec
import orjson
from msgspec import Raw

from backfill.sandbox.workspace import preferences
from backfill.sandbox.workspace.people import cio_id
from backfill.sandbox.workspace.wire import Attributes, attributes_of, spoken, times_of

#: The computed twin of a person's preferences, its time always 0.  [app api: sample; name as
#: readers of the live API use it]
_COMPUTED: Final = "_cio_subscription_preferences_computed"

#: When the workspace first saw a person, in seconds; server-made, and refused in what is sent.
#: [docs: reserved attributes]
_FIRST_SEEN: Final = "_created_in_customerio_at"

_NESTED: Final = (b"{", b"[")


def text_of(value: Raw) -> str:
    """A value as text."""
    told = bytes(value)
    return msgspec.json.format(told, indent=-1).decode() if told[:1] in _NESTED else spoken(value)


def attributes_told(row: sqlite3.Row, attributes: Attributes) -> dict[str, str | None]:
    """A person's attributes, among them id, email and cio_id, of a row of `people`."""
    told: dict[str, str | None] = {name: text_of(value) for name, value in attributes.items()}
    if preferences.NAME in told:
        told[_COMPUTED] = told[preferences.NAME]
    told.setdefault("created_at", str(row["created"]))  # [observed: SEG PR #361, by an engineer]
    told[_FIRST_SEEN] = str(row["created"])
    if row["phone"] is not None:
        told["phone"] = row["phone"]
    return {**told, "id": row["id"], "email": row["email"], "cio_id": cio_id(row["number"])}


def timestamps(row: sqlite3.Row, told: dict[str, str | None]) -> dict[str, int]:
    """When each attribute that is told was set, in whole seconds."""
    created = row["created"]
    made = {"cio_id": created, _FIRST_SEEN: created, _COMPUTED: 0}
    times = {"created_at": created, **times_of(row["times"], told), **made}
    return {name: int(times[name]) for name in told if name in times}


def device(row: sqlite3.Row) -> dict[str, Any]:
    """A device, of a row of `devices`; its attributes are text."""
    attributes = attributes_of(row["attributes"])
    return {
        "id": row["token"],
        "platform": row["platform"],
        "last_used": int(row["last_used"]),
        "attributes": {name: text_of(value) for name, value in attributes.items()},
    }


def topics(attributes: Attributes) -> list[dict[str, Any]]:
    """What a person is subscribed to, of the topics that were ever told.

    The names are ours: no call of the Track API says what a topic is called.
    """
    subscribed = _topics_of(attributes.get(preferences.NAME))
    return [
        {
            "id": name.removeprefix("topic_"),
            "subscribed": value is True,
            "name": name.replace("topic_", "Topic "),
            "description": "",
        }
        for name, value in subscribed.items()
    ]


def _topics_of(told: Raw | None) -> dict[str, Any]:
    """Topics by name; preferences may come as an object or as the text of one."""
    try:
        whole = orjson.loads(text_of(told)) if told is not None else {}
    except orjson.JSONDecodeError:
        return {}
    found = whole.get("topics") if isinstance(whole, dict) else None
    return found if isinstance(found, dict) else {}
