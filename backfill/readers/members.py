"""JSON lines cut into columns of raw text by numpy, without a Python object per value.

Facts, for text that is valid JSON:
- A string is a key if and only if a colon follows, maybe after whitespace.
- Braces outside strings tell how deep a key lies; the keys of the line's own object lie at 1.
- A member's value ends before the comma in front of the next key of its object, or before the
  brace that ends the line.

Rules: the text must be whole lines `{…}` of valid JSON with at least one member each, no member
named twice, with no whitespace but one space after a comma or a colon (so far as it would touch a
value or a key). Anything else is left to the reader of single lines, which takes all there is.

Plan: find the quotes, then the keys, then what lies between them; tell the members of each key;
gather each column with one `take`, strings without their quotes where none has an escape.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from backfill.arrays import integers, numpy_of
from backfill.records import Bools, Int64s

Bytes = npt.NDArray[np.uint8]

_FEED, _RETURN, _SPACE, _QUOTE, _COMMA, _COLON = b'\n\r ",:'
_BACKSLASH, _OPEN, _CLOSE = b"\\{}"

#: Lines times different keys that one table may hold: a bound for memory where lines bring keys
#: of their own. 4 M cells are 16 MB of Arrow offsets.
CELLS_MAX = 4_000_000


class _Unread(msgspec.Struct, gc=False):
    """Takes any object, checks its syntax and keeps nothing."""


_SYNTAX = msgspec.json.Decoder(_Unread)
_KEY = msgspec.json.Decoder(str)


class _Members(NamedTuple):
    """Members of all lines: int64[n] each; opens and closes are the quotes of the key."""

    lines: Int64s
    opens: Int64s
    closes: Int64s


class MemberTable(NamedTuple):
    """The members' raw text, a column a key in order of first appearance; null is absent.

    unquoted: the columns of strings alone, none of which has an escape: their text, no quotes.
    """

    table: pa.RecordBatch
    unquoted: frozenset[str]


def member_table(text: bytes) -> MemberTable | None:
    """The lines of a text.

    text: whole lines of valid UTF-8. None where they are not as the rules of this module say.
    """
    try:
        count = len(_SYNTAX.decode_lines(text))
    except (msgspec.DecodeError, RecursionError):
        return None
    buffer = np.frombuffer(text, np.uint8)
    starts, stops = _lines(buffer)
    # One object a line: none can span two that end and begin with a brace.
    is_object = (buffer[starts] == _OPEN) & (buffer[stops - 1] == _CLOSE)
    if count != len(starts) or not is_object.all():
        return None
    members = _members(buffer, starts)
    return members and _table(text, members, stops)


def string_quotes(buffer: Bytes) -> Int64s:
    """Where the quotes are that begin or end a string, in valid JSON."""
    quotes = np.flatnonzero(buffer == _QUOTE)
    if not (buffer == _BACKSLASH).any():
        return quotes
    before = quotes - 1
    follows = buffer[before] == _BACKSLASH
    is_escaped = np.zeros(len(quotes), np.bool_)
    while follows.any():  # as often as the longest run of backslashes is long
        is_escaped ^= follows
        before -= 1
        follows &= buffer[before] == _BACKSLASH
    return quotes[~is_escaped]


def outside_strings(places: Int64s, quotes: Int64s) -> Int64s:
    """Those of the places that no string holds."""
    is_outside = np.searchsorted(quotes, places) % 2 == 0
    found: Int64s = places[is_outside]
    return found


def _lines(buffer: Bytes) -> tuple[Int64s, Int64s]:
    """Where each line starts and stops; a CR before the LF belongs to the line end."""
    feeds = np.flatnonzero(buffer == _FEED)
    if buffer[-1] != _FEED:
        feeds = np.append(feeds, len(buffer))
    starts = np.append(0, feeds[:-1] + 1)
    stops: Int64s = feeds - (buffer[feeds - 1] == _RETURN)
    return starts, stops


def _members(buffer: Bytes, starts: Int64s) -> _Members | None:
    """The members of the lines' own objects."""
    quotes = string_quotes(buffer)
    opens, closes = quotes[0::2], quotes[1::2]
    behind = buffer[closes + 1]
    if (behind <= _SPACE).any():
        return None
    is_key = behind == _COLON
    opens, closes = opens[is_key], closes[is_key]
    before = buffer[opens - 1 - (buffer[opens - 1] == _SPACE)]
    begins_object = before == _OPEN
    if not np.all(begins_object | (before == _COMMA)):
        return None
    if np.count_nonzero(begins_object) != len(starts):
        is_own = _depths(buffer, quotes, opens) == 1
        opens, closes, begins_object = opens[is_own], closes[is_own], begins_object[is_own]
    if not np.array_equal(opens[begins_object], starts + 1):
        return None
    return _Members(np.cumsum(begins_object) - 1, opens, closes)


