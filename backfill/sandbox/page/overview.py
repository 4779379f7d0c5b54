"""The first page: how much of everything there is, and what was asked last."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from backfill.sandbox.page.requests import END, number_in, rows
from backfill.sandbox.workspace.objects import cio_object_id
from backfill.sandbox.workspace.people import cio_id
from backfill.sandbox.workspace.reading import totals

#: Failures of a page.
_PAGE: Final = 50

#: Requests shown.
_LATEST: Final = 10

#: Of so many of the latest requests the busiest second is looked for: about 10 ms.
_PACE_REQUESTS_MAX: Final = 50_000


#: What was answered with 200 and then not applied, as the log names it.
_FAILURES: Final = "FROM activities WHERE (name GLOB '*fail*' OR name = 'skipped_update')"


def failures(database: sqlite3.Connection, asked: Mapping[str, str]) -> dict[str, Any]:
    """What was accepted and not applied, latest first, and why."""
    before = number_in(asked, "before") or END
    found = database.execute(
        f"SELECT number, at, name, person, object, detail {_FAILURES}"
        " AND number < ? ORDER BY number DESC LIMIT ?",
        (before, _PAGE + 1),
    ).fetchall()
    following = found[_PAGE - 1]["number"] if len(found) > _PAGE else None
    return {"failures": [_failure(row) for row in found[:_PAGE]], "following": following}


def _failure(row: sqlite3.Row) -> dict[str, Any]:
    person, thing = row["person"], row["object"]
    return {
        **dict(row),
        "cio_id": None if person is None else cio_id(person),
        "cio_object_id": None if thing is None else cio_object_id(thing),
    }


def overview(database: sqlite3.Connection, _asked: Mapping[str, str]) -> dict[str, Any]:
    """Totals, objects by type, the busiest second and the latest requests."""
    types = database.execute("SELECT type, count(*) AS count FROM objects GROUP BY type")
    busiest = database.execute(
        "SELECT max(count) FROM (SELECT count(*) AS count FROM"
        " (SELECT at FROM requests ORDER BY number DESC LIMIT ?) GROUP BY CAST(at AS INTEGER))",
        (_PACE_REQUESTS_MAX,),
    ).fetchone()[0]
    return {
        "totals": totals(database),
        "types": [dict(row) for row in types],
        "busiest": busiest or 0,
        "failures": database.execute(f"SELECT count(*) {_FAILURES}").fetchone()[0],
        "requests": rows(database, None, _LATEST),
    }
