"""Where rows name people, objects, devices and deliveries, and whether one of them is meant.

Rules: an id is the same only character by character, an email whatever its case [spec]. Blanks
around are no reason not to find a row: the API takes it for another one, which is worth telling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

import polars as pl

from backfill.columns import Column
from backfill.mapping import Stream
from backfill.operations.binding import fields
from backfill.readers.framing import Wanted

_NAMING = re.compile(
    r"(?:person|merge\.primary|merge\.secondary|relationships\.[0-9]+\.person)"
    r"\.(?P<kind>id|email|phone|cio_id)"
    r"|(?:relationships\.[0-9]+\.)?object\.(?:id|cio_object_id)"
    r"|anonymous_id|delivery\.id|device\.token"
)
_EMAIL = "email"

#: Values that are looked for in a text before it is cut into cells; more take longer than that.
_SEARCHED_MAX = 4

#: The one character beyond ASCII whose small letter is in ASCII: the sign of the kelvin.
_KELVIN = "\u212a"

SPACED, OTHER_CASE = "with spaces around it", "in other case"


@dataclass(frozen=True, slots=True)
class Naming:
    """A field that names somebody or something.

    path: in the stream, such as "person.email"; kind: of a person's identifier, else "".
    """

    path: str
    kind: str
    column: str


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for.

    values: the identifiers without blanks around, by the kind of a person's identifier; those
            under None are looked for whatever the kind.
    """

    values: Mapping[str | None, tuple[str, ...]]

    @property
    def given(self) -> tuple[str, ...]:
        """Every value, as it was given."""
        return tuple(value for values in self.values.values() for value in values)

    def of(self, naming: Naming) -> tuple[str, ...]:
        """What a field is compared with; emails in small letters."""
        found = (*self.values.get(None, ()), *self.values.get(naming.kind or "-", ()))
        return tuple(value.lower() for value in found) if naming.kind == _EMAIL else found


def namings(stream: Stream) -> list[Naming]:
    """The fields of a stream that name somebody or something by a column."""
    found = []
    for path, field in fields(stream):
        if field.column is not None and (match := _NAMING.fullmatch(path)):
            found.append(Naming(path, match["kind"] or "", field.column))
    return found


def matching(column: Column, naming: Naming, values: tuple[str, ...]) -> pl.Series:
    """bool a row: whether it holds one of the values."""
    text = compared(column.text, naming)
    equal = [(text == value).fill_null(False) for value in values]
    return reduce(lambda a, b: a | b, equal)


def compared(text: pl.Series, naming: Naming) -> pl.Series:
    """Identifiers as they are compared."""
    bare = text.str.strip_chars()
    return bare.str.to_lowercase() if naming.kind == _EMAIL else bare


def as_written(text: str, values: Iterable[str]) -> str:
    """How an identifier that matches is written otherwise than it was asked for; "" for not."""
    if text != text.strip():
        return SPACED
    return "" if text in values else OTHER_CASE


def sought_in(values: Iterable[str], *, ignores_case: bool, quote: str | None) -> Wanted | None:
    """Tells of a piece of text whether it may hold one of the values; None: only reading tells.

    quote: of CSV; None for JSON lines, where any character may be written as an escape.
    """
    found = tuple(dict.fromkeys(values))
    if not 0 < len(found) <= _SEARCHED_MAX or (quote and any(quote in value for value in found)):
        return None
    if ignores_case and not all(map(str.isascii, found)):
        return None
    needles = [(value.lower() if ignores_case else value).encode() for value in found]
    if ignores_case and any("k" in value.lower() for value in found):
        needles.append(_KELVIN.encode())
    escape = _escapes("".join(found), ignores_case) if quote is None else None

    def may_hold(text: bytes) -> bool:
        searched = text.lower() if ignores_case else text
        if any(needle in searched for needle in needles):
            return True
        return escape is not None and b"\\" in text and bool(escape.search(text))

    return may_hold


def _escapes(characters: str, ignores_case: bool) -> re.Pattern[bytes]:
    """What in JSON may stand for one of the characters."""
    if any(character < " " or character in '"\\/' for character in characters):
        return re.compile(rb"\\")
    if ignores_case:
        characters += characters.swapcase() + (_KELVIN if "k" in characters.lower() else "")
    written = characters.encode("utf-16-be", "surrogatepass").hex()
    units = {written[i : i + 4] for i in range(0, len(written), 4)}
    return re.compile(rb"\\u(?:" + "|".join(sorted(units)).encode() + rb")", re.IGNORECASE)
