"""The operations as they come in, each shape typed; `rules` has passed them already.

Attribute values are kept as the bytes they came in, so that a number reads back digit by digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import orjson
from msgspec import Raw, Struct

Identifiers = dict[str, str | int | float]
Attributes = dict[str, Raw]

NULL: Final = Raw(b"null")
EMPTY_TEXT: Final = Raw(b'""')
TRUE: Final = Raw(b"true")


class Tie(Struct):
    """One end of a relationship, and what is said of it."""

    identifiers: Identifiers
    relationship_attributes: Attributes = {}


class Named(Struct):
    """Someone or something, and nothing more: delete, suppress, unsuppress."""

    identifiers: Identifiers


class Identify(Named):
    """Attributes, with the moment they were true, and relationships."""

    attributes: Attributes = {}
    timestamp: Any = None
    cio_relationships: list[Tie] = []


class IdentifyAnonymous(Identify):
    """An object tied to a visitor, in either of the two documented forms."""

    anonymous_id: str | int | float | None = None


class Relate(Named):
    """Relationships to add or to delete."""

    cio_relationships: list[Tie]


class Event(Named):
    """An event, page or screen; for a delivery, what became of it."""

    name: str
    id: str | None = None
    timestamp: Any = None
    attributes: Attributes = {}


class Device(Struct):
    """A device of a person."""

    token: str
    platform: str = ""
    last_used: Any = None
    attributes: Attributes = {}


class DeviceOf(Named):
    """A person and a device."""

    device: Device


class Merge(Struct):
    """Two people of whom one will be left."""

    primary: Identifiers
    secondary: Identifiers


class Envelope(Struct):
    """The body of a batch, its items as they came."""

    batch: list[Raw]


_attributes = msgspec.json.Decoder(Attributes)
_times = msgspec.json.Decoder(dict[str, int | float] | int | float)
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


#: Escapes of characters by their number, in a row for surrogates come in pairs; or any other.
_ESCAPES: Final = re.compile(rb"(?:\\u[0-9a-fA-F]{4})+|\\.", re.DOTALL)


def is_plain(told: bytes) -> bool:
    """Whether JSON surely has neither needless escapes nor spaces; false may mean either."""
    return b"\\u" not in told and b'": ' not in told


def plain(told: bytes) -> bytes:
    """The same JSON without needless escapes and spaces, in which clients differ.

    told: valid JSON. Numbers and everything else stay as they came.
    """
    unescaped = _ESCAPES.sub(_unescaped, told) if b"\\u" in told else told
    return msgspec.json.format(unescaped, indent=-1)


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[0]
    if escape[1:2] != b"u":
        return escape
    return orjson.dumps(orjson.loads(b'"' + escape + b'"'))[1:-1]


def sole(identifiers: Identifiers) -> tuple[str, str]:
    """Kind and text of the one identifier; a number is written out."""
    ((kind, value),) = identifiers.items()
    return kind, str(value)


def text_of(raw: Raw) -> str | None:
    """An identifier given as an attribute; None where it is null or "", which remove it."""
    value = _decode(raw)
    return None if value is None or value == "" else str(value)


def spoken(raw: Raw) -> str:
    """A value as the App API and its activities tell it: text as it is, the rest as its JSON.

    [observed: GRP, for numbers and booleans]
    """
    told = bytes(raw)
    return _decode(told) if told.startswith(b'"') else told.decode()


def stored(values: Attributes | dict[str, float] | float) -> str:
    """Attributes, or their times, as the state keeps them: JSON.

    Times that are all the same, as they are at first, are one number: 200 bytes less a person.
    """
    return _encode(values).decode()


def attributes_of(text: str) -> Attributes:
    """The reverse of `stored`, for attributes."""
    return _attributes.decode(text)


def times_of(text: str, names: Iterable[str]) -> dict[str, float]:
    """The reverse of `stored`, for the times of what has these names."""
    told = _times.decode(text)
    return told if isinstance(told, dict) else dict.fromkeys(names, told)
