"""JSON as text, a column at a time: quotes and escapes, white space, sizes, what nobody can read.

Facts: JSON allows numbers of any size and halves of surrogate pairs; servers read the first as
infinity or fail, the second as U+FFFD or fail, and may fail for the whole request.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

#: White space between the tokens of a JSON text; what is inside its strings is kept.
_JSON_SPACE = r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+'

#: What may stand for half of a surrogate pair, or outside of strings for a number too large.
_SUSPECT = r'(?s)\\u[dD][89a-fA-F]|^(?:[0-9]|[^"].*[0-9])[eE]'

#: No number of fewer digits, without an exponent, lies beyond a double (1.8e308).
_LONG_NUMBER_BYTES = 300

_NOWHERE = pl.Series([False])

_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Json:
    """A column as JSON text, one value a row; null where there is none.

    quoted:   the text stands inside quotes that are not written yet (escapes are done).
    measured: what of each value counts against a limit, as text: of a string it without quotes and
              escapes, of anything else its compact JSON.
    """

    text: pl.Series
    quoted: bool
    measured: pl.Series

    def rendered(self) -> pl.Series:
        """The JSON text, quotes and all."""
        if not self.quoted:
            return self.text
        quoted = pl.concat_str(pl.lit('"'), pl.col("text"), pl.lit('"'))
        return pl.DataFrame({"text": self.text}).select(quoted).to_series()


def raw_json(raw: pl.Series) -> Json:
    """A column of JSON texts, written compactly."""
    text = compact(raw)
    return Json(text, False, unquoted(text))


def json_string(value: Any) -> str:
    """One value as compact JSON; numbers keep every digit."""
    return _ENCODER.encode(value).decode()


def escaped(text: pl.Series, *, is_plain: bool = False) -> pl.Series:
    """Text with JSON's escapes done, without quotes.

    is_plain: whether it is known that nothing needs an escape.
    """
    if is_plain:
        return text
    special = text.str.contains(r'["\\\x00-\x1f]')
    if not special.any():
        return text
    written = pl.DataFrame({"": text}).select(pl.struct("").struct.json_encode())[""]
    inside = written.str.strip_prefix('{"":"').str.strip_suffix('"}')
    return inside.zip_with(filled(special, False), text)


def json_arrays(parts: Sequence[pl.Series], lead: str = "") -> list[bytes]:
    """Columns of texts as a compact JSON array a row; lead: the JSON that stands before them."""
    frame = pl.DataFrame({str(i): escaped(part) for i, part in enumerate(parts)})
    pieces, comma = [pl.lit(f"[{lead}")], "," if lead else ""
    for name in frame.columns:
        quoted = pl.concat_str(pl.lit(f'{comma}"'), pl.col(name), pl.lit('"'))
        pieces.append(quoted.fill_null(f"{comma}null"))
        comma = ","
    rows = frame.select(pl.concat_str(*pieces, pl.lit("]")).cast(pl.Binary)).to_series()
    return rows.to_list()


def is_plain(array: pa.Array) -> bool:
    """Whether nothing in an Arrow array of strings needs an escape.

    Scanning its one buffer takes a third of the time of asking row by row.
    """
    offsets, data = array.buffers()[1:]
    if data is None or not len(array):
        return True
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    bounds = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1]
    part = memoryview(data)[int(bounds[0]) : int(bounds[-1])]
    chars = np.frombuffer(part, np.uint8)
    return not ((chars < 0x20) | (chars == ord('"')) | (chars == ord("\\"))).any()


def compact(raw: pl.Series) -> pl.Series:
    """JSON texts without the white space around and between their tokens."""
    spaced = raw.str.contains(r"^[\[{][\s\S]*\s|^\s|\s$")
    if not spaced.any():
        return raw
    return raw.str.replace_all(_JSON_SPACE, "${1}").zip_with(filled(spaced, False), raw)


def unquoted(raw: pl.Series) -> pl.Series:
    """The text of JSON strings; other JSON as it is written."""
    strings = filled(raw.str.starts_with('"'), False)
    if not strings.any():
        return raw
    text = raw.str.strip_prefix('"').str.strip_suffix('"').zip_with(strings, raw)
    broken = (strings & filled(raw.str.contains("\\", literal=True), False)).arg_true()
    if broken.is_empty():
        return text
    return text.scatter(broken, [msgspec.json.decode(value) for value in raw.gather(broken)])


def unreadable(raw: pl.Series) -> pl.Series:
    """Whether each JSON text holds what `is_readable` refuses."""
    long = (raw.str.len_bytes() > _LONG_NUMBER_BYTES) & ~raw.str.starts_with('"')
    suspect = filled(long | raw.str.contains(_SUSPECT), False)
    at = suspect.arg_true()
    if at.is_empty():
        return suspect
    return suspect.scatter(at, [not is_readable(text) for text in raw.gather(at)])


def is_readable(text: str) -> bool:
    """Whether a text is JSON without numbers beyond a double and halves of surrogate pairs."""
    try:
        msgspec.json.decode(text)
        json.loads(text, parse_int=_finite, parse_float=_finite)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


def _finite(number: str) -> float:
    if math.isinf(value := float(number)):
        raise ValueError("beyond a double")
    return value


def overflows(numbers: pl.Series) -> pl.Series:
    """Whether each text that is a number lies beyond a double."""
    suspect = numbers.str.contains(r"[eE]") | (numbers.str.len_bytes() > _LONG_NUMBER_BYTES)
    suspect = filled(suspect, False)
    if not suspect.any():
        return suspect
    return suspect & ~filled(numbers.cast(pl.Float64, strict=False).is_finite(), False)


def nowhere(count: int) -> pl.Series:
    """`count` flags, none set."""
    return _NOWHERE.new_from_index(0, count)  # 1 µs, where `pl.repeat` takes 32


def filled(flags: pl.Series, missing: bool) -> pl.Series:
    """Flags with `missing` where they are null."""
    return flags.fill_null(missing) if flags.null_count() else flags
