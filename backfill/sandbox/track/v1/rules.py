"""What v1 refuses of people and devices, and in which words. Pure; only checks, changes nothing.

Limits [overview]; words [docs: invalid Track API requests] where a message is listed there, else
ours in that style. Every function gives all the messages at once, none if the API takes it.

"id attribute and identifier are not the same value" was seen on the live API [observed:
RudderStack's test of 2023], while the vendor's document says that identifiers of two people may be
answered with 200 and a failed change [spec: identify]. Both hold here: an id that contradicts the
id of the path can be seen without looking at anybody, and is refused; whether two identifiers of
different kinds are two people's only the workspace knows, and the failure is in its activities.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from backfill import trackapi
from backfill.sandbox.track import identifiers, limits
from backfill.sandbox.track.limits import Members, Violation
from backfill.sandbox.track.v1 import bodies

#: Members of an identify that are no attributes.  [spec: identify]
CONTROLS: Final = frozenset({"_timestamp", "_update", "cio_relationships"})

#: [spec: v1_cio_relationships]
RELATING: Final = ("add_relationships", "delete_relationships")

#: Not accepted as attributes.  [docs: reserved attributes]
_RESERVED: Final = trackapi.REFUSED_PERSON_ATTRIBUTES - {identifiers.VISITOR}

_OTHER_NAMES: Final = ("email", "phone", identifiers.VISITOR)

_ends: Final = identifiers.relationships(identifiers.an_object, "relationships")


def path(identifier: str) -> list[str]:
    """The identifier in a path."""
    if not identifier:
        return ["id attribute must be present"]
    return _name("id attribute", identifier)


def identify(identifier: str, body: Members, takes_undocumented: bool) -> list[str]:
    """A person's attributes, flat in the body.  [spec: identify]

    takes_undocumented: as in `Behaviour`.
    """
    attributes = {name: value for name, value in body.items() if name not in CONTROLS}
    return [
        *path(identifier),
        *_own_id(identifier, body),
        *_other_names(body),
        *attributes_of(attributes),
        *_relationships(body, takes_undocumented),
    ]


def _own_id(identifier: str, body: Members) -> Iterator[str]:
    own = body.get("id")
    if own is None:
        return
    if problems := _name("id attribute", own):
        yield from problems
    elif bodies.whom(identifier) == {"id": identifier} and str(own) != identifier:
        yield "id attribute and identifier are not the same value"


def _other_names(body: Members) -> Iterator[str]:
    for kind in _OTHER_NAMES:
        if body.get(kind) not in (None, ""):  # which remove it
            yield from _name(f"{kind} attribute", body[kind])


def _name(called: str, value: object) -> list[str]:
    """An identifier; numbers are taken, as the vendor's Ruby client sends them.  [observed]"""
    if isinstance(value, bool | dict | list):
        return [f"{called} must be a string value"]
    return [f"{called} {found.message}" for found in limits.identifier(value, "")]


def attributes_of(values: Members) -> Iterator[str]:
    """Attributes within the limits of one request."""
    if len(values) > trackapi.ATTRIBUTES_MAX:
        yield f"cannot identify more than {trackapi.ATTRIBUTES_MAX} attributes in one request"
    for name, value in values.items():
        if not name:
            yield "attribute name cannot be an empty string"
        elif name in _RESERVED:
            yield f"attribute '{name}' is reserved"
        elif limits.is_longer(name, trackapi.ATTRIBUTE_NAME_BYTES_MAX):
            most = trackapi.ATTRIBUTE_NAME_BYTES_MAX
            yield f"attribute name cannot be longer than {most} bytes"
        if isinstance(value, str | dict | list) and limits.is_wide(value):
            most = trackapi.ATTRIBUTE_VALUE_BYTES_MAX
            yield f"value for attribute '{name}' cannot be longer than {most} bytes"


def _relationships(body: Members, takes_undocumented: bool) -> Iterator[str]:
    """What to do with which relationships.  [spec: v1_cio_relationships]"""
    told = body.get("cio_relationships")
    if told is None:
        return
    if not isinstance(told, dict):
        yield "cio_relationships must be an object"
        return
    if told.get("action") not in RELATING:
        yield f"cio_relationships.action must be one of {limits.either(RELATING)}"
    for found in _ends(told):
        if not (takes_undocumented and found.message == identifiers.TYPE_AS_NUMBER):
            yield f"cio_relationships.{found.field} {found.message}"


def device(body: Members) -> list[str]:
    """A device to add. Its attributes may be anything.

    [spec: device_object has text, and the code sample of add_device sends a boolean]
    """
    told = body.get("device")
    if not isinstance(told, dict):
        return ["device must be an object"]
    return [*_device(told)]


def _device(told: Members) -> Iterator[str]:
    token = told.get("id")
    if isinstance(token, bool) or not isinstance(token, str | int) or token == "":
        yield "device id must be a string and not empty"
    if told.get("platform") not in trackapi.PLATFORMS:
        yield f"device platform must be one of {limits.either(trackapi.PLATFORMS)}"
    if isinstance(told.get("last_used"), bool | dict | list):
        yield "device last_used must be a number"
    if not isinstance(told.get("attributes", {}), dict):
        yield "device attributes must be an object"


def merge(body: Members) -> list[str]:
    """Two people, each by one identifier.  [spec: merge]"""
    found: list[Violation] = []
    for end in ("primary", "secondary"):
        found += identifiers.one_of(end, trackapi.RELATED_PERSON_KINDS)(body)
    return [f"{violation.field} {violation.message}" for violation in found]
