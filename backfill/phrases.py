"""Numbers as people read them: with their noun, and below each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Why rows that nothing is wrong with are not sent, by `records.Part`: "12 unchanged".
PARTS: Mapping[str, str] = {
    "where": "left out by where",
    "since": "older than since",
    "unchanged": "unchanged",
    "superseded": "superseded by a later row of their key",
    "folded": "folded into a later row",
}


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 row", "2 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row of cells: the first column from the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table
    ]
