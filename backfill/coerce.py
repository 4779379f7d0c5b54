"""Source values to JSON values: the types, and what becomes of blanks and misfits.

Rules: text that is a number keeps all its digits (it becomes a literal, never a float and back);
what does not convert rejects its row, is left out or keeps its source form, as `on_error` says;
blanks are left out, sent as null or as "", as `blank` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from backfill import timestamps
from backfill.columns import Column, Json, escaped, is_readable, nowhere, overflows, raw_json
from backfill.mapping import Blank, Field, OnError, ValueType
from backfill.timestamps import Problem

TRUE_WORDS = ("true", "yes", "y", "t", "1")
FALSE_WORDS = ("false", "no", "n", "f", "0")

# Digits are spelled out: \d also takes those of other scripts, which JSON does not.
_INTEGER = r"^[+-]?[0-9]+(\.0*)?$"
_PLAIN_INTEGER = r"^(0|-?[1-9][0-9]*)$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_JSON_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_LEADING_ZEROS = r"^(-?)0+([0-9])"


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
    said = column.is_blank & ~column.is_absent
    return Value(_with_blanks(value.json, said, policy.blank), value.problems)


def _typed(column: Column, field: Field, name: str) -> Value:
    if field.is_time or (field.type is None and column.dtype == pl.Datetime):
        times = timestamps.read(column, field, name)
        return Value(_literal(times.seconds.cast(pl.String)), times.problems)
    match field.type:
        case None:
            says = f"{name} has no exact form in JSON"
            return _judged(column.json, column.is_unsendable, "no_json_form", says)
        case "text":
            text = column.text
            json = Json(escaped(text), True, text)
            rule, says = "no_json_form", "cannot be written as text"
        case "json":
            json, rule, says = raw_json(_json(column)), "not_json", "is not valid JSON"
        case kind:
            conversion = _CONVERSIONS[kind]
            json, rule, says = _literal(conversion.of(column)), conversion.rule, conversion.says
    return _judged(json, json.text.is_null() & ~column.is_blank, rule, f"{name} {says}")


def _judged(json: Json, misfit: pl.Series, rule: str, reason: str) -> Value:
    return Value(json, [Problem(misfit, rule, reason)] if misfit.any() else [])


def _integer(column: Column) -> pl.Series:
    text = column.text.str.strip_chars()
    if text.str.contains(_PLAIN_INTEGER).all():
        plain, fits = text, text.is_not_null()
    else:
        fits = text.str.contains(_INTEGER)
        plain = text.str.strip_prefix("+").str.replace(r"\.0*$", "")
        plain = plain.str.replace(_LEADING_ZEROS, "${1}${2}").replace("-0", "0")
    return plain.set(~fits | overflows(plain), None)


def _number(column: Column) -> pl.Series:
    text = column.text.str.strip_chars()
    fits = text.str.contains(_NUMBER)
    if not text.str.contains(_JSON_NUMBER).all():
        text = text.str.strip_prefix("+").str.replace(_LEADING_ZEROS, "${1}${2}")
        text = text.str.replace(r"^(-?)\.", "${1}0.").str.replace(r"\.([eE]|$)", "${1}")
    return text.set(~fits | overflows(text), None)


def _boolean(column: Column) -> pl.Series:
    word = column.text.str.strip_chars().str.to_lowercase()
    known = dict.fromkeys(TRUE_WORDS, "true") | dict.fromkeys(FALSE_WORDS, "false")
    return word.replace_strict(known, default=None, return_dtype=pl.String)


def _json(column: Column) -> pl.Series:
    text = column.text
    broken = [text is not None and not is_readable(text) for text in text]
    return text.set(pl.Series(broken, dtype=pl.Boolean), None)


@dataclass(frozen=True, slots=True)
class _Conversion:
    """of: the JSON literals of a column; rule, says: what is wrong where there is none."""

    of: Callable[[Column], pl.Series]
    rule: str
    says: str


_CONVERSIONS: dict[ValueType, _Conversion] = {
    "integer": _Conversion(_integer, "not_an_integer", "is not an integer"),
    "number": _Conversion(_number, "not_a_number", "is not a finite number"),
    "boolean": _Conversion(
        _boolean, "not_a_boolean", "is none of true/false, yes/no, y/n, t/f, 1/0"
    ),
}


def _literal(written: pl.Series) -> Json:
    return Json(written, False, written)


def _excused(column: Column, value: Value, on_error: OnError) -> Value:
    """Misfits left out, or in their source form where they have one."""
    if on_error == "omit":
        return Value(value.json, [])
    broken = nowhere(len(value.json.text))
    for problem in value.problems:
        broken = broken | problem.broken
    source = column.json
    text = source.rendered().zip_with(broken, value.json.rendered())
    kept = Json(text, False, source.measured.zip_with(broken, value.json.measured))
    formless = broken & column.is_unsendable
    if not formless.any():
        return Value(kept, [])
    return Value(kept, [Problem(formless, "no_json_form", value.problems[0].reason)])


def _with_blanks(json: Json, is_blank: pl.Series, blank: Blank) -> Json:
    if blank == "keep" and json.quoted:
        return Json(json.text.set(is_blank, ""), True, json.measured)
    said = '""' if blank == "keep" else "null"
    return Json(json.rendered().set(is_blank, said), False, json.measured)
