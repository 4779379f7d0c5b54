"""Relationships: between people or visitors, and objects."""

from __future__ import annotations

from backfill.sandbox.workspace import objects, people
from backfill.sandbox.workspace.identify import identify
from backfill.sandbox.workspace.objects import Thing
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.values import Outcome, difference, update
from backfill.sandbox.workspace.wire import (
    Identifiers,
    Identify,
    IdentifyAnonymous,
    Relate,
    Tie,
    attributes_of,
    sole,
    stored,
    times_of,
)


def identify_person(work: Work, told: Identify) -> int | None:
    """Create or update a person and tie them to objects; the number, None if nothing was done."""
    person = identify(work, told)
    if person is not None:
        for tie in told.cio_relationships:
            _tie_object(work, person, tie)
    return person


def identify_object(work: Work, told: Identify) -> None:
    """Create or update an object and tie people to it."""
    thing = objects.identify(work, told)
    if thing is not None:
        for tie in told.cio_relationships:
            _tie_person(work, thing, tie)


def add_to_person(work: Work, told: Relate) -> None:
    """Tie a person to objects."""
    person = people.reach(work, told.identifiers)
    if person is None:
        detail = f"{_named(told.identifiers)}: there is no such person"
        work.note("relationship_failed_attribute_change", detail=detail)
        return
    for tie in told.cio_relationships:
        _tie_object(work, person, tie)


def add_to_object(work: Work, told: Relate) -> None:
    """Tie an object to people."""
    thing = objects.reach(work, told.identifiers)
    if thing is None:
        detail = f"{_named(told.identifiers)}: there is no such object"
        work.note("relationship_failed_attribute_change", detail=detail)
        return
    for tie in told.cio_relationships:
        _tie_person(work, thing, tie)


def delete_from_person(work: Work, told: Relate) -> None:
    """Untie a person from objects."""
    person = people.number_of(work, *sole(told.identifiers))
    for tie in told.cio_relationships:
        _untie(work, person, objects.find(work, tie.identifiers))


def delete_from_object(work: Work, told: Relate) -> None:
    """Untie an object from people."""
    thing = objects.find(work, told.identifiers)
    for tie in told.cio_relationships:
        _untie(work, people.number_of(work, *sole(tie.identifiers)), thing)


def identify_anonymous(work: Work, told: IdentifyAnonymous) -> None:
    """Create or update an object and tie visitors to it."""
    thing = objects.identify(work, told)
    if told.anonymous_id is not None:
        told.cio_relationships.append(Tie({"anonymous_id": told.anonymous_id}))
    if thing is not None:
        for tie in told.cio_relationships:
            _, visitor = sole(tie.identifiers)
            _relate(work, visitor, thing, tie)


def _named(identifiers: Identifiers) -> str:
    """Whom or what an operation names, for the log."""
    return ", ".join(f"{kind} {value}" for kind, value in identifiers.items())


def _tie_object(work: Work, person: int, tie: Tie) -> None:
    thing = objects.reach(work, tie.identifiers)
    if thing is None:
        detail = f"{_named(tie.identifiers)}: there is no such object"
        work.note("relationship_failed_attribute_change", person, detail=detail)
        return
    _relate(work, person, thing, tie)


def _tie_person(work: Work, thing: Thing, tie: Tie) -> None:
    person = people.reach(work, tie.identifiers)
    if person is None:
        detail = f"{_named(tie.identifiers)}: there is no such person"
        work.note("relationship_failed_attribute_change", thing=thing.number, detail=detail)
        return
    _relate(work, person, thing, tie)


def _relate(work: Work, end: int | str, thing: Thing, tie: Tie) -> None:
    """Tie a person (by number) or a visitor (by anonymous id) to an object.

    Both null and "" remove an attribute of the relationship.  [spec]
    """
    table, column = (
        ("relationships", "person") if isinstance(end, int) else ("visitors", "anonymous_id")
    )
    row = work.database.execute(
        f"SELECT attributes, times FROM {table} WHERE {column} = ? AND object = ?",  # noqa: S608
        (end, thing.number),
    ).fetchone()
    attributes, times = (attributes_of(row[0]), times_of(row[1], ())) if row else ({}, {})
    before = attributes.copy()
    outcome = update(attributes, times, tie.relationship_attributes, work.now, True)
    person = end if isinstance(end, int) else None
    if objects.is_too_much(work, attributes, stored(attributes)):
        detail = "too many attributes, or too large together"
        work.note(f"_r:{thing.type}:failed_attribute_change", person, thing.number, detail)
        return
    work.database.execute(
        f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)",  # noqa: S608
        (end, thing.number, stored(attributes), stored(times)),
    )
    if row is None:
        work.note("add_relationship", person, thing.number)
    elif outcome is Outcome.CHANGED:
        data = difference(before, attributes)
        work.note(f"_r:{thing.type}:attribute_change", person, thing.number, data=data)


def _untie(work: Work, person: int | None, thing: Thing | None) -> None:
    if person is None or thing is None:
        return
    ends = (person, thing.number)
    if work.database.execute(
        "DELETE FROM relationships WHERE person = ? AND object = ?", ends
    ).rowcount:
        work.note("delete_relationship", *ends)
