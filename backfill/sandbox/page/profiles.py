"""People and visitors: to search, to browse, and one profile with all that hangs on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

import orjson
from msgspec import Raw

from backfill.sandbox.page.requests import number_in
from backfill.sandbox.workspace.objects import cio_object_id
from backfill.sandbox.workspace.people import NAMES, cio_id, key, numbered
from backfill.sandbox.workspace.preferences import is_unsubscribed
from backfill.sandbox.workspace.wire import attributes_of, spoken, times_of

#: People of a page, and lines of a timeline.
_PAGE: Final = 50

#: Beyond it a timeline is not paged: the place would be no number the database has.
_PAGES_MAX: Final = 1_000_000

#: Attributes of so many of the latest people are searched: 0.4 s, at 3.5 us each.
SEARCHED_MAX: Final = 100_000

_COLUMNS: Final = "SELECT number, id, email, phone, created, attributes FROM people"

#: Beyond every text that begins with another.
_AFTER: Final = "\U0010ffff"

_TIMELINE: Final = (
    "SELECT timestamp AS at, kind AS type, name, attributes AS data, NULL AS detail,"
    " NULL AS object, NULL AS thing, received, 1 AS source, number FROM events"
    " WHERE person = :person"
    " UNION ALL SELECT at, name, NULL, data, detail, object, objects.id, at, 0, log.number"
    " FROM activities AS log LEFT JOIN objects ON objects.number = log.object"
    " WHERE person = :person ORDER BY at DESC, received DESC, source DESC, number DESC"
    " LIMIT :most OFFSET :first"
)


def people(database: sqlite3.Connection, asked: Mapping[str, str]) -> dict[str, Any]:
    """People in the order they came; or those an identifier or attribute of whom is asked for."""
    sought = asked.get("q", "").strip()
    if sought:
        return {**_found(database, sought), "following": None}
    after = number_in(asked, "after") or 0
    rows = database.execute(
        f"{_COLUMNS} WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE + 1)
    ).fetchall()
    following = rows[_PAGE - 1]["number"] if len(rows) > _PAGE else None
    shown = [_line(row) for row in rows[:_PAGE]]
    return {"named": shown, "mentioned": [], "following": following, "is_bounded": False}


def _found(database: sqlite3.Connection, sought: str) -> dict[str, Any]:
    """Who is called so, or so at the beginning; and who has an attribute that holds it."""
    ends = {"id": sought, "email_key": key("email", sought), "phone": sought}
    where = " OR ".join(f"({column} >= ? AND {column} < ?)" for column in ends)
    values = [value for text in ends.values() for value in (text, text + _AFTER)]
    named = database.execute(
        f"{_COLUMNS} WHERE number = ? OR {where} ORDER BY number LIMIT ?",
        (numbered(sought), *values, _PAGE),
    ).fetchall()
    ((last,),) = database.execute("SELECT coalesce(max(number), 0) FROM people")
    database.create_function("holds", 2, holds, deterministic=True)
    mentioned = database.execute(
        f"{_COLUMNS} WHERE number > ? AND holds(attributes, ?) ORDER BY number LIMIT ?",
        (last - SEARCHED_MAX, sought, _PAGE),
    ).fetchall()
    known = {row["number"] for row in named}
    return {
        "named": [_line(row) for row in named],
        "mentioned": [_line(row) for row in mentioned if row["number"] not in known],
        "is_bounded": last > SEARCHED_MAX,
    }


def holds(attributes: str, sought: str) -> bool:
    """Whether every word sought is in the values, in whatever letter case."""
    values = " ".join(map(str, orjson.loads(attributes).values())).casefold()
    return all(word in values for word in sought.casefold().split())


def _line(row: sqlite3.Row) -> dict[str, Any]:
    attributes = attributes_of(row["attributes"])
    whole = [attributes["name"]] if "name" in attributes else []
    parts = [attributes[name] for name in ("first_name", "last_name") if name in attributes]
    return {
        **dict(row),
        "cio_id": cio_id(row["number"]),
        "attributes": len(attributes),
        "called": " ".join(spoken(part) for part in whole or parts),
    }


def person(database: sqlite3.Connection, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """A profile; None for a cio_id that nobody has."""
    row = database.execute(
        "SELECT * FROM people WHERE number = ?", (numbered(asked["cio_id"]),)
    ).fetchone()
    if row is None:
        return None
    number, attributes = row["number"], attributes_of(row["attributes"])
    names = {kind: row[kind] for kind in NAMES if row[kind] is not None}
    times = times_of(row["times"], [*attributes, *names])
    page = min(number_in(asked, "page") or 0, _PAGES_MAX)
    return {
        "person": {**dict(row), "cio_id": cio_id(number)},
        "names": names,
        "is_unsubscribed": is_unsubscribed(attributes),
        "attributes": [(name, attributes[name], times.get(name)) for name in sorted(attributes)],
        **_timeline(database, number, page),
        **_hanging(database, number),
    }


def _timeline(database: sqlite3.Connection, number: int, page: int) -> dict[str, Any]:
    asked = {"person": number, "most": _PAGE + 1, "first": page * _PAGE}
    rows = database.execute(_TIMELINE, asked).fetchall()
    return {
        "timeline": [_happened(row) for row in rows[:_PAGE]],
        "page": page,
        "more": len(rows) > _PAGE,
    }


def _happened(row: sqlite3.Row) -> dict[str, Any]:
    """One line: an event with its attributes, or what the workspace did and why."""
    told = sorted(attributes_of(row["data"] or "{}").items())
    is_change = not row["source"]
    thing = row["object"]
    return {
        **dict(row),
        "data": told,
        "changes": [(name, *_ends(raw)) for name, raw in told if is_change],
        "cio_object_id": None if thing is None else cio_object_id(thing),
        "is_failed": "fail" in row["type"] or "skip" in row["type"],
    }


def _ends(change: Raw) -> tuple[str, str]:
    told = orjson.loads(bytes(change))
    return told["from"], told["to"]


def _hanging(database: sqlite3.Connection, number: int) -> dict[str, Any]:
    """Devices, relationships and segments of a person."""
    devices = database.execute("SELECT * FROM devices WHERE person = ? ORDER BY token", (number,))
    ties = database.execute(
        "SELECT objects.number, type, id, ties.attributes, objects.attributes AS own"
        " FROM relationships AS ties"
        " JOIN objects ON objects.number = ties.object WHERE ties.person = ? ORDER BY type, id",
        (number,),
    )
    segments = database.execute(
        "SELECT segment FROM memberships WHERE person = ? ORDER BY segment", (number,)
    )
    return {
        "devices": [_with_attributes(row) for row in devices],
        "ties": [
            {
                **_with_attributes(row),
                "cio_object_id": cio_object_id(row["number"]),
                "name": attributes_of(row["own"]).get("name"),
            }
            for row in ties
        ],
        "segments": [row["segment"] for row in segments],
    }


def _with_attributes(row: sqlite3.Row) -> dict[str, Any]:
    return {**dict(row), "attributes": sorted(attributes_of(row["attributes"]).items())}


def visitors(database: sqlite3.Connection, asked: Mapping[str, str]) -> dict[str, Any]:
    """Anonymous ids whose events are nobody's yet, in the order of their text."""
    rows = database.execute(
        "SELECT anonymous_id, count(*) AS count, max(timestamp) AS latest FROM events"
        " WHERE person IS NULL AND anonymous_id > ? GROUP BY anonymous_id"
        " ORDER BY anonymous_id LIMIT ?",
        (asked.get("after", ""), _PAGE + 1),
    ).fetchall()
    following = rows[_PAGE - 1]["anonymous_id"] if len(rows) > _PAGE else None
    return {"visitors": [dict(row) for row in rows[:_PAGE]], "following": following}
