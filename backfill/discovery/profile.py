"""A file seen column by column: what is there, how often, whether it tells rows apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from backfill import trackapi
from backfill.columns import Column, nowhere
from backfill.dialect import RAW_COLUMN, REJECT_COLUMNS
from backfill.discovery.sampling import Sample
from backfill.discovery.vocabulary import snake
from backfill.records import Form, Int64s

_EMAIL = r"^\s*[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+\s*$"
_E164 = r"^\+[1-9][0-9]{6,14}$"

#: More different values than that are no words.
_WORDS_MAX = 40
_LISTED_ROWS_MAX = 3


@dataclass(frozen=True)
class Profile:
    """One column of the rows that were looked at.

    key: its name in snake_case. rows: the number of each row in its file, 0 where unknown.
    again: bool a row: equal to one before in every column, so that it tells nothing of this one.
    """

    name: str
    key: str
    column: Column
    rows: Int64s
    again: pl.Series

    @cached_property
    def known(self) -> pl.Series:
        """The values that are not blank, as text."""
        return self.column.text.drop_nulls()

    @property
    def count(self) -> int:
        """How many values are not blank."""
        return len(self.rows) - self.blanks

    @cached_property
    def blanks(self) -> int:
        """How many values are blank."""
        return int(self.column.is_blank.sum())

    @cached_property
    def distinct(self) -> int:
        """How many different values there are, blanks left out."""
        return self.known.n_unique()

    @property
    def is_unique(self) -> bool:
        """Whether no value comes twice, but in rows that are equal."""
        return self.count > 0 and not self.repeats

    @cached_property
    def repeats(self) -> int:
        """How many values came before, in a row that differs."""
        return int((~self.column.is_blank & ~self.again).sum()) - self.distinct

    @property
    def is_nested(self) -> bool:
        """Whether it holds objects or lists."""
        if self.column.form is Form.JSON:
            return bool(self.column.series.str.contains(r"^[\[{]").any())
        return self.column.dtype.is_nested()

    @cached_property
    def words(self) -> dict[str, int]:
        """How often each value comes, trimmed and without case; none where they are too many."""
        if self.column.form is Form.TYPED and self.column.dtype.is_nested():
            return {}
        folded = self.known.str.strip_chars().str.to_lowercase()
        if folded.n_unique() > _WORDS_MAX:
            return {}
        counted = folded.value_counts(sort=True)
        return dict(zip(counted.to_series(0), counted.to_series(1), strict=True))

    @cached_property
    def are_emails(self) -> bool:
        """Whether nine in ten of the values look like addresses."""
        return self._match(_EMAIL)

    @cached_property
    def are_e164(self) -> bool:
        """Whether all values are phone numbers as the API takes them for identifiers."""
        return self.count > 0 and bool(self.known.str.contains(_E164).all())

    @property
    def too_long(self) -> pl.Series:
        """bool a row: values over what an attribute may hold, in bytes."""
        sizes = self.column.json.measured.str.len_bytes()
        return (sizes > trackapi.ATTRIBUTE_VALUE_BYTES_MAX).fill_null(False)

    def rows_where(self, flags: pl.Series) -> str:
        """Which rows those are, for people: "rows 3, 17, 20 and 4 more"."""
        return listed(int(self.rows[i]) for i in flags.arg_true())

    def _match(self, pattern: str) -> bool:
        matching = int(self.known.str.contains(pattern).sum())
        return self.count > 0 and matching * 10 >= self.count * 9


@dataclass(frozen=True)
class Table:
    """The columns of a file, or of several with the same ones, by name.

    equal_count: rows that are equal in every column to one before.
    """

    profiles: Mapping[str, Profile]
    row_count: int
    form: Form
    equal_count: int

    @cached_property
    def by_key(self) -> dict[str, Profile]:
        """The columns by their names in snake_case; of two alike the first."""
        found: dict[str, Profile] = {}
        for profile in self.profiles.values():
            found.setdefault(profile.key, profile)
        return found

    @property
    def equal_rows(self) -> str:
        """How many rows are equal in every column to one before, for people; "" for none."""
        if not self.equal_count:
            return ""
        return f"{self.equal_count:,} equal row{'s' * (self.equal_count > 1)}"


def table_of(sample: Sample) -> Table:
    """A sample, seen column by column; what a rejects file adds is left out."""
    columns = sample.columns
    added = {*REJECT_COLUMNS, RAW_COLUMN} if set(REJECT_COLUMNS) <= set(columns) else set()
    again = _again(columns, len(sample.rows))
    profiles = {
        name: Profile(name, snake(name), column, sample.rows, again)
        for name, column in columns.items()
        if name not in added
    }
    return Table(profiles, len(sample.rows), sample.form, int(again.sum()))


def _again(columns: Mapping[str, Column], height: int) -> pl.Series:
    """bool a row: equal to one before; nothing is said of rows with nested values of Parquet."""
    if not columns or any(column.dtype.is_nested() for column in columns.values()):
        return nowhere(height)
    rows = pl.DataFrame({name: column.series for name, column in columns.items()}).hash_rows()
    return ~rows.is_first_distinct()


def listed(numbers: Iterable[int]) -> str:
    """Numbers of rows, the first few; 0 stands for one that is not known."""
    known = list(numbers)
    if not known:
        return "no row"
    first = [str(number) for number in known if number][:_LISTED_ROWS_MAX]
    rest = len(known) - len(first)
    if not first:
        return f"{rest} row{'s' * (rest > 1)} further in"
    shown = f"row{'s' * (len(known) > 1)} {', '.join(first)}"
    return f"{shown} and {rest} more" if rest else shown
