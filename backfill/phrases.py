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

#: Of a stream whose rows are all older than `since`: the newest that was sent is sent again, so it
#: is gone from the file.
SINCE_LEAVES_NOTHING = (
    "`since` leaves out every row: none is as new as the newest that was sent; is the export whole?"
)


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 row", "2 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def lasting(seconds: float) -> str:
    """A time that passed, in the two units that matter: "0.3 s", "12 min 4 s", "2 d"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days = hours // 24 if hours >= 48 else 0
    units = [(days, "d"), (hours - 24 * days, "h"), (minutes, "min"), (rest_s, "s")]
    first = next((n for n, (count, _) in enumerate(units) if count), len(units))
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2] if count)


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row of cells: the first column from the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table
    ]
