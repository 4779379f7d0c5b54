"""Arrow's types as JSON: what a Parquet file holds, exactly.

Rules: integers, floats and booleans as JSON, decimals as exact numbers, timestamps as unix
seconds, dates and times of day as ISO 8601 text, nested values as JSON. Binary, durations and
numbers that are not finite have no JSON form.
Plan: polars writes whole columns; nested values of types that it would change are written one by
one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

import numpy as np
import polars as pl
import pyarrow as pa

from backfill.columns.jsontext import json_string
from backfill.errors import MappingError

#: Nested types that polars writes as JSON without changing a value. Floats are not among them
#: (NaN would become null), nor decimals (would become text).
_EXACT_NESTED = (pl.String, pl.Boolean, pl.Int8, pl.Int16, pl.Int32, pl.Int64,
                 pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Null)  # fmt: skip

#: Digits a decimal may have in polars.
_DECIMAL_DIGITS_MAX = 38


def loaded(array: pa.Array, name: str) -> pl.Series:
    """An Arrow column as polars holds it.

    name: the column's, for messages.
    Raises MappingError for a type, or a decimal, that cannot be sent exactly.
    """
    try:
        return cast("pl.Series", pl.from_arrow(_plain_array(array)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pl.exceptions.PolarsError) as error:
        raise MappingError(
            f"values of the type {array.type} cannot be sent as they are",
            f"column '{name}'",
            "write them as text or as another type, or leave the column out",
        ) from error


def _plain_array(array: pa.Array) -> pa.Array:
    """An array in types that polars takes: no value is changed, times with a zone are UTC."""
    kind = array.type
    if isinstance(kind, pa.UuidType):
        return pa.array([value and str(cast("UUID", value)) for value in array.to_pylist()])
    if isinstance(kind, pa.BaseExtensionType):
        return _plain_array(array.storage)
    if pa.types.is_dictionary(kind):
        return _plain_array(array.dictionary_decode())
    if pa.types.is_decimal256(kind) or (pa.types.is_decimal(kind) and kind.scale < 0):
        return array.cast(pa.decimal128(_DECIMAL_DIGITS_MAX, max(kind.scale, 0)))
    if pa.types.is_date64(kind):
        return array.cast(pa.date32())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return array.cast(pa.timestamp(kind.unit, "UTC"))
    return array


def written(series: pl.Series) -> pl.Series:
    """Each value's JSON, dates and times of day without their quotes; null where it has none."""
    dtype = series.dtype
    if dtype == pl.Datetime:
        return series.dt.epoch("s").cast(pl.String)
    if dtype == pl.Binary:
        return pl.Series([None] * len(series), dtype=pl.String)
    if dtype == pl.Time:
        return series.dt.strftime("%H:%M:%S%.f")
    if dtype == pl.Duration or dtype.is_nested():
        return _nested(series)
    text = series.cast(pl.String)
    return text.set(~series.is_finite(), None) if dtype.is_float() else text


def as_text(series: pl.Series) -> pl.Series:
    """Numbers, booleans and times as text; null where a number is not finite.

    A whole number held as a float is written without its ".0": pandas makes floats of integer
    ids as soon as one is missing, and "42.0" would name nobody.
    """
    if series.dtype == pl.Datetime:
        zone = "Z" if cast("pl.Datetime", series.dtype).time_zone else ""
        return series.dt.strftime(f"%Y-%m-%dT%H:%M:%S%.f{zone}")
    text = series.cast(pl.String)
    if not series.dtype.is_float():
        return text
    doubles = series.cast(pl.Float64)
    whole = ((doubles == doubles.floor()) & is_exact(doubles)).fill_null(False)
    text = doubles.cast(pl.Int64, strict=False).cast(pl.String).zip_with(whole, text)
    return text.set(~doubles.is_finite(), None)


def is_exact(floats: pl.Series) -> pl.Series:
    """Whether each float, if it is a whole number, can be no other one: below 2^53."""
    return floats.cast(pl.Float64).abs() < 2**53


def _nested(series: pl.Series) -> pl.Series:
    if all(leaf in _EXACT_NESTED for leaf in _leaves(series.dtype)):
        encoded = pl.DataFrame({"": series}).select(pl.struct("").struct.json_encode())[""]
        inside = encoded.str.strip_prefix('{"":').str.strip_suffix("}")
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
    return value
