"""`where`: which rows of a source take part.

A small part of SQL: comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS [NOT] BLANK, CAST.
Rules: a blank compares as the empty string; the columns of a CSV file are text; a value that
cannot be cast makes the row unreadable, never silently filtered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import polars as pl
import sqlglot
from sqlglot import exp

from backfill.columns import Column
from backfill.errors import MappingError
from backfill.records import Form

_INTEGERS = (exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT)
_NUMBERS = (exp.DType.DOUBLE, exp.DType.FLOAT, exp.DType.DECIMAL)
_TEXTS = (exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR)

_COMPARE: dict[type[exp.Expr], Callable[[pl.Series, pl.Series], pl.Series]] = {
    exp.EQ: lambda a, b: a == b,
    exp.NEQ: lambda a, b: a != b,
    exp.LT: lambda a, b: a < b,
    exp.LTE: lambda a, b: a <= b,
    exp.GT: lambda a, b: a > b,
    exp.GTE: lambda a, b: a >= b,
}


@dataclass(frozen=True, slots=True)
class _Operand:
    """One side of a comparison: its values, and which of them are blank.

    may_be_number: text that stands for numbers too: of JSON members, of nothing at all.
    """

    values: pl.Series
    is_blank: pl.Series
    may_be_number: bool = False

    @property
    def is_text(self) -> bool:
        return self.values.dtype == pl.String


class Where:
    """A parsed condition.

    Raises MappingError, naming `place`, for what is not understood.
    """

    def __init__(self, condition: str, place: str) -> None:
        self._condition, self._place = condition, place
        try:
            self._tree = sqlglot.parse_one(condition, into=exp.Condition)
        except sqlglot.errors.SqlglotError as error:
            raise self._misfit("is not a condition in SQL") from error
        self.judge({}, 0)  # refuses here what is not understood, not in the middle of a run
        self.columns = frozenset(
            _column_name(node)
            for node in self._tree.find_all(exp.Column)
            if not _is_blank_word(node)
        )

    def judge(self, columns: Mapping[str, Column], height: int) -> pl.Series:
        """Whether each row matches: bool[height]; null where a value could not be cast.

        Raises MappingError where text is compared with a number.
        """
        return self._truth(self._tree, columns, height)

    def _truth(self, node: exp.Expr, columns: Mapping[str, Column], n: int) -> pl.Series:
        match node:
            case exp.Paren():
                return self._truth(node.this, columns, n)
            case exp.And():
                return self._truth(node.left, columns, n) & self._truth(node.right, columns, n)
            case exp.Or():
                return self._truth(node.left, columns, n) | self._truth(node.right, columns, n)
            case exp.Not():
                return ~self._truth(node.this, columns, n)
        return self._predicate(node, columns, n)

    def _predicate(self, node: exp.Expr, columns: Mapping[str, Column], n: int) -> pl.Series:
        match node:
            case exp.Is():
                return self._is(node, columns, n)
            case exp.In() if node.expressions:
                options = [exp.EQ(this=node.this, expression=option) for option in node.expressions]
                return reduce(lambda a, b: a | b, (self._compare(o, columns, n) for o in options))
            case exp.Between():
                low = exp.GTE(this=node.this, expression=node.args["low"])
                high = exp.LTE(this=node.this, expression=node.args["high"])
                return self._compare(low, columns, n) & self._compare(high, columns, n)
            case exp.Like() | exp.ILike():
                return self._like(node, columns, n)
            case exp.Column() | exp.Boolean():
                return self._compare(exp.EQ(this=node, expression=exp.true()), columns, n)
            case _ if type(node) in _COMPARE:
                return self._compare(node, columns, n)
        raise self._misfit(f"holds '{node.sql()}', which is not understood")

    def _is(self, node: exp.Is, columns: Mapping[str, Column], n: int) -> pl.Series:
        if not (isinstance(node.expression, exp.Null) or _is_blank_word(node.expression)):
            raise self._misfit("understands IS BLANK and IS NOT BLANK only")
        return self._operand(node.this, columns, n).is_blank

    def _like(self, node: exp.Expr, columns: Mapping[str, Column], n: int) -> pl.Series:
        operand, pattern = self._operand(node.this, columns, n), node.expression
        if not operand.is_text or not isinstance(pattern, exp.Literal) or not pattern.is_string:
            raise self._misfit("uses LIKE on something that is not text")
        parts = {"%": "[\\s\\S]*", "_": "[\\s\\S]"}
        body = "".join(parts.get(char, re.escape(char)) for char in pattern.this)
        flags = "(?i)" if isinstance(node, exp.ILike) else ""
        found = operand.values.str.contains(f"{flags}^{body}$")
        return ~found if node.args.get("negate") else found

    def _compare(self, node: exp.Expr, columns: Mapping[str, Column], n: int) -> pl.Series:
        left = self._operand(node.this, columns, n)
        right = self._operand(node.expression, columns, n)
        if left.is_text != right.is_text:
            left, right = self._as_number(left, node), self._as_number(right, node)
        matches = _COMPARE[type(node)](left.values, right.values)
        if left.is_text:
            return matches
        any_blank = left.is_blank | right.is_blank
        if not any_blank.any():
            return matches
        both_blank = left.is_blank & right.is_blank
        on_blank = ~both_blank if isinstance(node, exp.NEQ) else both_blank & (type(node) in _EQUAL)
        return matches.zip_with(~any_blank, on_blank)

    def _as_number(self, operand: _Operand, node: exp.Expr) -> _Operand:
        if not operand.is_text:
            return operand
        if not operand.may_be_number:
            raise self._misfit(
                f"compares text with a number in '{node.sql()}'; write CAST(… AS DOUBLE)"
            )
        return _Operand(operand.values.cast(pl.Float64, strict=False), operand.is_blank)

    def _operand(self, node: exp.Expr, columns: Mapping[str, Column], n: int) -> _Operand:
        match node:
            case exp.Paren():
                return self._operand(node.this, columns, n)
            case exp.Literal() if node.is_string:
                return _constant(node.this, n)
            case exp.Literal():
                return _constant(_number(node.this), n)
            case exp.Neg() if isinstance(node.this, exp.Literal):
                return _constant(-_number(node.this.this), n)
            case exp.Boolean():
                return _constant("true" if node.this else "false", n)
            case exp.Column():
                return _column(columns.get(_column_name(node)), n)
            case exp.Cast() | exp.TryCast():
                return self._cast(node, columns, n)
        raise self._misfit(f"holds '{node.sql()}', which is not understood")

    def _cast(self, node: exp.Expr, columns: Mapping[str, Column], n: int) -> _Operand:
        operand, target = self._operand(node.this, columns, n), node.args["to"].this
        if target in _TEXTS:
            return _Operand(operand.values.cast(pl.String).fill_null(""), operand.is_blank)
        if target not in (*_INTEGERS, *_NUMBERS):
            raise self._misfit("casts to something else than INTEGER, DOUBLE or TEXT")
        values = operand.values
        if operand.is_text:
            values = values.str.strip_chars()
        number = pl.Int64() if target in _INTEGERS else pl.Float64()
        return _Operand(values.cast(number, strict=False), operand.is_blank)

    def _misfit(self, what: str) -> MappingError:
        return MappingError(
            f"the condition {what}",
            f"{self._place}: {self._condition}",
            "use comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS BLANK and CAST",
        )


_EQUAL = (exp.EQ, exp.LTE, exp.GTE)


def _column(column: Column | None, n: int) -> _Operand:
    """A column's values; numbers of typed columns stay numbers."""
    if column is None:
        return _constant("", n)
    if column.form is Form.TYPED and column.dtype.is_numeric():
        return _Operand(column.series, column.is_blank)
    return _Operand(column.text.fill_null(""), column.is_blank, column.is_json)


def _number(literal: str) -> int | float:
    return int(literal) if literal.isdigit() else float(literal)


def _constant(value: str | float, n: int) -> _Operand:
    is_blank = value == ""
    dtype = pl.String() if isinstance(value, str) else None
    values = pl.repeat(value, n, dtype=dtype, eager=True)
    return _Operand(values, pl.repeat(is_blank, n, eager=True), is_blank)


def _column_name(node: exp.Column) -> str:
    return ".".join(part.name for part in node.parts)


def _is_blank_word(node: exp.Expr) -> bool:
    return (
        isinstance(node, exp.Column)
        and node.name.upper() == "BLANK"
        and isinstance(node.parent, exp.Is)
    )
