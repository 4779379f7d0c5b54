"""Source values to JSON values: the types, and what becomes of blanks and misfits.

Rules: text that is a number keeps all its digits (it becomes a literal, never a float and back);
what does not convert rejects its row, is left out or keeps its source form, as `on_error` says;
blanks are left out, sent as null or as "", as `blank` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import polars as pl

from backfill import timestamps
from backfill.columns import Column, Json, compact, escaped, overflows
from backfill.mapping import Blank, Field, OnError, ValueType
from backfill.timestamps import Problem

TRUE_WORDS = ("true", "yes", "y", "t", "1")
FALSE_WORDS = ("false", "no", "n", "f", "0")

_INTEGER = r"^[+-]?\d+(\.0*)?$"
_PLAIN_INTEGER = r"^(0|-?[1-9]\d*)$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_JSON_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"


@dataclass(frozen=True, slots=True)
class Policy:
    """What becomes of blanks and of values that do not convert."""

    blank: Blank
    on_error: OnError


@dataclass(frozen=True, slots=True)
class Value:
    """A column of JSON values and the rows that break a rule.

    json.text is null where the value is left out, also on the rows of `problems`.
    """

    json: Json
    problems: list[Problem]


def convert(column: Column, field: Field, name: str, policy: Policy) -> Value:
    """Convert a column as its field says.

    name: how reasons name the value, such as "attributes.score".
    """
    value = _typed(column, field, name)
    if value.problems and policy.on_error != "reject":
        value = _excused(column, value, policy.on_error)
    if policy.blank == "omit" or not column.is_blank.any():
        return value
    return Value(_with_blanks(value.json, column.is_blank, policy.blank), value.problems)


def _typed(column: Column, field: Field, name: str) -> Value:
    kind = field.type or ("timestamp" if column.dtype == pl.Datetime else None)
    if kind == "timestamp":
        times = timestamps.read(column, field, name)
        written = times.seconds.cast(pl.String)
        return Value(_literal(written), times.problems)
    if kind is None:
        unsendable = column.is_unsendable
        if not unsendable.any():
            return Value(column.json, [])
        problem = Problem(unsendable, "no_json_form", f"{name} is not a finite number or text")
        return Value(_less(column.json, unsendable), [problem])
    if kind == "text":
        text = column.text
        problem = Problem(
            text.is_null() & ~column.is_blank, "no_json_form", f"{name} cannot be written as text"
        )
        json = Json(escaped(text), True, text.str.len_bytes())
        return Value(json, [problem] if problem.broken.any() else [])
    written = _CONVERSIONS[kind](column)
    misfit = written.is_null() & ~column.is_blank
    if not misfit.any():
        return Value(_literal(written), [])
    return Value(_literal(written), [Problem(misfit, f"not_{_AN[kind]}", f"{name} {_SAYS[kind]}")])


def _integer(column: Column) -> pl.Series:
    text = column.text.str.strip_chars()
    if text.str.contains(_PLAIN_INTEGER).all():
        return text
    fits = text.str.contains(_INTEGER)
    plain = text.str.strip_prefix("+").str.replace(r"\.0*$", "")
    plain = plain.str.replace(r"^(-?)0+(\d)", "${1}${2}").replace("-0", "0")
    return plain.set(~fits.fill_null(True), None)


def _number(column: Column) -> pl.Series:
    text = column.text.str.strip_chars()
    fits = text.str.contains(_NUMBER)
    if not text.str.contains(_JSON_NUMBER).all():
        text = text.str.strip_prefix("+").str.replace(r"^(-?)0+(\d)", "${1}${2}")
        text = text.str.replace(r"^(-?)\.", "${1}0.").str.replace(r"\.([eE]|$)", "${1}")
    return text.set(~fits.fill_null(True) | overflows(text), None)


def _boolean(column: Column) -> pl.Series:
    word = column.text.str.strip_chars().str.to_lowercase()
    known = dict.fromkeys(TRUE_WORDS, "true") | dict.fromkeys(FALSE_WORDS, "false")
    return word.replace_strict(known, default=None, return_dtype=pl.String)


def _json(column: Column) -> pl.Series:
    text = column.text
    valid = [value is None or _is_json(value) for value in text]
    return compact(text.set(~pl.Series(valid, dtype=pl.Boolean), None))


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


_CONVERSIONS: dict[ValueType, Callable[[Column], pl.Series]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "json": _json,
}
_AN = {"integer": "an_integer", "number": "a_number", "boolean": "a_boolean", "json": "json"}
_SAYS = {
    "integer": "is not an integer",
    "number": "is not a finite number",
    "boolean": "is none of true/false, yes/no, y/n, t/f, 1/0",
    "json": "is not valid JSON",
}


def _literal(written: pl.Series) -> Json:
    return Json(written, False, written.str.len_bytes())


def _less(json: Json, rows: pl.Series) -> Json:
    return Json(json.text.set(rows, None), json.quoted, json.sizes)


def _excused(column: Column, value: Value, on_error: OnError) -> Value:
    if on_error == "omit":
        return Value(value.json, [])
    broken = value.problems[0].broken
    for problem in value.problems[1:]:
        broken = broken | problem.broken
    source = column.json
    text = source.rendered().zip_with(broken, value.json.rendered())
    kept = Json(text, False, source.sizes.zip_with(broken, value.json.sizes))
    unsendable = column.is_unsendable & broken
    if not unsendable.any():
        return Value(kept, [])
    return Value(kept, [Problem(unsendable, "no_json_form", value.problems[0].reason)])


def _with_blanks(json: Json, is_blank: pl.Series, blank: Blank) -> Json:
    sizes = json.sizes.fill_null(0)
    if blank == "keep" and json.quoted:
        return Json(json.text.set(is_blank, ""), True, sizes)
    return Json(json.rendered().set(is_blank, '""' if blank == "keep" else "null"), False, sizes)
