"""People: who is who, and what identify makes of them."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, cast

from backfill import trackapi
from backfill.sandbox.state import Work
from backfill.sandbox.values import Outcome, update
from backfill.sandbox.wire import (
    TRUE,
    Attributes,
    Identifiers,
    Identify,
    attributes_of,
    sole,
    stored,
    text_of,
    times_of,
)

#: Identifiers that may be given as attributes, in the order they find a person.
NAMES: Final[tuple[str, ...]] = ("id", "email", "phone")

_NUMBER: Final = {
    "id": "SELECT number FROM people WHERE id = ?",
    "email": "SELECT number FROM people WHERE email_key = ?",
    "phone": "SELECT number FROM people WHERE phone = ?",
    "cio_id": "SELECT number FROM people WHERE number = ?",
}
_FIND: Final = {
    kind: query.replace("number", "number, id, email, phone, attributes, times", 1)
    for kind, query in _NUMBER.items()
}
_INSERT: Final = (
    "INSERT INTO people (id, email, email_key, phone, created, attributes, times)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE: Final = (
    "UPDATE people SET id = ?, email = ?, email_key = ?, phone = ?, attributes = ?, times = ?"
    " WHERE number = ?"
)


@dataclass(slots=True)
class Person:
    """One profile. names: kind to identifier, the server-made one excepted."""

    number: int
    names: dict[str, str | None]
    attributes: Attributes
    times: dict[str, float]


def key(kind: str, value: str) -> str:
    """What identifiers are compared by: emails without case, others exactly.  [spec]"""
    return value.lower() if kind == "email" else value


def cio_id(number: int) -> str:
    """The identifier the server gives to the person of this number."""
    return f"{number:012x}"


def numbered(cio: str) -> int | None:
    """The reverse of `cio_id`; None for what the server never gave."""
    try:
        number = int(cio, 16)
    except ValueError:
        return None
    return number if cio_id(number) == cio and number < 2**63 else None


def number_of(work: Work, kind: str, value: str) -> int | None:
    """The number of the person of an identifier."""
    row = work.database.execute(_NUMBER[kind], (_wanted(kind, value),)).fetchone()
    return None if row is None else row[0]


def _wanted(kind: str, value: str) -> str | int | None:
    return numbered(value) if kind == "cio_id" else key(kind, value)


def find(work: Work, kind: str, value: str) -> Person | None:
    """The person of an identifier."""
    row = work.database.execute(_FIND[kind], (_wanted(kind, value),)).fetchone()
    if row is None:
        return None
    number, own_id, email, phone, attributes, times = row
    names = {"id": own_id, "email": email, "phone": phone}
    return Person(number, names, attributes_of(attributes), times_of(times))


def is_blocked(work: Work, names: dict[str, str | None]) -> bool:
    """Whether any of these identifiers is suppressed."""
    if not work.blocks:
        return False
    query = "SELECT 1 FROM suppressed WHERE kind = ? AND value = ?"
    pairs = ((kind, key(kind, value)) for kind, value in names.items() if value is not None)
    return any(work.database.execute(query, pair).fetchone() for pair in pairs)


def create(
    work: Work, names: dict[str, str | None], attributes: Attributes, times: dict[str, float]
) -> int:
    """Add a person. Raises sqlite3.IntegrityError if a name belongs to another."""
    row = (*_name_columns(names), work.now, stored(attributes), stored(times))
    number = cast("int", work.database.execute(_INSERT, row).lastrowid)
    work.note("profile_create", number)
    return number


def _name_columns(names: dict[str, str | None]) -> tuple[str | None, ...]:
    email = names.get("email")
    return names.get("id"), email, email and key("email", email), names.get("phone")


def save(work: Work, person: Person) -> None:
    """Write a person back. Raises sqlite3.IntegrityError if a name belongs to another."""
    row = (*_name_columns(person.names), stored(person.attributes), stored(person.times))
    work.database.execute(_UPDATE, (*row, person.number))


def reach(work: Work, identifiers: Identifiers) -> int | None:
    """Number of the person an operation names, made if need be.

    None if suppressed, or unknown and not to be made; a cio_id never makes a person.  [spec]
    """
    kind, value = sole(identifiers)
    if is_blocked(work, {kind: value}):
        return None
    number = number_of(work, kind, value)
    if number is not None:
        return number
    if kind == "cio_id" or not work.sandbox.creates_unknown:
        return None
    return create(work, {kind: value}, {}, {kind: work.now})


def identify(work: Work, told: Identify) -> int | None:
    """Create or update a person; the number, or None if nothing was to be done.

    A conflict of identifiers is answered with 200 and kept as a failed change.  [spec: v1
    identify; that none of the other attributes is applied is our reading]
    """
    kind, value = sole(told.identifiers)
    attributes = told.attributes
    is_update = attributes.pop("_update", None) == TRUE
    names = {name: text_of(attributes.pop(name)) for name in NAMES if name in attributes}
    if is_blocked(work, {**names, kind: value}):
        work.note("failed_attribute_change", detail="the person is suppressed")
        return None
    if key(kind, names.get(kind) or value) != key(kind, value):
        work.note("failed_attribute_change", detail=f"{kind} differs from the identifier")
        return None
    at, person = work.moment(told.timestamp), find(work, kind, value)
    if person is None and not is_update and kind != "cio_id":
        with suppress(sqlite3.IntegrityError):  # one of the other names is somebody's
            return _first_seen(work, told, {**names, kind: value}, at)
    person = person or _named_otherwise(work, names)
    if person is None or (kind == "cio_id" and person.number != numbered(value)):
        work.note("failed_attribute_change", detail="there is no such person to update")
        return None
    return _change(work, person, told, names, at)


def _named_otherwise(work: Work, names: dict[str, str | None]) -> Person | None:
    """The person an attribute names, who then receives the operation's identifier.  [spec: v1]"""
    found = (find(work, kind, value) for kind, value in names.items() if value is not None)
    return next((person for person in found if person is not None), None)


