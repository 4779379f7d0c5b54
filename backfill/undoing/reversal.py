"""What takes back what a run did to one entity. Pure.

Facts: the API has no undo; an attribute is set back by another identify, and `null` removes it. An
identify whose `timestamp` is older than the attribute's time changes nothing.  [track api]
Rules: values are the bytes that were sent. Identifiers are never touched, relationships neither.
Nobody is brought back to life: an operation on a person updates only. It carries the run's own
`timestamp`, where that had one: one of now would be newer than what a mended export says. Nobody
gets mail again whom the run stopped it for: they may have said so themselves since, and what a
mended export says of it is sent by the next run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from backfill import trackapi
from backfill.changes import Change

Members = dict[str, msgspec.Raw]

_MEMBERS: Final = msgspec.json.Decoder(Members)
_NAMES: Final = msgspec.json.Decoder(dict[str, str])

#: Removes an attribute; "never create", within the attributes.  [spec: identify_person]
_NULL, _TRUE, _UPDATE = msgspec.Raw(b"null"), msgspec.Raw(b"true"), "_update"

_PERSON: Final = msgspec.Raw(b'"person"')

#: Who may get which mail.  [spec: identify_person]
_UNSUBSCRIBED, _TOPICS = "unsubscribed", "cio_subscription_preferences"

# Why an entity is left as it is.
VANISHED = "vanished in the run: what became of who is gone from an export is not taken back"
NOT_KEPT = "what was sent before is not kept"
RENAMED = "the run named them by another identifier"
TOO_LARGE = "what sets them back is too large for one operation"
UNSURE = "what they were told last is not known: it was never answered, or not kept"
NOTHING = "no attribute changed"

# What of an entity stays although the rest is undone.
TIES = "relationships that the run changed stay as they are"
NAMES = "identifiers that the run changed stay as they are"
BLANK = "what may have been blank before stays: what a blank left there is not kept"
CONSENT = "`unsubscribed` and subscriptions stay where setting them back could mean mail"


@dataclass(frozen=True, slots=True)
class SetBack:
    """An operation that sets attributes back.

    identifiers: those of the operation. names: the attributes. stays: what else the run changed.
    text: the run's operation as if it had said that: what is kept once it is acknowledged. It has
    the names that the run's had, so that an undo of the undo touches no other.
    """

    identifiers: Mapping[str, str]
    operation: bytes
    text: bytes
    names: tuple[str, ...]
    stays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Nothing is known of the entity from before the run; it may be one that the run created.

    may_be_created: whether the operation creates whom it does not find.
    """

    identifiers: Mapping[str, str]
    may_be_created: bool


@dataclass(frozen=True, slots=True)
class Left:
    """The entity is left as it is; identifiers: where they are known."""

    why: str
    identifiers: Mapping[str, str] = field(default_factory=dict)


def reversal(
    change: Change, *, is_told_last: bool = True, may_be_blank: Collection[str] = ()
) -> SetBack | FirstSeen | Left:
    """What takes back what a run did to an entity.

    is_told_last: whether the text is what it was told last. may_be_blank: attributes that were left
    out where they were blank, so that one that was not sent may have been set all the same.
    """
    if change.text is None:
        before = _MEMBERS.decode(change.previous) if change.previous else {}
        return Left(VANISHED, _identifiers(before))
    now = _MEMBERS.decode(change.text)
    if not is_told_last:
        return Left(UNSURE, _identifiers(now))
    if change.is_first:
        is_update = _attributes(now).get(_UPDATE) == _TRUE
        names = _identifiers(now)
        return FirstSeen(names, not is_update and not names.keys() & {"cio_id", "cio_object_id"})
    then = _MEMBERS.decode(change.previous) if change.previous else {}
    if "type" not in now or "type" not in then:  # at most its identifiers were kept
        return Left(NOT_KEPT, _identifiers(now))
    if _identifiers(now) != _identifiers(then):
        return Left(RENAMED, _identifiers(now))
    return _set_back(now, then, may_be_blank)


def names_before(change: Change) -> Collection[str]:
    """The attributes that an entity was told before."""
    return _attributes(_MEMBERS.decode(change.previous)) if change.previous else ()


def _set_back(now: Members, then: Members, may_be_blank: Collection[str]) -> SetBack | Left:
    is_person = now["type"] == _PERSON
    told, before = _attributes(now), _attributes(then)
    differing = {
        name: before.get(name, _NULL)
        for name in {**before, **told}
        if name != _UPDATE and told.get(name) != before.get(name)
    }
    staying = {name: _why_it_stays(name, value) for name, value in differing.items() if is_person}
    staying |= {name: BLANK for name in differing if name not in before and name in may_be_blank}
    attributes = {name: value for name, value in differing.items() if not staying.get(name)}
    stays = list(dict.fromkeys(filter(None, staying.values())))
    if now.get("cio_relationships") != then.get("cio_relationships"):
        stays.append(TIES)
    if not attributes:
        return Left(stays[0] if stays else NOTHING, _identifiers(now))
    operation = msgspec.json.encode(_operation(now, attributes, is_person=is_person))
    is_too_large = len(operation) > trackapi.OPERATION_BYTES_MAX
    if is_too_large or len(attributes) > trackapi.ATTRIBUTES_MAX:
        return Left(TOO_LARGE, _identifiers(now))
    return SetBack(
        _identifiers(now),
        operation,
        _with(now, {name: attributes.get(name, value) for name, value in told.items()}),
        tuple(attributes),
        tuple(stays),
    )


def _with(members: Members, attributes: Members) -> bytes:
    return msgspec.json.encode({**members, "attributes": attributes})


def _operation(now: Members, attributes: Members, *, is_person: bool) -> Members:
    """The identify that sends these attributes to the entity of another one."""
    first = {_UPDATE: _TRUE} if is_person else {}
    members = {name: now[name] for name in ("type", "action", "identifiers")}
    members["attributes"] = msgspec.Raw(msgspec.json.encode({**first, **attributes}))
    if "timestamp" in now:
        members["timestamp"] = now["timestamp"]
    return members


def _why_it_stays(name: str, value: msgspec.Raw) -> str:
    """Why an attribute of a person is not set back to this value; empty: it is."""
    if name in trackapi.PERSON_KINDS:
        return NAMES
    is_less_mail = value == _TRUE if name == _UNSUBSCRIBED else b"true" not in bytes(value)
    is_consent = name == _UNSUBSCRIBED or name.startswith(_TOPICS)
    return CONSENT if is_consent and (value == _NULL or not is_less_mail) else ""


def _attributes(members: Members) -> Members:
    return _MEMBERS.decode(members["attributes"]) if "attributes" in members else {}


def _identifiers(members: Members) -> Mapping[str, str]:
    """Of an operation, or of what is kept where that is the identifiers alone."""
    if "identifiers" in members:
        return _NAMES.decode(members["identifiers"])
    return {name: msgspec.json.decode(value, type=str) for name, value in members.items()}
