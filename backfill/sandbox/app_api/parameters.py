"""What a request asks for: identifiers, pages, bodies. What is malformed is refused with 400.

Which parameters there are, and their bounds, is documented; the words of a refusal are ours.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection
from typing import Any, Final

import orjson

from backfill import trackapi
from backfill.sandbox.app_api.answers import Refused
from backfill.sandbox.calls import Call

#: Numbers of rows end here.
NUMBER_MAX: Final = 2**63 - 1


def id_type(call: Call, kinds: Collection[str] = trackapi.PERSON_KINDS) -> str:
    """What kind the identifier of the path is; the first of `kinds` unless told."""
    kind = call.query.get("id_type", next(iter(kinds)))
    if kind not in kinds:
        raise Refused(400, f"id_type must be one of {', '.join(kinds)}")
    return kind


def limit(call: Call, default: int, most: int) -> int:
    """How many entries a page may have. Out of 1 to `most`: refused, our choice."""
    given = call.query.get("limit", str(default))
    number = _whole(given, most)
    if not number:
        raise Refused(400, f"limit must be a whole number from 1 to {most}")
    return number


def _whole(text: str, most: int) -> int | None:
    """The number that digits say; None if they are none, or more than `most`."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)):
        return None
    return int(text) if int(text) <= most else None


def row_number(text: str) -> int:
    """A number in a path, such as a segment's; what cannot be one is not found."""
    number = _whole(text, NUMBER_MAX)
    if number is None:
        raise Refused(404, "not found")
    return number


def is_true(call: Call, name: str) -> bool:
    """A switch in the query, off unless told."""
    given = call.query.get(name, "false")
    if given not in ("true", "false"):
        raise Refused(400, f"{name} must be true or false")
    return given == "true"


def token(*place: int) -> str:
    """The place a next page starts at, for `start`: opaque to who sends it back."""
    text = ",".join(map(str, place))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def start(call: Call, beginning: tuple[int, ...]) -> tuple[int, ...]:
    """The place a page starts at: `beginning` where none is told, or it is empty.

    Whatever `token` did not make of as many numbers is refused.
    """
    given = call.query.get("start", "")
    if not given:
        return beginning
    try:
        text = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    place = tuple(_whole(part, NUMBER_MAX) for part in text.split(","))
    known = tuple(number for number in place if number is not None)
    if len(known) != len(beginning) or token(*known) != given:
        raise Refused(400, "start must be the `next` of a page before")
    return known


def body(call: Call) -> dict[str, Any]:
    """The JSON object that the body is."""
    try:
        told = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "the body must be valid JSON") from error
    if not isinstance(told, dict):
        raise Refused(400, "the body must be an object")
    return told
