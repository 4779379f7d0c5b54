"""Who and what an identifier names, asked of an open connection whose rows are by name."""

from __future__ import annotations

import sqlite3
from typing import Final, cast

from backfill.sandbox.workspace.objects import cio_object_id
from backfill.sandbox.workspace.people import key, numbered

_PERSON_BY: Final = {
    "id": "SELECT * FROM people WHERE id = ?",
    "email": "SELECT * FROM people WHERE email_key = ?",
    "phone": "SELECT * FROM people WHERE phone = ?",
    "cio_id": "SELECT * FROM people WHERE number = ?",
}


def person_row(database: sqlite3.Connection, kind: str, value: str) -> sqlite3.Row | None:
    """The row of `people` of an identifier; kind: id, email, phone or cio_id."""
    wanted = numbered(value) if kind == "cio_id" else key(kind, value)
    row = database.execute(_PERSON_BY[kind], (wanted,)).fetchone()
    return cast("sqlite3.Row | None", row)


def object_row(database: sqlite3.Connection, type_id: str, object_id: str) -> sqlite3.Row | None:
    """The row of `objects` of a type's number, as text, and an id."""
    query = "SELECT * FROM objects WHERE type = ? AND id = ?"
    row = database.execute(query, (type_id, object_id)).fetchone()
    return cast("sqlite3.Row | None", row)


def object_number(cio: str) -> int | None:
    """The reverse of `cio_object_id`; None for what the server never gave."""
    number = numbered(cio.removeprefix("ob").rjust(12, "0"))
    return number if number is not None and cio_object_id(number) == cio else None