def _first_seen(work: Work, told: Identify, names: dict[str, str | None], at: float) -> int:
    attributes: Attributes = {}
    times: dict[str, float] = {kind: at for kind, value in names.items() if value is not None}
    update(attributes, times, told.attributes, at, work.sandbox.empty_removes)
    return create(work, names, attributes, times)


def _change(
    work: Work, person: Person, told: Identify, names: dict[str, str | None], at: float
) -> int | None:
    kind, value = sole(told.identifiers)
    is_renamed = False
    for name, new in {**names, **({} if kind == "cio_id" else {kind: value})}.items():
        if not _differs(person, name, new) or person.times.get(name, at) > at:
            continue
        if not _may_change(kind, name, person.names[name]):
            work.note("failed_attribute_change", person.number, detail=f"{name} is set already")
            return None
        person.names[name], person.times[name] = new, at
        if new is None:
            del person.times[name]
        is_renamed = True
    empty_removes = work.sandbox.empty_removes
    outcome = update(person.attributes, person.times, told.attributes, at, empty_removes)
    if len(person.attributes) > trackapi.ATTRIBUTES_MAX:
        work.note("failed_attribute_change", person.number, detail="too many attributes")
        return None
    if is_renamed or outcome is Outcome.CHANGED:
        return _saved(work, person)
    if outcome is Outcome.OLDER:
        work.note("skipped_update", person.number)
    return person.number


def _differs(person: Person, name: str, new: str | None) -> bool:
    old = person.names[name]
    return (old and key(name, old)) != (new and key(name, new))


def _may_change(kind: str, name: str, old: str | None) -> bool:
    """Whether an operation that names its person by `kind` may change this identifier.

    A set one only by cio_id, save the email (and phone, by analogy) of a person named by id.
    [spec: v1 identify; taken as allowed by the workspace]
    """
    return old is None or kind == "cio_id" or (kind == "id" and name != "id")


def _saved(work: Work, person: Person) -> int | None:
    try:
        save(work, person)
    except sqlite3.IntegrityError:
        detail = "an identifier belongs to another person"
        work.note("failed_attribute_change", person.number, detail=detail)
        return None
    work.note("attribute_change", person.number)
    return person.number