def _depths(buffer: Bytes, quotes: Int64s, places: Int64s) -> Int64s:
    """In how many objects each place lies."""
    braces = outside_strings(np.flatnonzero((buffer == _OPEN) | (buffer == _CLOSE)), quotes)
    depths: Int64s = np.cumsum(np.where(buffer[braces] == _OPEN, 1, -1))
    return depths[np.searchsorted(braces, places) - 1]


def _table(text: bytes, members: _Members, stops: Int64s) -> MemberTable | None:
    buffer = np.frombuffer(text, np.uint8)
    value_starts = members.closes + 2
    value_starts += buffer[value_starts] == _SPACE
    value_stops = np.append(members.opens[1:] - 1, 0)
    value_stops -= buffer[value_stops] == _SPACE
    is_last = np.append(members.lines[1:] > members.lines[:-1], True)
    value_stops[is_last] = stops - 1
    if (buffer[value_starts] <= _SPACE).any() or (buffer[value_stops - 1] <= _SPACE).any():
        return None
    bounds = np.empty(4 * len(is_last), np.int32)
    bounds[0::4], bounds[1::4] = members.opens, members.closes + 1
    bounds[2::4], bounds[3::4] = value_starts, value_stops
    pieces = pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(text))
    by_key = _in_one_order(text, members, len(stops)) or _by_key(pieces)
    names = [_KEY.decode(key) for key, _ in by_key]
    if len(set(names)) < len(names) or len(names) * len(stops) > CELLS_MAX:
        return None
    is_plain = _are_plain(buffer, value_starts)
    columns, unquoted = [], set()
    for name, (_, own) in zip(names, by_key, strict=True):
        rows, values = members.lines[own], 4 * own + 2
        if (rows[1:] == rows[:-1]).any():
            return None
        if is_plain[own].all():
            unquoted.add(name)
            bounds[values] += 1  # `pieces` looks at them
            bounds[values + 1] -= 1
        if len(own) < len(stops):
            places = np.full(len(stops), -1, np.int64)
            places[rows] = values
            columns.append(pieces.take(integers(places, places < 0)))
        else:
            columns.append(pieces.take(integers(values)))
    return MemberTable(pa.RecordBatch.from_arrays(columns, names=names), frozenset(unquoted))


def _are_plain(buffer: Bytes, value_starts: Int64s) -> Bools:
    """Which values are strings without an escape; one in the key behind counts as the value's."""
    is_plain: Bools = buffer[value_starts] == _QUOTE
    slashes = np.flatnonzero(buffer == _BACKSLASH)
    is_plain[np.searchsorted(value_starts, slashes, side="right") - 1] = False
    return is_plain


def _in_one_order(text: bytes, members: _Members, count: int) -> list[tuple[bytes, Int64s]] | None:
    """Each key's text and members, where all lines have the same keys in the same order.

    Telling so takes a third of the time of numbering the keys by their text.
    """
    width = len(members.opens) // count
    ends = members.lines[width - 1 :: width]
    if width * count != len(members.opens) or not np.array_equal(ends, np.arange(count)):
        return None
    opens = members.opens.reshape(count, width)
    sizes = members.closes.reshape(count, width) + 1 - opens
    if (sizes != sizes[0]).any():
        return None
    found = []
    for i, size in enumerate(sizes[0].tolist()):
        everywhere = np.ndarray((len(text) - size + 1,), f"V{size}", text, 0, (1,))
        key = text[opens[0, i] : opens[0, i] + size]
        if everywhere[opens[:, i]].tobytes() != key * count:
            return None
        found.append((key, np.arange(i, len(members.opens), width)))
    return found


def _by_key(pieces: pa.StringArray) -> list[tuple[bytes, Int64s]]:
    """Each key's text and members, in order of first appearance; every fourth piece is a key."""
    texts = pieces.take(integers(np.arange(0, len(pieces), 4))).dictionary_encode()
    numbers = numpy_of(texts.indices)
    ends = np.cumsum(np.bincount(numbers))
    members = np.split(np.argsort(numbers, kind="stable"), ends[:-1])
    return list(zip(texts.dictionary.to_pylist(), members, strict=True))
