"""The calls about objects: their types, what they are, who is tied to them."""

from __future__ import annotations

import sqlite3
from typing import Any, Final, cast

from backfill.sandbox.app_api import identity, pages, parameters
from backfill.sandbox.app_api.answers import Refused, Told
from backfill.sandbox.app_api.customers import RELATIONSHIPS_DEFAULT, RELATIONSHIPS_MAX
from backfill.sandbox.calls import Call, Reading
from backfill.sandbox.workspace.finding import object_number, object_row
from backfill.sandbox.workspace.wire import attributes_of, times_of

_KINDS: Final = ("object_id", "cio_object_id")

#: Steps from type to type by the index, however many objects each has.
_TYPES: Final = """
WITH RECURSIVE types (type) AS (
    SELECT min(type) FROM objects UNION ALL
    SELECT (SELECT min(type) FROM objects WHERE type > types.type) FROM types
    WHERE types.type IS NOT NULL)
SELECT type FROM types WHERE type IS NOT NULL ORDER BY CAST(type AS INTEGER)"""

#: What a person's relationships to objects call the type of people.  [seen in stubs of others]
_PEOPLE_TYPE: Final = "0"


def types(reading: Reading, _call: Call) -> Told:
    """The types that have an object; no call of the Track API names one, so the names are ours."""
    return {"types": [_type(type_id) for (type_id,) in reading.database.execute(_TYPES)]}


def _type(type_id: str) -> dict[str, Any]:
    return {
        "id": type_id,
        "name": f"Objects {type_id}",
        "singular_name": f"Object {type_id}",
        "slug": f"objects_{type_id}",
        "singular_slug": f"object_{type_id}",
        "icon": "",
        "enabled": True,
    }


def attributes(reading: Reading, call: Call) -> Told:
    """What an object is; its attributes are the JSON values that were sent.

    Two things [app api] leaves open are our choice. Values are not made text as a person's are:
    their schema allows any type, where a person's says string. The identifiers documented (id,
    email) are a person's, so they are null here and the object's own stand beside them.
    """
    row = _found(reading, call)
    times = times_of(row["times"], ())
    return {
        "object": {
            "attributes": attributes_of(row["attributes"]),
            "timestamps": {name: int(time) for name, time in times.items()},
            "identifiers": {**identity.pair(row), "id": None, "email": None},
            "object_type_id": row["type"],
        }
    }


def relationships(reading: Reading, call: Call) -> Told:
    """The people tied to an object; the attributes of the ties stand on the people's side."""
    row = _found(reading, call)
    size = parameters.limit(call, RELATIONSHIPS_DEFAULT, RELATIONSHIPS_MAX)
    (after,) = parameters.start(call, (0,))
    people = reading.database.execute(
        "SELECT people.number, people.id, people.email FROM relationships AS ties"
        " JOIN people ON people.number = ties.person"
        " WHERE ties.object = ? AND ties.person > ? ORDER BY ties.person LIMIT ?",
        (row["number"], after, size + 1),
    ).fetchall()
    shown = [{"identifiers": identity.triple(person), **_OF_A_PERSON} for person in people[:size]]
    return {"cio_relationships": shown, "next": pages.following(people, size)}


_OF_A_PERSON: Final = {"object_type_id": _PEOPLE_TYPE, "object_type_disabled": False}


def _found(reading: Reading, call: Call) -> sqlite3.Row:
    """The object of the path, of that type; 404 for none, which [app api] does not list."""
    kind, type_id = parameters.id_type(call, _KINDS), call.names["object_type_id"]
    row = _row(reading.database, kind, type_id, call.names["object_id"])
    if row is None or row["type"] != type_id:
        raise Refused(404, "not found")
    return row


def _row(
    database: sqlite3.Connection, kind: str, type_id: str, object_id: str
) -> sqlite3.Row | None:
    if kind == "object_id":
        return object_row(database, type_id, object_id)
    query = "SELECT * FROM objects WHERE number = ?"
    row = database.execute(query, (object_number(object_id),)).fetchone()
    return cast("sqlite3.Row | None", row)
