"""The two searches, in the order the workspace met what they find.

Identifiers and segments are found by index; other attributes by reading the workspace through.
"""

from __future__ import annotations

from typing import Final

from backfill.sandbox.app_api import filters, pages, parameters
from backfill.sandbox.app_api.answers import Refused, Told
from backfill.sandbox.calls import Call, Reading

#: [app api: POST /v1/customers]; for objects it says neither, so they are the same.
_DEFAULT: Final = 50
_MAX: Final = 1000


def people(reading: Reading, call: Call) -> Told:
    """The people a filter holds for."""
    size, (after,) = parameters.limit(call, _DEFAULT, _MAX), parameters.start(call, (0,))
    condition = filters.of_people(parameters.body(call).get("filter"))
    filters.prepare(reading.database)
    rows = reading.database.execute(
        "SELECT number, id, email FROM people"  # noqa: S608
        f" WHERE number > ? AND {condition.sql} ORDER BY number LIMIT ?",
        (after, *condition.values, size + 1),
    ).fetchall()
    return pages.of_people(rows, size)


def objects(reading: Reading, call: Call) -> Told:
    """The objects of one type that a filter holds for."""
    size, (after,) = parameters.limit(call, _DEFAULT, _MAX), parameters.start(call, (0,))
    told = parameters.body(call)
    type_id = told.get("object_type_id")
    if not isinstance(type_id, str):
        raise Refused(400, "object_type_id must be a string")
    condition = filters.of_objects(told.get("filter"), type_id)
    filters.prepare(reading.database)
    rows = reading.database.execute(
        "SELECT number, id FROM objects"  # noqa: S608
        f" WHERE type = ? AND number > ? AND {condition.sql} ORDER BY number LIMIT ?",
        (type_id, after, *condition.values, size + 1),
    ).fetchall()
    return pages.of_objects(rows, size)
