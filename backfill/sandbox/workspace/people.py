"""People: who is who."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.wire import (
    Attributes,
    Identifiers,
    attributes_of,
    sole,
    stored,
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
    return number if 0 < number < 2**63 and cio_id(number) == cio else None


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
    told = attributes_of(attributes)
    timed = [*told, *(name for name, value in names.items() if value is not None)]
    return Person(number, names, told, times_of(times, timed))


def is_blocked(work: Work, names: dict[str, str | None]) -> bool:
    """Whether any of these identifiers is suppressed."""
    if not work.blocks:
        return False
    query = "SELECT 1 FROM suppressed WHERE kind = ? AND value = ?"
    pairs = ((kind, key(kind, value)) for kind, value in names.items() if value is not None)
    return any(work.database.execute(query, pair).fetchone() for pair in pairs)


def create(
    work: Work,
    names: dict[str, str | None],
    attributes: Attributes,
    times: dict[str, float] | float,
) -> int:
    """Add a person; times: of each name and attribute, or one of all.

    Raises sqlite3.IntegrityError if a name belongs to another.
    """
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
    if kind == "cio_id" or not work.sandbox.behaviour.creates_unknown:
        return None
    return create(work, {kind: value}, {}, work.now)
