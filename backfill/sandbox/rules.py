"""What the API refuses, and in which words. Pure; knows nothing of the engine's own checks.

Sources: shapes and required members [spec]; limits [overview]; the words of a violation as seen
on the live API where they were seen ("must be valid JSON", "must be a string or a number",
"property value cannot be longer than 1000 bytes", the list of actions), else ours in that style.
Only the reasons `required` and `invalid` are known.  [observed]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, cast

from backfill import trackapi
from backfill.sandbox import limits
from backfill.sandbox.limits import Members, Violation

Check = Callable[[Members], Iterator[Violation]]

#: Object types are numbered from "1".  [spec]
_TYPE_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)

_ACTIONS: Final = cast("Mapping[str, frozenset[str]]", trackapi.ACTIONS)

_NO_NUMBERS: Final = (bool, dict, list)

_KINDS_AS_ATTRIBUTES: Final = ("id", "email", "phone")


def violations(item: object) -> list[Violation]:
    """Every rule one operation breaks; none if the API takes it.

    item: any JSON value, as `orjson.loads` gives it. Never raises.
    """
    if not isinstance(item, dict):
        return [Violation("invalid", "body", "must be an object")]
    kind, action = item.get("type"), item.get("action")
    actions = _ACTIONS.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or actions is None:
        return [limits.must_be_one_of("type", trackapi.ACTIONS)]
    if not isinstance(action, str) or action not in actions:
        return [limits.must_be_one_of("action", actions)]
    return [found for check in _CHECKS[kind, action] for found in check(item)]


# --- Who or what --------------------------------------------------------------------------------


def _one_of(member: str, kinds: Collection[str]) -> Check:
    """`member` holds exactly one identifier, of these kinds."""

    def check(item: Members) -> Iterator[Violation]:
        named = item.get(member)
        if not isinstance(named, dict):
            yield Violation("required", member, "must be an object")
        elif len(named) != 1 or not all(kind in kinds for kind in named):
            yield Violation("invalid", member, f"must have exactly one of {limits.either(kinds)}")
        else:
            for kind, value in named.items():
                yield from limits.identifier(value, f"{member}.{kind}")

    return check


def _object(item: Members) -> Iterator[Violation]:
    named = item.get("identifiers")
    if not isinstance(named, dict):
        yield Violation("required", "identifiers", "must be an object")
    elif named.keys() == {"cio_object_id"}:
        yield from limits.identifier(named["cio_object_id"], "identifiers.cio_object_id")
    elif named.keys() != {"object_type_id", "object_id"}:
        wanted = "must have object_type_id and object_id, or cio_object_id alone"
        yield Violation("invalid", "identifiers", wanted)
    else:
        yield from limits.identifier(named["object_id"], "identifiers.object_id")
        of = named["object_type_id"]
        if not isinstance(of, str) or not _TYPE_ID.fullmatch(of):
            wanted = "must be a string holding a whole number from 1"
            yield Violation("invalid", "identifiers.object_type_id", wanted)


_person = _one_of("identifiers", trackapi.PERSON_KINDS)
_related_person = _one_of("identifiers", trackapi.RELATED_PERSON_KINDS)
_visitor = _one_of("identifiers", ("anonymous_id",))


# --- What is said of it -------------------------------------------------------------------------


def _person_attributes(item: Members) -> Iterator[Violation]:
    if "attributes" not in item:
        return
    values = item["attributes"]
    yield from limits.attributes(values, "attributes", trackapi.REFUSED_PERSON_ATTRIBUTES)
    if isinstance(values, dict):
        for kind in _KINDS_AS_ATTRIBUTES:
            if values.get(kind) not in (None, ""):
                yield from limits.identifier(values[kind], f"attributes.{kind}")
        if not isinstance(values.get("_update", False), bool):
            yield Violation("invalid", "attributes._update", "must be a boolean")


def _object_attributes(item: Members) -> Iterator[Violation]:
    if "attributes" in item:
        refused = trackapi.REFUSED_OBJECT_ATTRIBUTES
        yield from limits.attributes(item["attributes"], "attributes", refused)


def _time(item: Members) -> Iterator[Violation]:
    if isinstance(item.get("timestamp"), _NO_NUMBERS):
        yield Violation("invalid", "timestamp", "must be a number")


def _relationships(other: Check, is_required: bool) -> Check:
    """`cio_relationships` is an array of the other ends."""

    def check(item: Members) -> Iterator[Violation]:
        if "cio_relationships" not in item and not is_required:
            return
        ties = item.get("cio_relationships")
        if not isinstance(ties, list):
            yield Violation("required", "cio_relationships", "must be an array")
            return
        for i, tie in enumerate(ties):
            for found in _tie(tie, other):
                yield found._replace(field=f"cio_relationships.{i}.{found.field}")

    return check


def _tie(tie: object, other: Check) -> Iterator[Violation]:
    if not isinstance(tie, dict):
        yield Violation("invalid", "identifiers", "must be in an object")
        return
    yield from other(tie)
    if "relationship_attributes" in tie:
        yield from limits.attributes(tie["relationship_attributes"], "relationship_attributes")


def _visitors(item: Members) -> Iterator[Violation]:
    if "anonymous_id" in item:
        yield from limits.identifier(item["anonymous_id"], "anonymous_id")
    yield from _relationships(_visitor, is_required="anonymous_id" not in item)(item)


# --- What happened ------------------------------------------------------------------------------


def _event(item: Members) -> Iterator[Violation]:
    name, dedupe_id = item.get("name"), item.get("id", "none")
    if not isinstance(name, str) or not name.strip():
        yield Violation("required", "name", "event name must not be blank")
    elif limits.is_longer(name, trackapi.EVENT_NAME_BYTES_MAX):
        most = trackapi.EVENT_NAME_BYTES_MAX
        yield Violation("invalid", "name", f"event name cannot be longer than {most} bytes")
    if not isinstance(dedupe_id, str) or not dedupe_id:
        yield Violation("invalid", "id", "must be a string and not empty")
    if not isinstance(item.get("attributes", {}), dict):
        yield Violation("invalid", "attributes", "event data must be a hash")


def _delivery(item: Members) -> Iterator[Violation]:
    if item.get("name") not in trackapi.DELIVERY_EVENTS:
        yield limits.must_be_one_of("name", trackapi.DELIVERY_EVENTS)
    attributes = item.get("attributes")
    token = attributes.get("device_token") if isinstance(attributes, dict) else None
    if not isinstance(token, str) or not token:
        yield Violation("required", "attributes.device_token", "must be a string and not empty")


def _token(item: Members) -> Iterator[Violation]:
    device = item.get("device")
    if not isinstance(device, dict):
        yield Violation("required", "device", "must be an object")
    elif not isinstance(device.get("token"), str) or not device["token"]:
        yield Violation("required", "device.token", "must be a string and not empty")


def _device(item: Members) -> Iterator[Violation]:
    device = item.get("device")
    if not isinstance(device, dict):
        return  # `_token` says so
    if device.get("platform") not in trackapi.PLATFORMS:
        yield limits.must_be_one_of("device.platform", trackapi.PLATFORMS)
    if isinstance(device.get("last_used"), _NO_NUMBERS):
        yield Violation("invalid", "device.last_used", "must be a number")
    values = device.get("attributes", {})
    if not isinstance(values, dict):
        yield Violation("invalid", "device.attributes", "must be an object")
    elif not all(isinstance(value, str) for value in values.values()):
        yield Violation("invalid", "device.attributes", "values must be strings")


_to_objects = _relationships(_object, is_required=True)
_to_people = _relationships(_related_person, is_required=True)
_event_checks: Final = (_person, _event, _time)

_CHECKS: Final[dict[tuple[str, str], tuple[Check, ...]]] = {
    ("person", "identify"): (
        _person,
        _person_attributes,
        _time,
        _relationships(_object, is_required=False),
    ),
    ("person", "delete"): (_person,),
    ("person", "suppress"): (_person,),
    ("person", "unsuppress"): (_person,),
    ("person", "event"): _event_checks,
    ("person", "page"): _event_checks,
    ("person", "screen"): _event_checks,
    ("person", "add_relationships"): (_person, _to_objects),
    ("person", "delete_relationships"): (_person, _to_objects),
    ("person", "add_device"): (_person, _token, _device),
    ("person", "delete_device"): (_person, _token),
    ("person", "merge"): (
        _one_of("primary", trackapi.RELATED_PERSON_KINDS),
        _one_of("secondary", trackapi.RELATED_PERSON_KINDS),
    ),
    ("object", "identify"): (
        _object,
        _object_attributes,
        _relationships(_related_person, is_required=False),
    ),
    ("object", "identify_anonymous"): (_object, _object_attributes, _visitors),
    ("object", "delete"): (_object,),
    ("object", "add_relationships"): (_object, _to_people),
    ("object", "delete_relationships"): (_object, _to_people),
    ("delivery", "event"): (_one_of("identifiers", ("id",)), _delivery),
}
