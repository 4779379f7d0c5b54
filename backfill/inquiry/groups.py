"""Refused rows by what is wrong with them, with samples whose values are masked.

Memory: one block, and GROUPS_MAX groups a stream with their samples, however many rows there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from backfill.errors import MappingError
from backfill.inquiry.refusals import Refusals
from backfill.mapping import Stream
from backfill.masks import BLANK, masked
from backfill.remedies import RULES, columns_of, field_of, remedy

SAMPLES_MAX = 3

#: Groups of one stream; what is beyond them is counted under its rule alone. JSON records may bring
#: any number of keys.
GROUPS_MAX = 500

#: The rule of a line that names none of ours: edited until it could not be told.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sample:
    """A refused row: values are the masks of the columns that its field reads, by name."""

    file: str
    row: int
    values: Mapping[str, str]


@dataclass(slots=True)
class Group:
    """Refused rows of one rule and field. reason: that of the first of them."""

    rule: str
    field: str
    reason: str
    rows: int = 0
    samples: list[Sample] = dataclasses.field(default_factory=list)

    def remedy(self, stream: Stream, rows: int) -> str:
        """The change of the config that would mend them; rows: how many the stream has in all."""
        if self.rule == UNKNOWN:
            return "# these lines have no rule of ours in _rule"
        values = list(self.samples[0].values.values()) if self.samples else []
        shape = values[0] if len(values) == 1 else ""
        return remedy(self.rule, self.field, stream, shape, are_few=2 * self.rows < rows)

    def is_mended_by_config(self, stream: Stream, rows: int) -> bool:
        """Whether a change of the config mends them; arguments as of `remedy`."""
        return not self.remedy(stream, rows).startswith("#")


def grouped(refused: Iterable[Refusals], stream: Stream) -> list[Group]:
    """The rows by rule and field, the most first."""
    groups: dict[tuple[str, str], Group] = {}
    for some in refused:
        first = pl.col("file", "row", "at").head(SAMPLES_MAX)
        told = some.frame.group_by("rule", "reason", maintain_order=True).agg(pl.len(), first)
        for rule, reason, rows, *places in told.iter_rows():
            group = _group(groups, rule, reason)
            group.rows += rows
            for file, row, at in list(zip(*places, strict=True))[
                : SAMPLES_MAX - len(group.samples)
            ]:
                values = _values(some, columns_of(group.field, stream), at)
                group.samples.append(Sample(file or "", row or 0, values))
    return sorted(groups.values(), key=lambda group: -group.rows)


def _group(groups: dict[tuple[str, str], Group], rule: str | None, reason: str | None) -> Group:
    if rule is None or rule not in RULES:  # then the reason may be anything, also a value
        key, reason = (UNKNOWN, ""), ""
    else:
        key = rule, _field_of(rule, reason or "")
        if key not in groups and len(groups) >= GROUPS_MAX:
            key = rule, ""
    return groups.setdefault(key, Group(*key, reason or ""))


@lru_cache(maxsize=10_000)
def _field_of(rule: str, reason: str) -> str:
    return field_of(rule, reason)


def _values(some: Refusals, names: list[str], at: int | None) -> dict[str, str]:
    if at is None:
        return {}
    return {name: _masked(some, name, at) for name in names if name in some.columns}


def _masked(some: Refusals, name: str, at: int) -> str:
    try:
        return masked(some.columns[name].text[at] or "")
    except MappingError:  # a type of Parquet that has no form as text
        return BLANK
