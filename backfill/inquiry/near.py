"""Where an identifier that no row mentions stands in another form, or in another column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from backfill.columns import Column, columns_of
from backfill.dialect import REJECT_COLUMNS
from backfill.errors import BackfillError
from backfill.inquiry.hits import holding, opened
from backfill.inquiry.identifiers import namings
from backfill.inquiry.sources import Asked

#: Near misses that are told.
NEAR_MAX = 10


@dataclass(frozen=True, slots=True)
class Near:
    """A value that is nearly the one asked for. row: from 0; how: in which way it differs."""

    asked: Asked
    row: int
    column: str
    how: str


def near(files: list[Asked], identifier: str) -> list[Near]:
    """The first values of all columns and files that differ in case or leading zeros only."""
    found: list[Near] = []
    for asked in files:
        try:
            for each in _of_file(asked, _bare(identifier)):
                found.append(each)
                if len(found) == NEAR_MAX:
                    return found
        except BackfillError:  # the search itself told it
            continue
    return found


def _bare(identifier: str) -> str:
    return identifier.strip().lower().lstrip("0")


def _of_file(asked: Asked, bare: str) -> Iterator[Near]:
    identifying = {naming.column for naming in namings(asked.stream)}
    for block in holding(asked, opened(asked), [bare] if bare else [], ignores_case=True):
        for name, column in columns_of(block).items():
            text = None if name in REJECT_COLUMNS else _text(column)
            if text is None:
                continue
            plain = text.str.strip_chars().str.to_lowercase().str.strip_chars_start("0")
            for i in (plain == bare).fill_null(False).arg_true():
                yield Near(asked, int(block.rows[i]), name, _how(name in identifying))


def _how(is_identifier: bool) -> str:
    if is_identifier:
        return "in other case or with other leading zeros"
    return "in a column that names nobody"


def _text(column: Column) -> pl.Series | None:
    try:
        return column.text
    except BackfillError:  # a type of Parquet that has no form as text
        return None
