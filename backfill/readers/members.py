"""JSON lines cut into columns of raw text by numpy, without a Python object per value.

Facts, for text that is valid JSON:
- A string is a key if and only if a colon follows, maybe after whitespace.
- Braces outside strings tell how deep a key lies; the keys of the line's own object lie at 1.
- A member's value ends before the comma in front of the next key of its object, or before the
  brace that ends the line.

Rules: the text must be whole lines `{…}` of valid JSON with at least one member each, no member
named twice, with no whitespace but one space after a comma or a colon (so far as it would touch a
value or a key). Anything else is left to the reader of single lines, which takes all there is.

Plan: find the quotes, then the keys, then what lies between them; number the keys by their text;
gather each column with one `take`.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from backfill.records import Int64s

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


def member_table(text: bytes) -> pa.RecordBatch | None:
    """The members' raw text, a column a key in order of first appearance; null is absent.

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


def _table(text: bytes, members: _Members, stops: Int64s) -> pa.RecordBatch | None:
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
    keys = pieces.take(pa.array(np.arange(0, len(bounds), 4))).dictionary_encode()
    names = [_KEY.decode(key) for key in keys.dictionary.to_pylist()]
    if len(set(names)) < len(names) or len(names) * len(stops) > CELLS_MAX:
        return None
    columns = _columns(pieces, keys.indices.to_numpy(), members.lines, len(stops))
    return columns and pa.RecordBatch.from_arrays(columns, names=names)


def _columns(
    pieces: pa.StringArray, keys: npt.NDArray[np.int32], lines: Int64s, count: int
) -> list[pa.Array] | None:
    """A column a key; None where a line has two members of one key."""
    by_key = np.argsort(keys, kind="stable")
    ends = np.cumsum(np.bincount(keys))
    columns = []
    for own in np.split(by_key, ends[:-1]):
        rows, values = lines[own], 4 * own + 2
        if (rows[1:] == rows[:-1]).any():
            return None
        if len(own) < count:
            places = np.full(count, -1, np.int64)
            places[rows] = values
            values = pa.array(places, mask=places < 0)
        columns.append(pieces.take(pa.array(values)))
    return columns
