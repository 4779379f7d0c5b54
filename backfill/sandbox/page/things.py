"""Objects: to search, to browse, and one with the people tied to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from backfill.sandbox.page.profiles import SEARCHED_MAX, holds
from backfill.sandbox.page.requests import number_in
from backfill.sandbox.workspace.finding import object_number
from backfill.sandbox.workspace.objects import cio_object_id
from backfill.sandbox.workspace.people import cio_id
from backfill.sandbox.workspace.wire import attributes_of, times_of

#: Objects of a page, and people tied to one.
_PAGE: Final = 50


def objects(database: sqlite3.Connection, asked: Mapping[str, str]) -> dict[str, Any]:
    """Objects in the order they came, of one type if asked, with a text in id or attributes."""
    of, sought = asked.get("type", ""), asked.get("object", "").strip()
    ((last,),) = database.execute("SELECT coalesce(max(number), 0) FROM objects")
    after = number_in(asked, "after") or 0
    database.create_function("holds", 2, holds, deterministic=True)
    first = max(after, last - SEARCHED_MAX) if sought else after
    rows = database.execute(
        "SELECT * FROM objects WHERE number > :first AND (:type = '' OR type = :type)"
        " AND (:sought = '' OR instr(lower(id), lower(:sought)) OR holds(attributes, :sought))"
        " ORDER BY number LIMIT :most",
        {"first": first, "type": of, "sought": sought, "most": _PAGE + 1},
    ).fetchall()
    types = database.execute("SELECT type, count(*) AS count FROM objects GROUP BY type")
    return {
        "objects": [_line(row) for row in rows[:_PAGE]],
        "following": rows[_PAGE - 1]["number"] if len(rows) > _PAGE else None,
        "types": [dict(row) for row in types],
        "type": of,
        "sought": sought,
        "is_bounded": bool(sought) and last > SEARCHED_MAX,
    }


def _line(row: sqlite3.Row) -> dict[str, Any]:
    attributes = attributes_of(row["attributes"])
    name = attributes.get("name")
    return {
        **dict(row),
        "cio_object_id": cio_object_id(row["number"]),
        "attributes": len(attributes),
        "name": name,
    }


def thing(database: sqlite3.Connection, asked: Mapping[str, str]) -> dict[str, Any] | None:
    """An object; None for an identifier that none has."""
    number = object_number(asked["cio_object_id"])
    row = database.execute("SELECT * FROM objects WHERE number = ?", (number,)).fetchone()
    if row is None:
        return None
    attributes, times = attributes_of(row["attributes"]), times_of(row["times"], ())
    after = number_in(asked, "after") or 0
    ties = database.execute(
        "SELECT people.number, id, email, phone, ties.attributes FROM relationships AS ties"
        " JOIN people ON people.number = ties.person"
        " WHERE ties.object = ? AND ties.person > ? ORDER BY ties.person LIMIT ?",
        (number, after, _PAGE + 1),
    ).fetchall()
    visitors = database.execute(
        "SELECT anonymous_id FROM visitors WHERE object = ? ORDER BY anonymous_id LIMIT ?",
        (number, _PAGE),
    )
    return {
        "thing": {**dict(row), "cio_object_id": asked["cio_object_id"]},
        "attributes": [(name, attributes[name], times.get(name)) for name in sorted(attributes)],
        "ties": [_tie(tie) for tie in ties[:_PAGE]],
        "following": ties[_PAGE - 1]["number"] if len(ties) > _PAGE else None,
        "visitors": [visitor["anonymous_id"] for visitor in visitors],
    }


def _tie(row: sqlite3.Row) -> dict[str, Any]:
    attributes = sorted(attributes_of(row["attributes"]).items())
    return {**dict(row), "cio_id": cio_id(row["number"]), "attributes": attributes}
