"""Identify: what it makes of a person."""

from __future__ import annotations

import sqlite3

import orjson
from msgspec import Raw

from backfill import trackapi
from backfill.sandbox.workspace import preferences, visitors
from backfill.sandbox.workspace.people import (
    NAMES,
    Person,
    create,
    find,
    is_blocked,
    key,
    number_of,
    numbered,
    save,
)
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.values import Outcome, difference, remaining, update
from backfill.sandbox.workspace.wire import NULL, TRUE, Attributes, Identify, sole, text_of


class _Conflict(Exception):
    """Why a change is not applied, for the activity log."""


def identify(work: Work, told: Identify) -> int | None:
    """Create or update a person; the number, or None if nothing was to be done.

    Takes the control members `_update` and `anonymous_id` out of the attributes, and the
    identifiers. A conflict of identifiers is answered with 200 and kept as a failed change.
    [spec: v1 identify; that none of the other attributes is applied is our reading]
    """
    visitor = text_of(told.attributes.pop("anonymous_id", NULL))
    number = _identified(work, told)
    if number is not None and visitor is not None:
        visitors.recognise(work, number, visitor)
    return number


def _identified(work: Work, told: Identify) -> int | None:
    kind, value = sole(told.identifiers)
    attributes = told.attributes
    is_update = attributes.pop("_update", None) == TRUE
    names: dict[str, str | None] = {kind: value}
    given = {name: text_of(attributes.pop(name)) for name in NAMES if name in attributes}
    if given and key(kind, given.pop(kind, None) or value) != key(kind, value):
        _failed(work, told, f"{kind} differs from the identifier")
        return None
    names.update(given)
    if is_blocked(work, names):
        _failed(work, told, "the person is suppressed")
        return None
    at, may_create = work.moment(told.timestamp), not is_update and kind != "cio_id"
    # After somebody new comes, most often, somebody new: who has a name is then told by the index
    # that may not have it twice.
    person = None if may_create and work.expects_new else find(work, kind, value)
    if person is None and may_create:
        try:
            return _first_seen(work, told, names, at)
        except sqlite3.IntegrityError:  # one of the names is somebody's
            person = find(work, kind, value)
    work.expects_new = False
    person = person or _named_otherwise(work, given)
    if person is None or (kind == "cio_id" and person.number != numbered(value)):
        _failed(work, told, "there is no such person to update")
        return None
    try:
        return _change(work, person, told, names, at)
    except _Conflict as conflict:
        _failed(work, told, str(conflict))
        return None


def _failed(work: Work, told: Identify, why: str) -> None:
    """Keep that a change was accepted and not applied, by whom it named."""
    kind, value = sole(told.identifiers)
    number = number_of(work, kind, value)
    work.note("failed_attribute_change", number, detail=f"{kind} {value}: {why}")


def _named_otherwise(work: Work, names: dict[str, str | None]) -> Person | None:
    """The person an attribute names, who then receives the operation's identifier.  [spec: v1]"""
    found = (find(work, kind, value) for kind, value in names.items() if value is not None)
    return next((person for person in found if person is not None), None)


def _first_seen(work: Work, told: Identify, names: dict[str, str | None], at: float) -> int:
    work.expects_new = True
    subscribed = preferences.taken_from(told.attributes)
    attributes = remaining(told.attributes, work.sandbox.behaviour.empty_removes)
    if not subscribed:
        return create(work, names, attributes, at)
    attributes = dict(attributes)  # what was told stays, for the person who may have a name
    times = {name: at for name, value in names.items() if value is not None}
    times |= dict.fromkeys(attributes, at)
    preferences.update(attributes, times, subscribed, at)
    try:
        return create(work, names, attributes, times)
    except sqlite3.IntegrityError:
        told.attributes.update(subscribed)
        raise


def _update(
    work: Work, attributes: Attributes, times: dict[str, float], told: Attributes, at: float
) -> Outcome:
    """Change attributes and preferences in place; takes the latter out of those told."""
    empty_removes = work.sandbox.behaviour.empty_removes
    subscribed = preferences.taken_from(told)
    outcome = update(attributes, times, told, at, empty_removes)
    if not subscribed or not preferences.update(attributes, times, subscribed, at):
        return outcome
    if preferences.is_too_much(attributes):
        raise _Conflict("too many subscription preferences")
    return Outcome.CHANGED


def _change(
    work: Work, person: Person, told: Identify, names: dict[str, str | None], at: float
) -> int:
    """Apply an identify to the person it reached. Raises _Conflict if it may not be applied."""
    kind, _ = sole(told.identifiers)
    before = _shown(person)
    is_renamed = _rename(person, kind, names, at)
    outcome = _update(work, person.attributes, person.times, told.attributes, at)
    if len(person.attributes) > trackapi.ATTRIBUTES_MAX:
        raise _Conflict("too many attributes")
    if is_renamed or outcome is Outcome.CHANGED:
        try:
            save(work, person)
        except sqlite3.IntegrityError as error:
            raise _Conflict("an identifier belongs to another person") from error
        work.note("attribute_change", person.number, data=difference(before, _shown(person)))
    elif outcome is Outcome.OLDER:
        work.note("skipped_update", person.number)
    return person.number


def _rename(person: Person, kind: str, names: dict[str, str | None], at: float) -> bool:
    """Give a person the names told, the server-made one excepted; whether one is another now."""
    is_renamed = False
    for name, new in names.items():
        if name == "cio_id" or not _differs(person, name, new):
            continue
        if person.times.get(name, at) > at:
            continue
        if not _may_change(kind, name, person.names[name]):
            raise _Conflict(f"{name} is set already")
        person.names[name], person.times[name] = new, at
        if new is None:
            del person.times[name]
        is_renamed = True
    return is_renamed


def _differs(person: Person, name: str, new: str | None) -> bool:
    old = person.names[name]
    return (old and key(name, old)) != (new and key(name, new))


def _may_change(kind: str, name: str, old: str | None) -> bool:
    """Whether an operation that names its person by `kind` may change this identifier.

    A set one only by cio_id, save the email (and phone, by analogy) of a person named by id.
    [spec: v1 identify; taken as allowed by the workspace]
    """
    return old is None or kind == "cio_id" or (kind == "id" and name != "id")


def _shown(person: Person) -> Attributes:
    """Names and attributes side by side, as the activities tell their changes."""
    names = {name: value for name, value in person.names.items() if value is not None}
    return {**{name: Raw(orjson.dumps(v)) for name, v in names.items()}, **person.attributes}
