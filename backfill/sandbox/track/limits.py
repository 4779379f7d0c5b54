"""The checks that every shape shares: what an identifier and an attribute may be. Pure.

Limits [overview]; words as in `v2_rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import Any, Final, NamedTuple

import orjson

from backfill import trackapi

Members = dict[str, Any]

# What the loop over all attributes looks at; the rest cannot break a rule.
_MAY_BE_WIDE: Final = (str, dict, list)
_SHORT_NAME: Final = trackapi.ATTRIBUTE_NAME_BYTES_MAX // 4  # characters, of at most 4 bytes each
_SHORT_IDENTIFIER: Final = trackapi.IDENTIFIER_BYTES_MAX // 4
_SHORT_VALUE: Final = trackapi.ATTRIBUTE_VALUE_BYTES_MAX // 4

_SCALARS: Final = (str, int, float)


class Violation(NamedTuple):
    """Why an operation is refused.

    field: dotted path from the operation's root.
    """

    reason: str
    field: str
    message: str


def must_be_one_of(field: str, words: Iterable[str]) -> Violation:
    """The violation of a member that takes only these words."""
    return Violation("required", field, f"must be one of {either(words)}")


def either(words: Iterable[str]) -> str:
    """The words as a list for people, in order: a, b or c."""
    *head, last = sorted(words)
    return f"{', '.join(head)} or {last}" if head else last


def is_longer(text: str, limit: int) -> bool:
    """Whether it has more UTF-8 bytes than `limit`; no character has more than four."""
    return len(text) * 4 > limit and len(text.encode()) > limit


def is_plain(value: object) -> bool:
    """Whether an identifier surely breaks no rule: short text, and not of spaces alone."""
    return type(value) is str and 0 < len(value) <= _SHORT_IDENTIFIER and not value.isspace()


def identifier(value: object, field: str) -> Iterator[Violation]:
    """An identifier of a person, visitor, object or delivery: text or a number."""
    if isinstance(value, bool) or not isinstance(value, _SCALARS):
        yield Violation("invalid", field, "must be a string or a number")
    elif isinstance(value, str):
        if not value.strip():
            yield Violation("required", field, "cannot be an empty string")
        elif is_longer(value, trackapi.IDENTIFIER_BYTES_MAX):
            most = trackapi.IDENTIFIER_BYTES_MAX
            yield Violation("invalid", field, f"cannot be longer than {most} bytes")


def attributes(values: object, field: str, refused: Set[str] = frozenset()) -> Iterator[Violation]:
    """A set of attributes within the limits of people, objects and relationships alike."""
    if not isinstance(values, dict):
        yield Violation("invalid", field, "must be an object")
        return
    if len(values) > trackapi.ATTRIBUTES_MAX:
        most = trackapi.ATTRIBUTES_MAX
        yield Violation("invalid", field, f"cannot identify more than {most} attributes")
    # All names at a look: it is asked of every operation, and next to none has a name to refuse.
    if values and (
        not refused.isdisjoint(values) or "" in values or max(map(len, values)) > _SHORT_NAME
    ):
        for name in values:
            yield from _attribute_name(name, field, refused)
    for name, value in values.items():
        if type(value) is str and len(value) <= _SHORT_VALUE:
            continue
        if isinstance(value, _MAY_BE_WIDE) and is_wide(value):
            most = trackapi.ATTRIBUTE_VALUE_BYTES_MAX
            message = f"property value cannot be longer than {most} bytes"
            yield Violation("invalid", f"{field}.{name}", message)


def _attribute_name(name: str, field: str, refused: Set[str]) -> Iterator[Violation]:
    if not name:
        yield Violation("invalid", field, "attribute name cannot be an empty string")
    elif name in refused:
        yield Violation("invalid", f"{field}.{name}", "is reserved")
    elif is_longer(name, trackapi.ATTRIBUTE_NAME_BYTES_MAX):
        most = trackapi.ATTRIBUTE_NAME_BYTES_MAX
        yield Violation("invalid", field, f"attribute name cannot be longer than {most} bytes")


def is_wide(value: str | Members | list[Any]) -> bool:
    """Whether a value has too many bytes: text as its UTF-8, anything else as compact JSON."""
    most = trackapi.ATTRIBUTE_VALUE_BYTES_MAX
    if isinstance(value, str):
        return is_longer(value, most)
    try:
        return len(orjson.dumps(value)) > most
    except orjson.JSONEncodeError:  # nested more than 254 deep
        return True
