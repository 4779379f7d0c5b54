"""Reading a workspace's file, also while a server writes to it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from backfill.errors import UsageError
from backfill.sandbox.workspace.finding import object_row, person_row
from backfill.sandbox.workspace.objects import cio_object_id
from backfill.sandbox.workspace.people import NAMES, cio_id, numbered
from backfill.sandbox.workspace.state import SCHEMA, is_new
from backfill.trackapi import PersonKind

Row = dict[str, Any]

_TOTALS: Final = {
    "people": "SELECT count(*) FROM people",
    "objects": "SELECT count(*) FROM objects",
    "relationships": "SELECT count(*) FROM relationships",
    "devices": "SELECT count(*) FROM devices",
    "events": "SELECT count(*) FROM events WHERE kind = 'event'",
    "pages": "SELECT count(*) FROM events WHERE kind = 'page'",
    "screens": "SELECT count(*) FROM events WHERE kind = 'screen'",
    "forms": "SELECT count(*) FROM events WHERE kind = 'form'",
    "visitors": "SELECT count(DISTINCT anonymous_id) FROM events WHERE person IS NULL",
    "segments": "SELECT count(*) FROM segments",
    "suppressed": "SELECT count(DISTINCT suppression) FROM suppressed",
    "delivery_events": "SELECT count(*) FROM delivery_events",
    "requests": "SELECT count(*) FROM requests",
    "operations": "SELECT coalesce(sum(operations), 0) FROM requests",
    "refused": "SELECT coalesce(sum(refused), 0) FROM requests",
}


def summary(state: Path) -> dict[str, int]:
    """How much of everything there is; `suppressed` counts people, not identifiers."""
    with _reading(state) as database:
        return totals(database)


def totals(database: sqlite3.Connection) -> dict[str, int]:
    """As `summary`, of an open workspace."""
    return {name: int(database.execute(query).fetchone()[0]) for name, query in _TOTALS.items()}


def person(state: Path, kind: PersonKind, value: str) -> Row | None:
    """A profile: id, email, phone, cio_id, created, attributes, times, devices, relationships.

    created: unix seconds when the workspace first saw them; times: attribute to unix seconds.
    """
    with _reading(state) as database:
        row = person_row(database, kind, value)
        return None if row is None else _profile(database, _values(row))


def _profile(database: sqlite3.Connection, row: Row) -> Row:
    number = row.pop("number")
    del row["email_key"]
    devices = database.execute(
        "SELECT token, platform, last_used, attributes FROM devices WHERE person = ?", (number,)
    )
    ties = database.execute(
        "SELECT objects.type, objects.id, ties.attributes, ties.times FROM relationships AS ties"
        " JOIN objects ON objects.number = ties.object WHERE ties.person = ?"
        " ORDER BY objects.number",
        (number,),
    )
    return {
        **row,
        "cio_id": cio_id(number),
        "devices": [_values(device) for device in devices],
        "relationships": [_values(tie) for tie in ties],
    }


def thing(state: Path, type_id: str, object_id: str) -> Row | None:
    """An object: type, id, cio_object_id, created, attributes, times, people, visitors.

    people: the cio_id of each person tied to it; visitors: the anonymous ids.
    """
    with _reading(state) as database:
        row = object_row(database, type_id, object_id)
        if row is None:
            return None
        values = _values(row)
        number = values.pop("number")
        people = database.execute(
            "SELECT person FROM relationships WHERE object = ? ORDER BY person", (number,)
        )
        visitors = database.execute(
            "SELECT anonymous_id FROM visitors WHERE object = ? ORDER BY anonymous_id", (number,)
        )
        return {
            **values,
            "cio_object_id": cio_object_id(number),
            "people": [cio_id(tie["person"]) for tie in people],
            "visitors": [tie["anonymous_id"] for tie in visitors],
        }


def events_of(state: Path, kind: PersonKind, value: str) -> list[Row]:
    """A person's events, pages, screens and forms, oldest first; none for an unknown person.

    Each: kind, name, id, timestamp (when it happened), received, attributes.
    """
    profile = person(state, kind, value)
    if profile is None:
        return []
    query = (
        "SELECT kind, name, id, timestamp, received, attributes FROM events"
        " WHERE person = ? ORDER BY timestamp, number"
    )
    return _rows(state, query, numbered(profile["cio_id"]))


def delivery_events(state: Path) -> list[Row]:
    """What became of deliveries: delivery, name, timestamp, received, attributes, as they came."""
    query = "SELECT delivery, name, timestamp, received, attributes FROM delivery_events"
    return _rows(state, query + " ORDER BY number")


def activities(state: Path) -> list[Row]:
    """What happened apart from events, in order: at, name, person and object (row numbers), detail.

    Among them what was accepted with 200 and then not applied: failed_attribute_change,
    failed_event, skipped_update and their kin.
    """
    query = "SELECT at, name, person, object, detail, data FROM activities ORDER BY number"
    return _rows(state, query)


def requests(state: Path) -> list[Row]:
    """Every request answered, in order.

    Each: at (unix seconds when its headers were read, to the microsecond), path, status,
    operations, refused, bytes, digest (of the body; None without one) and fault (what was done to
    it; None: nothing).
    """
    query = "SELECT at, path, status, operations, refused, bytes, digest, fault FROM requests"
    return _rows(state, query + " ORDER BY number")


def _rows(state: Path, query: str, *values: object) -> list[Row]:
    with _reading(state) as database:
        return [_values(row) for row in database.execute(query, values)]


def _values(row: sqlite3.Row) -> Row:
    values = dict(row)
    for name in ("attributes", "times"):
        if name in values:
            values[name] = json.loads(values[name])
    if isinstance(values.get("times"), int | float):  # one of all, as it is at first
        named = [kind for kind in NAMES if values[kind] is not None]
        values["times"] = dict.fromkeys([*named, *values["attributes"]], values["times"])
    return values


@contextmanager
def connected(state: Path) -> Iterator[sqlite3.Connection]:
    """A workspace's file open for reading, its rows by name.

    A file that a sandbox has only just begun is an empty workspace.
    """
    with ExitStack() as closed:
        where = f"{state.absolute().as_uri()}?mode=ro"
        database = closed.enter_context(closing(sqlite3.connect(where, uri=True)))
        if is_new(database):
            database = closed.enter_context(closing(sqlite3.connect(":memory:")))
            database.executescript(SCHEMA)
        database.row_factory = sqlite3.Row
        yield database


@contextmanager
def _reading(state: Path) -> Iterator[sqlite3.Connection]:
    try:
        with connected(state) as database:
            yield database
    except sqlite3.Error as error:
        problem = f"the sandbox's state cannot be read: {error}"
        raise UsageError(problem, str(state), "give a file that `backfill sandbox` made") from error
