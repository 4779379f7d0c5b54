"""One source column of a block, seen as blank or not, as text, and as JSON in its source form.

Facts: a CSV cell is text and a blank one is null; a JSONL member is its raw JSON text, null when
absent; a Parquet value has its Arrow type.
Rules: without a type a value keeps its source form, exactly: text is never trimmed or guessed at,
a JSON value stays as it is written.
Plan: everything is a whole-column operation; only values that need repair are touched one by one.
"""

from __future__ import annotations

from functools import cached_property
from typing import cast

import polars as pl
import pyarrow as pa

from backfill.arrays import flags
from backfill.columns import jsontext, typed
from backfill.columns.jsontext import Json, filled
from backfill.records import Block, Bools, Form


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
        if self._is_text:
            return cast("pl.Series", pl.from_arrow(self._array))
        return typed.loaded(self._array, self.name)

    @property
    def dtype(self) -> pl.DataType:
        """The type of `series`."""
        return self.series.dtype

    @cached_property
    def is_blank(self) -> pl.Series:
        """Whether each value is absent, a cell of no characters, null or ""."""
        if self.form is Form.JSON:
            return filled(self.series.is_in(["null", '""']), True)
        if self.dtype == pl.String:
            return filled(self.series == "", True)
        return self.series.is_null()

    @property
    def is_json(self) -> bool:
        """Whether it is a member of JSON records, which may lack it."""
        return self.form in (Form.JSON, Form.JSON_TEXT)

    @property
    def is_absent(self) -> pl.Series:
        """Whether the record has no such member: nothing was said, not even that it is blank."""
        if self.is_json:
            return self.series.is_null()
        return jsontext.nowhere(len(self.series))

    @cached_property
    def text(self) -> pl.Series:
        """Each value as text; null where blank or where it has no such form."""
        if self.form is Form.JSON:
            return jsontext.unquoted(self._readable)
        if self.dtype == pl.String:
            return self._known
        if self.dtype == pl.Boolean or self.dtype.is_numeric() or self.dtype == pl.Datetime:
            return typed.as_text(self.series)
        return self.json.text

    @cached_property
    def json(self) -> Json:
        """Each value in its source form; null where blank or where JSON has none for it."""
        if self.form is Form.JSON:
            return jsontext.raw_json(self._readable)
        if self.dtype == pl.String:
            text = jsontext.escaped(self._known, is_plain=self.is_plain)
            return Json(text, True, self._known)
        written = typed.written(self.series)
        return Json(written, self.dtype in (pl.Date, pl.Time), written)

    @cached_property
    def is_plain(self) -> bool:
        """Whether it is known that its text needs no escapes in JSON."""
        if self.form is Form.JSON_TEXT:
            return True
        return self._is_text and self.form is not Form.JSON and jsontext.is_plain(self._array)

    @cached_property
    def is_unsendable(self) -> pl.Series:
        """Whether each value has no JSON form: not finite, binary, half of a surrogate pair."""
        if self.form is Form.JSON:
            return jsontext.unreadable(self._known)
        if self.dtype == pl.String:
            return jsontext.nowhere(len(self.series))
        return self.json.text.is_null() & ~self.is_blank

    @cached_property
    def is_no_name(self) -> pl.Series:
        """Whether each value is there and cannot name anything: neither text nor exact number."""
        if self.form is Form.JSON:
            return filled(self._known.str.contains(r"^[\[{tf]"), False) | self.is_unsendable
        if self.dtype == pl.Boolean or self.dtype.is_nested():
            return ~self.is_blank
        if self.dtype.is_float():
            return filled(~typed.is_exact(self.series), False)
        return self.is_unsendable

    @cached_property
    def _known(self) -> pl.Series:
        """The values that are not blank."""
        if not self.is_blank.any() or self.series.null_count() == int(self.is_blank.sum()):
            return self.series
        return self.series.set(self.is_blank, None)

    @cached_property
    def _readable(self) -> pl.Series:
        """JSON that is not blank and that servers can read."""
        return (
            self._known.set(self.is_unsendable, None) if self.is_unsendable.any() else self._known
        )


def columns_of(block: Block, kept: Bools | None = None) -> dict[str, Column]:
    """The block's columns by name, in the source's order.

    kept: bool[rows], the rows that are wanted; None: all.
    """
    arrays = dict(zip(block.table.schema.names, block.table.columns, strict=True))
    if kept is not None:
        mask = flags(kept)
        arrays = {name: array.filter(mask) for name, array in arrays.items()}
    forms = dict.fromkeys(block.unquoted, Form.JSON_TEXT)
    return {
        name: Column(name, array, forms.get(name, block.form)) for name, array in arrays.items()
    }
