"""Everything in a workspace, so that two of them can be compared.

Left out is what two runs of one job need not have in common: numbers of rows, when something was
first seen, received or last changed, and which identifiers were suppressed together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from backfill.sandbox.workspace.people import NAMES, cio_id
from backfill.sandbox.workspace.reading import connected
from backfill.sandbox.workspace.wire import attributes_of

Key = tuple[str | int, ...]

#: Why an identify is not applied that another person's identifiers stand against, as
#: `workspace.identify` notes it: which of the two is refused depends on who came first.
_COLLIDED: Final = ("an identifier belongs to another person", " is set already")


class Found(NamedTuple):
    """One thing in a workspace.

    label:  what to look for here; tells nothing of a person but their number.
    owner:  the key of the person it belongs to, if it belongs to one.
    values: name to text; of attributes their JSON, as it came.
    """

    label: str
    owner: Key | None
    values: Mapping[str, str]


class Contents(NamedTuple):
    """What stands in a workspace.

    things:   by kind (people, devices, objects, relationships, visitors, memberships, suppressed,
              events, delivery_events) and key. A person's key is their first identifier, kind and
              value; an event's is its id.
    collided: kind and value of each person of whom an identify was not applied, for its
              identifiers were of several people.
    """

    things: Mapping[str, Mapping[Key, Found]]
    collided: frozenset[Key]


class _Open(NamedTuple):
    """A workspace that is read; people: number to key."""

    database: sqlite3.Connection
    people: Mapping[int, Key]
    moment: Callable[[float], str]


def contents(state: Path, since_s: float, until_s: float) -> Contents:
    """Read a workspace whole, into memory: for jobs of some thousand rows.

    since_s, until_s: unix seconds; a time between them is that of the run, and told as `now`.
    """

    def moment(told: float) -> str:
        return "now" if since_s <= told <= until_s else str(told)

    with connected(state) as database:
        numbered = {number: (key, person) for number, key, person in _people(database)}
        whole = _Open(database, {n: key for n, (key, _) in numbered.items()}, moment)
        things = {kind: dict(read(whole)) for kind, read in _KINDS.items()}
        people = dict(numbered.values())
        return Contents({"people": people, **things}, frozenset(_collided(database)))


_Things = Iterator[tuple[Key, Found]]


def _people(database: sqlite3.Connection) -> Iterator[tuple[int, Key, Found]]:
    for row in database.execute("SELECT number, id, email, phone, attributes FROM people"):
        names = {kind: row[kind] for kind in NAMES if row[kind] is not None}
        key: Key = next(iter(names.items()), ("cio_id", row["number"]))
        values = {**names, **_spoken(row["attributes"])}
        yield row["number"], key, Found(f"cio_id {cio_id(row['number'])}", None, values)


def _devices(whole: _Open) -> _Things:
    for row in whole.database.execute("SELECT * FROM devices"):
        owner = whole.people[row["person"]]
        values = {"platform": row["platform"], "last_used": whole.moment(row["last_used"])}
        label = f"a device of cio_id {cio_id(row['person'])}"
        key = (*owner, row["token"])
        yield key, Found(label, owner, {**values, **_spoken(row["attributes"])})


def _objects(whole: _Open) -> _Things:
    for row in whole.database.execute("SELECT number, type, id, attributes FROM objects"):
        label = f"object {row['number']}, of type {row['type']}"
        yield (row["type"], row["id"]), Found(label, None, _spoken(row["attributes"]))


_TIED_TO: Final = ", type, id, ties.attributes FROM {} AS ties JOIN objects ON number = object"


def _relationships(whole: _Open) -> _Things:
    for row in whole.database.execute("SELECT person" + _TIED_TO.format("relationships")):
        owner = whole.people[row["person"]]
        label = f"a relationship of cio_id {cio_id(row['person'])}"
        key = (*owner, row["type"], row["id"])
        yield key, Found(label, owner, _spoken(row["attributes"]))


def _visitors(whole: _Open) -> _Things:
    for row in whole.database.execute("SELECT anonymous_id" + _TIED_TO.format("visitors")):
        label = f"a visitor's relationship, to an object of type {row['type']}"
        key = (row["anonymous_id"], row["type"], row["id"])
        yield key, Found(label, None, _spoken(row["attributes"]))


def _memberships(whole: _Open) -> _Things:
    for row in whole.database.execute("SELECT segment, person FROM memberships"):
        owner = whole.people[row["person"]]
        label = f"cio_id {cio_id(row['person'])} in segment {row['segment']}"
        yield (*owner, row["segment"]), Found(label, owner, {})


def _suppressed(whole: _Open) -> _Things:
    for row in whole.database.execute("SELECT kind, value FROM suppressed"):
        yield (row["kind"], row["value"]), Found(f"a suppressed {row['kind']}", None, {})


def _events(whole: _Open) -> _Things:
    """Events by their id; each without one is a thing of its own."""
    for row in whole.database.execute("SELECT * FROM events"):
        owner = None if row["person"] is None else whole.people[row["person"]]
        values = {
            "kind": row["kind"],
            "name": row["name"],
            "anonymous_id": str(row["anonymous_id"]),
            "timestamp": whole.moment(row["timestamp"]),
            **_spoken(row["attributes"]),
        }
        key: Key = (row["id"],) if row["id"] else ("no id", row["number"])
        yield key, Found(f"{row['kind']} {row['id'] or 'without an id'}", owner, values)


def _delivery_events(whole: _Open) -> _Things:
    """What became of deliveries; they have no id, so a repeat of one is the same thing."""
    for row in whole.database.execute("SELECT delivery, name, attributes FROM delivery_events"):
        key = (row["delivery"], row["name"], row["attributes"])
        yield key, Found(f"a delivery event: {row['name']}", None, {})


_KINDS: Final[Mapping[str, Callable[[_Open], _Things]]] = {
    "devices": _devices,
    "objects": _objects,
    "relationships": _relationships,
    "visitors": _visitors,
    "memberships": _memberships,
    "suppressed": _suppressed,
    "events": _events,
    "delivery_events": _delivery_events,
}


def _collided(database: sqlite3.Connection) -> Iterator[Key]:
    query = "SELECT detail FROM activities WHERE name = 'failed_attribute_change'"
    for (detail,) in database.execute(query):
        named, _, why = str(detail).rpartition(": ")
        if why.endswith(_COLLIDED):
            kind, _, value = named.partition(" ")
            yield kind, value


def _spoken(stored: str) -> dict[str, str]:
    return {name: bytes(raw).decode() for name, raw in attributes_of(stored).items()}
