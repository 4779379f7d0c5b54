"""One source column of a block, seen as blank or not, as text, and as JSON in its source form.

Facts: a CSV cell is text and a blank one is null; a JSONL member is its raw JSON text, null when
absent; a Parquet value has its Arrow type.
Rules: without a type a value keeps its source form, exactly: text is never trimmed or guessed at,
a JSON value stays as it is written, decimals and integers keep every digit, timestamps become
unix seconds, nested values JSON.
Plan: everything is a whole-column operation; only values that need repair (escapes in JSON
strings, nested values of rare types) are touched one by one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from backfill.records import Block, Form

#: White space between the tokens of a JSON text; what is inside its strings is kept.
_JSON_SPACE = r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+'

#: Nested types that polars writes as JSON without changing a value. Floats are not among them
#: (NaN would become null), nor decimals (would become text).
_EXACT_NESTED = (pl.String, pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.Int64,
                 pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Null)  # fmt: skip

_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Json:
    """A column as JSON text, one value a row; null where there is none.

    quoted: the text stands inside quotes that are not written yet (escapes are done).
    sizes:  bytes each value counts against a limit: a string's raw UTF-8 without quotes,
            anything else its compact JSON.
    """

    text: pl.Series
    quoted: bool
    sizes: pl.Series

    def rendered(self) -> pl.Series:
        """The JSON text, quotes and all."""
        return _joined('"', self.text, '"') if self.quoted else self.text


class Column:
    """A source column of one block."""

    def __init__(self, name: str, array: pa.Array, form: Form) -> None:
        self.name = name
        self.form = form
        self._array = array
        self._is_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
        if form is not Form.TYPED and not self._is_text:
            raise AssertionError(f"the reader gave {array.type} where it promised text")

    @cached_property
    def series(self) -> pl.Series:
        """The values as the source has them."""
        loaded = cast("pl.Series", pl.from_arrow(self._array))
        if loaded.dtype in (pl.Categorical, pl.Enum):
            return loaded.cast(pl.String)
        return loaded

    @property
    def dtype(self) -> pl.DataType:
        """The type of `series`."""
        return self.series.dtype

    @cached_property
    def is_blank(self) -> pl.Series:
        """Whether each value is a cell of no characters, JSON null or "", or Parquet null or ""."""
        if self.form is Form.JSON:
            return _filled(self.series.is_in(["null", '""']), True)
        if self._is_string:
            return _filled(self.series == "", True)
        return self.series.is_null()

    @cached_property
    def text(self) -> pl.Series:
        """Each value as text; null where blank or not to be had (binary).

        A whole number held as a float is written without its ".0": pandas makes floats of
        integer ids as soon as one is missing, and "42.0" would name nobody.
        """
        if self.form is Form.JSON:
            return _unquoted(self._known)
        if self._is_string:
            return self._known
        if self.dtype.is_float():
            whole = (self.series == self.series.floor()) & (self.series.abs() < 2**53)
            as_integers = self.series.cast(pl.Int64, strict=False).cast(pl.String)
            return self.series.cast(pl.String).zip_with(~_filled(whole, False), as_integers)
        if self.dtype == pl.Boolean or self.dtype.is_numeric():
            return self.series.cast(pl.String)
        return self.json.text

    @cached_property
    def json(self) -> Json:
        """Each value in its source form; null where blank."""
        if self.form is Form.JSON:
            return _raw_json(self._known)
        if self._is_string:
            sizes = self._known.str.len_bytes()
            return Json(escaped(self._known, self._array), True, sizes)
        written = _typed_json(self.series)
        quoted = self.dtype in (pl.Date, pl.Time)
        return Json(written, quoted, written.str.len_bytes())

    @cached_property
    def is_unsendable(self) -> pl.Series:
        """Whether each value has no JSON form: NaN, an infinity, binary."""
        if self.form is Form.JSON:
            return overflows(self._known)
        if self.dtype.is_float():
            return _filled(~self.series.is_finite(), False)
        return self.json.text.is_null() & ~self.is_blank

    @property
    def _is_string(self) -> bool:
        return self.dtype == pl.String

    @cached_property
    def _known(self) -> pl.Series:
        if not self.is_blank.any() or self.series.null_count() == int(self.is_blank.sum()):
            return self.series
        return self.series.set(self.is_blank, None)


def columns_of(block: Block) -> dict[str, Column]:
    """The block's columns by name, in the source's order."""
    table = block.table
    return {
        name: Column(name, table.column(i), block.form) for i, name in enumerate(table.schema.names)
    }


def escaped(text: pl.Series, array: pa.Array | None = None) -> pl.Series:
    """Text with JSON's escapes done, without quotes.

    array: the Arrow array behind `text`; scanning its one buffer is cheaper than asking row by
    row whether anything needs an escape.
    """
    if array is not None and not _has_special_bytes(array):
        return text
    special = text.str.contains(r'["\\\x00-\x1f]')
    if not special.any():
        return text
    written = pl.DataFrame({"": text}).select(pl.struct("").struct.json_encode())[""]
    inside = written.str.strip_prefix('{"":"').str.strip_suffix('"}')
    return inside.zip_with(_filled(special, False), text)


def json_string(value: Any) -> str:
    """One value as compact JSON; numbers keep every digit."""
    return _ENCODER.encode(value).decode()


def _has_special_bytes(array: pa.Array) -> bool:
    offsets, data = array.buffers()[1:]
    if data is None or not len(array):
        return False
    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    bounds = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1]
    part = memoryview(data)[int(bounds[0]) : int(bounds[-1])]
    chars = np.frombuffer(part, np.uint8)
    return bool(((chars < 0x20) | (chars == ord('"')) | (chars == ord("\\"))).any())


def compact(raw: pl.Series) -> pl.Series:
    """JSON texts without the white space between their tokens."""
    spaced = raw.str.contains(r"^[\[{ \t\r\n][\s\S]*\s|\s$")
    if not spaced.any():
        return raw
    return raw.str.replace_all(_JSON_SPACE, "${1}").zip_with(_filled(spaced, False), raw)


def _raw_json(raw: pl.Series) -> Json:
    text = compact(raw) if raw.str.contains(r"^[\[{]").any() else raw
    sizes = text.str.len_bytes()
    strings = raw.str.starts_with('"')
    if strings.any():
        sizes = _unquoted(raw).str.len_bytes().zip_with(_filled(strings, False), sizes)
    return Json(text, False, sizes)


def _unquoted(raw: pl.Series) -> pl.Series:
    strings = _filled(raw.str.starts_with('"'), False)
    if not strings.any():
        return raw
    text = raw.str.strip_prefix('"').str.strip_suffix('"').zip_with(strings, raw)
    broken = (strings & _filled(raw.str.contains("\\", literal=True), False)).arg_true()
    if broken.is_empty():
        return text
    return text.scatter(broken, [_decoded(value) for value in raw.gather(broken)])


def _decoded(raw: str) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:  # half of a surrogate pair: legal JSON, no text
        return raw[1:-1]


def overflows(raw: pl.Series) -> pl.Series:
    """Whether each raw number lies beyond a double, where servers read infinity or fail."""
    suspect = raw.str.contains(r"^-?[0-9]") & (
        raw.str.contains(r"[eE]") | (raw.str.len_bytes() > 300)
    )
    suspect = _filled(suspect, False)
    if not suspect.any():
        return suspect
    return suspect & ~_filled(raw.cast(pl.Float64, strict=False).is_finite(), False)


def _typed_json(series: pl.Series) -> pl.Series:
    dtype = series.dtype
    if dtype == pl.Datetime:
        return series.dt.epoch("s").cast(pl.String)
    if dtype == pl.Date or dtype == pl.Time:
        return series.cast(pl.String)
    if dtype == pl.Binary:
        return pl.Series([None] * len(series), dtype=pl.String)
    if dtype == pl.Duration or dtype.is_nested():
        return _nested_json(series)
    return series.cast(pl.String)


def _nested_json(series: pl.Series) -> pl.Series:
    if all(leaf in _EXACT_NESTED for leaf in _leaves(series.dtype)):
        written = pl.DataFrame({"": series}).select(pl.struct("").struct.json_encode())[""]
        inside = written.str.strip_prefix('{"":').str.strip_suffix("}")
        return inside.set(series.is_null(), None)
    return pl.Series([_nested_value(value) for value in series.to_list()], dtype=pl.String)


def _leaves(dtype: pl.DataType) -> Iterable[pl.DataType]:
    if isinstance(dtype, pl.Struct):
        for member in dtype.fields:
            yield from _leaves(cast("pl.DataType", member.dtype))
    elif isinstance(dtype, pl.List | pl.Array):
        yield from _leaves(cast("pl.DataType", dtype.inner))
    else:
        yield dtype


def _nested_value(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return json_string(_plain(value))
    except (ValueError, TypeError):
        return None


def _plain(value: Any) -> Any:
    """A nested value with times as unix seconds; raises for what JSON has no form for."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return int(value.timestamp() // 1)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float) and not np.isfinite(value):
        raise ValueError("not a finite number")
    if isinstance(value, bytes | dt.timedelta):
        raise TypeError("no JSON form")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError("not a finite number")
    return value


def _joined(*parts: str | pl.Series) -> pl.Series:
    named = {str(i): part for i, part in enumerate(parts) if isinstance(part, pl.Series)}
    pieces = [
        pl.col(str(i)) if isinstance(part, pl.Series) else pl.lit(part)
        for i, part in enumerate(parts)
    ]
    return pl.DataFrame(named).select(pl.concat_str(pieces).alias("")).to_series()


def _filled(flags: pl.Series, missing: bool) -> pl.Series:
    return flags.fill_null(missing) if flags.null_count() else flags
