"""Objects: what each is, and what identify makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from backfill import trackapi
from backfill.sandbox.workspace import people
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.values import Outcome, difference, update
from backfill.sandbox.workspace.wire import (
    Attributes,
    Identifiers,
    Identify,
    Named,
    attributes_of,
    stored,
    times_of,
)

#: Before the number of an object in its cio_object_id.  [spec: by its example, "ob1"]
_CIO_PREFIX: Final = "ob"


@dataclass(slots=True)
class Thing:
    """One object. type: the number of its type, as text."""

    number: int
    type: str
    attributes: Attributes
    times: dict[str, float]


def cio_object_id(number: int) -> str:
    """The identifier the server gives to the object of this number."""
    return f"{_CIO_PREFIX}{number:x}"


def find(work: Work, identifiers: Identifiers) -> Thing | None:
    """The object of an identifier."""
    query = "SELECT number, type, attributes, times FROM objects WHERE "
    if "cio_object_id" in identifiers:
        given = str(identifiers["cio_object_id"])
        number = people.numbered(given.removeprefix(_CIO_PREFIX).rjust(12, "0"))
        wanted = number if number is not None and cio_object_id(number) == given else None
        row = work.database.execute(query + "number = ?", (wanted,)).fetchone()
    else:
        named = (str(identifiers["object_type_id"]), str(identifiers["object_id"]))
        row = work.database.execute(query + "type = ? AND id = ?", named).fetchone()
    if row is None:
        return None
    number, of, attributes, times = row
    return Thing(number, of, attributes_of(attributes), times_of(times, ()))


def _create(work: Work, identifiers: Identifiers) -> Thing | None:
    """Add an object without attributes; a cio_object_id names only what is there.  [spec]"""
    if "cio_object_id" in identifiers:
        return None
    of = str(identifiers["object_type_id"])
    row = (of, str(identifiers["object_id"]), work.now)
    insert = (
        "INSERT INTO objects (type, id, created, attributes, times) VALUES (?, ?, ?, '{}', '{}')"
    )
    number = cast("int", work.database.execute(insert, row).lastrowid)
    work.note(f"_o:{of}:create", thing=number)
    return Thing(number, of, {}, {})


def reach(work: Work, identifiers: Identifiers) -> Thing | None:
    """The object an operation names, made if need be; None if it is not to be made."""
    found = find(work, identifiers)
    return found or (_create(work, identifiers) if work.sandbox.behaviour.creates_unknown else None)


def identify(work: Work, told: Identify) -> Thing | None:
    """Create or update an object; both null and "" remove an attribute.  [spec]"""
    thing = find(work, told.identifiers) or _create(work, told.identifiers)
    if thing is None:
        work.note("failed_attribute_change", detail="there is no such object to update")
        return None
    _change(work, thing, told.attributes)
    return thing


def _change(work: Work, thing: Thing, told: Attributes) -> None:
    before = thing.attributes.copy()
    if update(thing.attributes, thing.times, told, work.now, True) is not Outcome.CHANGED:
        return
    text = stored(thing.attributes)
    if is_too_much(work, thing.attributes, text):
        detail = "too many attributes, or too large together"
        work.note(f"_o:{thing.type}:failed_attribute_change", thing=thing.number, detail=detail)
        return
    work.database.execute(
        "UPDATE objects SET attributes = ?, times = ? WHERE number = ?",
        (text, stored(thing.times), thing.number),
    )
    data = difference(before, thing.attributes)
    work.note(f"_o:{thing.type}:attribute_change", thing=thing.number, data=data)


def is_too_much(work: Work, attributes: Attributes, text: str) -> bool:
    """Whether an object or a relationship may not have these, `text` being their JSON."""
    most = trackapi.OBJECT_ATTRIBUTES_BYTES_MAX // 1000 * work.sandbox.behaviour.kilobyte
    return len(attributes) > trackapi.ATTRIBUTES_MAX or len(text.encode()) > most


def delete(work: Work, told: Named) -> None:
    """Remove an object and its relationships."""
    thing = find(work, told.identifiers)
    if thing is None:
        return
    for table in ("relationships", "visitors"):
        work.database.execute(
            f"DELETE FROM {table} WHERE object = ?",  # noqa: S608
            (thing.number,),
        )
    work.database.execute("DELETE FROM objects WHERE number = ?", (thing.number,))
    work.note(f"_o:{thing.type}:delete", thing=thing.number)
