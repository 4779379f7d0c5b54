"""The calls about segments; every one here is manual, and finished."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from backfill.sandbox.app_api import pages, parameters
from backfill.sandbox.app_api.answers import Refused, Told
from backfill.sandbox.calls import Call, Reading

#: [app api: GET /v1/segments/{segment_id}/membership]
_MEMBERS_DEFAULT: Final = 1000
_MEMBERS_MAX: Final = 30_000


def name_of(number: int) -> dict[str, str]:
    """Name and description: no call of the Track API gives them, so they are ours."""
    return {"name": f"Segment {number}", "description": ""}


def every(reading: Reading, _call: Call) -> Told:
    """All segments."""
    rows = reading.database.execute("SELECT * FROM segments ORDER BY number")
    return {"segments": [_segment(row) for row in rows]}


def one(reading: Reading, call: Call) -> Told:
    """One segment."""
    return {"segment": _segment(_found(reading, call))}


def customer_count(reading: Reading, call: Call) -> Told:
    """How many people are in a segment."""
    number = _found(reading, call)["number"]
    query = "SELECT count(*) FROM memberships WHERE segment = ?"
    ((count,),) = reading.database.execute(query, (number,)).fetchall()
    return {"segment_id": number, "count": count}


def membership(reading: Reading, call: Call) -> Told:
    """The people in a segment, in the order the workspace met them; "" for those without an id."""
    number = _found(reading, call)["number"]
    size = parameters.limit(call, _MEMBERS_DEFAULT, _MEMBERS_MAX)
    (after,) = parameters.start(call, (0,))
    rows = reading.database.execute(
        "SELECT people.number, people.id, people.email FROM memberships"
        " JOIN people ON people.number = memberships.person"
        " WHERE segment = ? AND person > ? ORDER BY person LIMIT ?",
        (number, after, size + 1),
    ).fetchall()
    return {"segment_id": number, **pages.of_people(rows, size)}


def _found(reading: Reading, call: Call) -> sqlite3.Row:
    number = parameters.row_number(call.names["segment_id"])
    query = "SELECT * FROM segments WHERE number = ?"
    row: sqlite3.Row | None = reading.database.execute(query, (number,)).fetchone()
    if row is None:
        raise Refused(404, "not found")
    return row


def _segment(row: sqlite3.Row) -> dict[str, Any]:
    number, created = row["number"], row["created"]
    return {
        "id": number,
        "deduplicate_id": f"{number}:{created}",
        **name_of(number),
        "state": "finished",
        "progress": None,
        "type": "manual",
        "tags": None,
        "created_at": created,
        "updated_at": created,
    }
