"""What the API refuses, and in which words. Pure; knows nothing of the engine's own checks.

Sources: shapes and required members [spec]; limits [overview]; the words of a violation as seen
on the live API where they were seen ("must be valid JSON", "must be a string or a number",
"property value cannot be longer than 1000 bytes", the list of actions), else ours in that style.
Only the reasons `required` and `invalid` are known.  [observed]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, cast

from backfill import trackapi
from backfill.sandbox.track import limits
from backfill.sandbox.track.identifiers import (
    TYPE_AS_NUMBER,
    VISITOR,
    Check,
    a_person,
    a_person_or_visitor,
    a_related_person,
    a_visitor,
    an_object,
    one_of,
    relationships,
)
from backfill.sandbox.track.limits import Members, Violation

_ACTIONS: Final = cast("Mapping[str, frozenset[str]]", trackapi.ACTIONS)

_NO_NUMBERS: Final = (bool, dict, list)

_KINDS_AS_ATTRIBUTES: Final = ("id", "email", "phone", VISITOR)

#: An identify may tell which visitor a person was.  [spec: v1 identify; sent in v2 too]
_REFUSED_PERSON_ATTRIBUTES: Final = trackapi.REFUSED_PERSON_ATTRIBUTES - {VISITOR}

#: Members of a device that are no attributes of it.  [spec: device_object_common]
_DEVICE_MEMBERS: Final = frozenset({"token", "platform", "last_used", "attributes"})

#: The vendor's document has text only.  [spec: device_object_common]
_NO_TEXT: Final = "values must be strings"

#: What clients send and the vendor's document has not is refused in these words.
_UNDOCUMENTED: Final = frozenset({TYPE_AS_NUMBER, _NO_TEXT})


def violations(item: object, takes_undocumented: bool = False) -> list[Violation]:
    """Every rule one operation breaks; none if the API takes it.

    item: any JSON value, as `orjson.loads` gives it. takes_undocumented: as in `Behaviour`.
    Never raises.
    """
    if not isinstance(item, dict):
        return [Violation("invalid", "body", "must be an object")]
    kind, action = item.get("type"), item.get("action")
    actions = _ACTIONS.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or actions is None:
        return [limits.must_be_one_of("type", trackapi.ACTIONS)]
    if not isinstance(action, str) or action not in actions:
        return [limits.must_be_one_of("action", actions)]
    found = [violation for check in _CHECKS[kind, action] for violation in check(item)]
    if takes_undocumented:
        return [violation for violation in found if violation.message not in _UNDOCUMENTED]
    return found


# --- What is said of it -------------------------------------------------------------------------


def _person_attributes(item: Members) -> Iterator[Violation]:
    if "attributes" not in item:
        return
    values = item["attributes"]
    yield from limits.attributes(values, "attributes", _REFUSED_PERSON_ATTRIBUTES)
    if isinstance(values, dict):
        for kind in _KINDS_AS_ATTRIBUTES:
            value = values.get(kind)
            if value not in (None, "") and not limits.is_plain(value):
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


def _if_given(member: str, check: Check) -> Check:
    """A check of a member that may be left out."""

    def checked(item: Members) -> Iterator[Violation]:
        if member in item:
            yield from check(item)

    return checked


def _visitors(item: Members) -> Iterator[Violation]:
    if VISITOR in item:
        yield from limits.identifier(item[VISITOR], VISITOR)
    if VISITOR not in item or "cio_relationships" in item:
        yield from _to_visitors(item)


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
    else:
        flat = {name: value for name, value in device.items() if name not in _DEVICE_MEMBERS}
        if not all(isinstance(value, str) for value in (*flat.values(), *values.values())):
            yield Violation("invalid", "device.attributes", _NO_TEXT)


_to_objects = relationships(an_object)
_to_people = relationships(a_related_person)
_to_visitors = relationships(a_visitor)
_event_checks: Final = (a_person_or_visitor, _event, _time)

_CHECKS: Final[dict[tuple[str, str], tuple[Check, ...]]] = {
    ("person", "identify"): (
        a_person,
        _person_attributes,
        _time,
        _if_given("cio_relationships", _to_objects),
    ),
    ("person", "delete"): (a_person,),
    ("person", "suppress"): (a_person,),
    ("person", "unsuppress"): (a_person,),
    ("person", "event"): _event_checks,
    ("person", "page"): _event_checks,
    ("person", "screen"): _event_checks,
    ("person", "add_relationships"): (a_person, _to_objects),
    ("person", "delete_relationships"): (a_person, _to_objects),
    ("person", "add_device"): (a_person, _token, _device),
    ("person", "delete_device"): (a_person, _token),
    ("person", "merge"): (
        one_of("primary", trackapi.RELATED_PERSON_KINDS),
        one_of("secondary", trackapi.RELATED_PERSON_KINDS),
    ),
    ("object", "identify"): (
        an_object,
        _object_attributes,
        _if_given("cio_relationships", _to_people),
    ),
    ("object", "identify_anonymous"): (an_object, _object_attributes, _visitors),
    ("object", "delete"): (an_object,),
    ("object", "add_relationships"): (an_object, _to_people),
    ("object", "delete_relationships"): (an_object, _to_people),
    ("delivery", "event"): (one_of("identifiers", ("id",)), _delivery),
}
