"""The JSON shape of every action, as pieces of text over a draft's values.

Shapes as in [spec: person_operations, object_operations, delivery_operations].
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from backfill import trackapi
from backfill.coerce import Policy
from backfill.columns import Json, escaped, nowhere
from backfill.mapping import Field, PersonRef, Relationship
from backfill.operations import binding, event_parts, identities
from backfill.operations.draft import Draft, Text, write
from backfill.operations.identities import Identity
from backfill.operations.members import Member, fixed, joined, member, object_of


def operation(draft: Draft) -> list[Text]:
    """The pieces of the operation each row becomes; problems and keys are noted in the draft."""
    kind, action = draft.stream.operation
    head = f'{{"type":"{kind}","action":"{action}"'
    if action == "merge":
        return [head, *_merge(draft), "}"]
    if kind == "delivery":
        return [head, *_delivery(draft), "}"]
    who = _subject(draft)
    pieces: list[Text] = [head, ',"identifiers":', *who.pieces]
    if draft.stream.is_ordered:
        draft.keys.append(who.key)
    else:
        pieces += event_parts.happened(draft)
    if draft.stream.device:
        return [*pieces, *_device(draft), "}"]
    if action == "identify_anonymous":
        return [*pieces, *_attributes(draft, {}), *_anonymous(draft), "}"]
    if action == "identify" or not draft.stream.is_ordered:
        pieces += _attributes(draft, who.others if action == "identify" else {})
    if draft.stream.timestamp:
        pieces += _moment(draft, "timestamp", draft.stream.timestamp, "timestamp")
    return [*pieces, *_relationships(draft), "}"]


def refuse_without_key(draft: Draft) -> None:
    """Refuse the rows of which it cannot be told who they are in another export."""
    if draft.stream.changes is None:
        return
    is_blank = nowhere(draft.height).not_()
    for name in draft.stream.changes.columns:
        is_blank = is_blank & draft.column(Field(column=name)).text.is_null()
    draft.refuse(is_blank, "no_change_key", "every column of changes.key is blank")


def _subject(draft: Draft) -> Identity:
    if draft.stream.person:
        found = identities.person(draft, draft.stream.person, "person")
        return identities.required(draft, found, "person")
    assert draft.stream.object is not None
    found = identities.an_object(draft, draft.stream.object, "object")
    return identities.required(draft, found, "object")


def _attributes(draft: Draft, others: Mapping[str, Json]) -> list[Text]:
    """The attributes object; `others`: identifiers of the row that do not name it."""
    named, action = _named(draft), draft.stream.operation[1]
    members: list[Member] = []
    if draft.stream.existing_only:
        members.append(fixed("_update", True))
    values = {kind: json for kind, json in others.items() if kind not in named}
    values |= {name: _attribute(draft, name, field) for name, field in named.items()}
    members += [member(draft, name, json) for name, json in values.items()]
    if action.startswith("identify"):
        _limit_count(draft, members, "attributes")
    return [',"attributes":', *object_of(members)] if members else []


def _named(draft: Draft) -> dict[str, Field]:
    """The attributes by name; rows that have a key whose name is refused are refused."""
    are_known = not any(column.is_json for column in draft.columns.values())
    named = binding.attributes(draft.stream, list(draft.columns), are_known=are_known)
    if are_known:
        return named
    for name in [name for name in named if name not in draft.stream.attributes]:
        if reason := binding.refusal_by_star(draft.stream, name):
            is_there = ~draft.column(named.pop(name)).is_blank
            draft.refuse(is_there, "refused_name", f"the attribute name '{name}' {reason}")
    return named


def _attribute(draft: Draft, name: str, field: Field) -> Json:
    path = f"attributes.{name}"
    if not draft.stream.operation[1].startswith("identify"):
        return draft.converted(field, path)
    policy = Policy("omit", "reject") if binding.is_strict(draft.stream, name) else None
    return _limited(draft, field, path, policy)


def _limited(draft: Draft, field: Field, path: str, policy: Policy | None = None) -> Json:
    """The values of an attribute of a person, an object or a relationship."""
    json = draft.converted(field, path, policy)
    draft.limit(json.measured, trackapi.ATTRIBUTE_VALUE_BYTES_MAX, "value_too_long", path)
    return json


def _limit_count(draft: Draft, members: list[Member], name: str) -> None:
    if len(members) > trackapi.ATTRIBUTES_MAX:
        values = [pl.lit(1) if one.value is None else one.value for one in members]
        draft.counted.append((values, name))


def _moment(draft: Draft, member: str, field: Field, name: str) -> list[Text]:
    """A member that is unix seconds or left out: the API reads anything else as now.

    [observed: a Customer.io engineer on SEG PR #2054]
    """
    on_error = draft.policy(field).on_error
    policy = Policy("omit", "omit" if on_error == "keep" else on_error)
    as_time = field.model_copy(update={"type": "timestamp"})
    seconds = draft.converted(as_time, name, policy).text
    pieces: list[Text] = [f',"{member}":', draft.hold(seconds)]
    return pieces if seconds.null_count() == 0 else [write(pieces).fill_null("")]


def _relationships(draft: Draft) -> list[Text]:
    if not draft.stream.relationships:
        return []
    ties = [_tie(draft, i, tie) for i, tie in enumerate(draft.stream.relationships)]
    is_none = ties[0][1]
    for _, blank in ties[1:]:
        is_none = is_none & blank
    if draft.stream.operation[1].endswith("_relationships"):
        draft.refuse(is_none, "no_relationship", "every related identifier is blank")
    listed = write([',"cio_relationships":[', joined([text for text, _ in ties]), "]"])
    if is_none.any():
        listed = pl.when(draft.hold(is_none)).then(pl.lit("")).otherwise(listed)
    draft.apart = listed
    return [listed]


def _tie(draft: Draft, i: int, tie: Relationship) -> tuple[pl.Expr, pl.Series]:
    """One relationship's text, null where the related identifier is blank; and where that is."""
    path = f"relationships.{i}"
    if tie.object:
        other = identities.an_object(draft, tie.object, f"{path}.object")
    else:
        assert tie.person is not None
        other = identities.person(draft, tie.person, f"{path}.person")
    pieces: list[Text] = ['{"identifiers":', *other.pieces]
    if tie.attributes and draft.stream.operation[1] != "delete_relationships":
        members = [
            member(draft, name, _limited(draft, field, f"{path}.attributes.{name}"))
            for name, field in tie.attributes.items()
        ]
        _limit_count(draft, members, f"{path}.attributes")
        pieces += [',"relationship_attributes":', *object_of(members)]
    text = write([*pieces, "}"])
    if other.is_none.any():
        text = pl.when(draft.hold(other.is_none)).then(None).otherwise(text)
    return text, other.is_none


def _anonymous(draft: Draft) -> list[Text]:
    assert draft.stream.anonymous_id is not None
    visitor = identities.token(draft, draft.stream.anonymous_id, "anonymous_id")
    return [',"cio_relationships":[{"identifiers":{"anonymous_id":"', visitor, '"}}]']


def _device(draft: Draft) -> list[Text]:
    device = draft.stream.device
    assert device is not None
    token = identities.token(draft, device.token, "device.token", most=None)
    pieces: list[Text] = [',"device":{"token":"', token, '"']
    if draft.stream.operation[1] == "delete_device":
        return [*pieces, "}"]
    assert device.platform is not None
    platform = draft.column(device.platform).text.str.to_lowercase()
    unknown = ~platform.is_in(trackapi.PLATFORMS).fill_null(False)
    draft.refuse(unknown, "unknown_platform", "device.platform is neither ios nor android")
    pieces += [',"platform":"', draft.hold(platform.set(unknown, None)), '"']
    if device.last_used:
        pieces += _moment(draft, "last_used", device.last_used, "device.last_used")
    return [*pieces, *_device_attributes(draft), "}"]


def _device_attributes(draft: Draft) -> list[Text]:
    """Device attributes are strings, `push_enabled` too.  [spec: device_object_common]"""
    members = []
    for name, field in _named(draft).items():
        is_typed = field.is_time or field.type is not None
        given = field if is_typed else field.model_copy(update={"type": "text"})
        policy = Policy("omit", draft.policy(field).on_error)
        json = draft.converted(given, f"attributes.{name}", policy)
        text = json.text if json.quoted else escaped(json.text)
        members.append(member(draft, name, Json(text, True, json.measured)))
    return [',"attributes":', *object_of(members)] if members else []


def _merge(draft: Draft) -> list[Text]:
    merge = draft.stream.merge
    assert merge is not None
    sides = [_side(draft, "primary", merge.primary), _side(draft, "secondary", merge.secondary)]
    draft.keys += [side.key for side in sides]
    same = (sides[0].key == sides[1].key).fill_null(False)
    draft.refuse(same, "merge_into_itself", "primary and secondary are the same person")
    return [',"primary":', *sides[0].pieces, ',"secondary":', *sides[1].pieces]


def _side(draft: Draft, name: str, ref: PersonRef) -> Identity:
    found = identities.person(draft, ref, f"merge.{name}")
    return identities.required(draft, found, f"merge.{name}")


def _delivery(draft: Draft) -> list[Text]:
    stream = draft.stream
    assert stream.delivery is not None
    assert stream.event is not None
    delivery = identities.token(draft, stream.delivery.id, "delivery.id")
    name = draft.column(stream.event.name).text
    unknown = ~name.is_in(trackapi.DELIVERY_EVENTS).fill_null(False)
    reason = "event.name is none of opened, converted, delivered"
    draft.refuse(unknown, "unknown_delivery_event", reason)
    _require_device_token(draft)
    identifiers: list[Text] = [',"identifiers":{"id":"', delivery, '"},"name":"']
    return [*identifiers, draft.hold(escaped(name)), '"', *_attributes(draft, {})]


def _require_device_token(draft: Draft) -> None:
    """Refuse rows without the one attribute that must be there.  [spec: delivery_operations]"""
    field = _named(draft).get("device_token")
    tokens = draft.column(field or Field(value=None)).text
    draft.refuse(tokens.is_null(), "no_identifier", "attributes.device_token is blank")
