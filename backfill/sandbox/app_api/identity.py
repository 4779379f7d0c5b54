"""Who and what a request names, and how an answer names them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from backfill.sandbox.app_api import parameters
from backfill.sandbox.app_api.answers import Refused
from backfill.sandbox.calls import Call, Reading
from backfill.sandbox.workspace.finding import person_row
from backfill.sandbox.workspace.objects import cio_object_id
from backfill.sandbox.workspace.people import cio_id


def triple(row: Mapping[str, Any] | sqlite3.Row) -> dict[str, str | None]:
    """A person's identifiers, of a row with number, id and email.  [app api: all three required]"""
    return {"email": row["email"], "id": row["id"], "cio_id": cio_id(row["number"])}


def pair(row: sqlite3.Row) -> dict[str, str]:
    """An object's identifiers, of a row with number and id."""
    return {"object_id": row["id"], "cio_object_id": cio_object_id(row["number"])}


def named(database: sqlite3.Connection, kind: str, value: str) -> sqlite3.Row | None:
    """The person of an identifier; a cio_id with `cio_` before it or without.

    The prefix is documented for activities; whether other paths want it is not known.
    """
    wanted = value.removeprefix("cio_") if kind == "cio_id" else value
    return person_row(database, kind, wanted)


def person(reading: Reading, call: Call) -> sqlite3.Row:
    """The person of the path; 404 for nobody."""
    kind = parameters.id_type(call)
    row = named(reading.database, kind, call.names["customer_id"])
    if row is None:
        raise Refused(404, "not found")
    return row
