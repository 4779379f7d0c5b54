"""What is seen of a stream's files held against what is expected of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from statistics import median
from typing import NamedTuple

from backfill.mapping import Expect
from backfill.mapping.expect import percent
from backfill.phrases import counted
from backfill.pipeline.expecting.nights import Night

#: Columns that a message names.
_NAMED_MAX = 5


class Difference(NamedTuple):
    """Something that is not as expected.

    text: a clause with its numbers. is_learnt: whether nights before say so, and not the config.
    """

    text: str
    is_learnt: bool


class Seen(NamedTuple):
    """What is held against the expectations; labels: a file for each of the night's columns."""

    night: Night
    labels: Sequence[str]
    is_json: bool


def differences(expect: Expect, nights: Sequence[Night], seen: Seen) -> Iterator[Difference]:
    """All that is not as expected; nights: the last of them last."""
    rows = seen.night.rows
    if expect.min_rows is not None and rows < expect.min_rows:
        text = f"{counted(rows, 'row')}, fewer than `min_rows: {expect.min_rows}`"
        yield Difference(text, is_learnt=False)
    if expect.max_row_change is not None:
        yield from _rows(expect.max_row_change, nights, seen.night)
    if expect.columns == "learnt":
        yield from _json_keys(nights, seen) if seen.is_json else _columns(nights, seen)
    elif expect.columns is not None:
        yield from _listed(expect.columns, seen)
    if expect.max_null_change is not None:
        skipped = expect.columns is not None  # that they are gone is said by then
        yield from _blanks(expect.max_null_change, nights, seen.night, gone_too=not skipped)


def new_columns(nights: Sequence[Night], seen: Seen) -> list[str]:
    """Columns that stand behind those of the last night; of JSONL keys that no night had."""
    known = _last(nights)
    if not known or seen.night.columns is None:
        return []
    if seen.is_json:
        ever = {name for night in nights for header in night.columns or () for name in header}
        return [name for header in seen.night.columns for name in header if name not in ever]
    longer = [
        header[len(base) :]
        for header in seen.night.columns
        if header not in known and (base := _continued(header, known)) is not None
    ]
    return list(dict.fromkeys(name for names in longer for name in names))


def quoted(names: Sequence[str]) -> str:
    """Names of columns as a message has them: the first of them, and how many more there are."""
    more = len(names) - _NAMED_MAX
    shown = ", ".join(f"'{name}'" for name in names[:_NAMED_MAX])
    return f"{shown} and {more:,} more" if more > 0 else shown


def _rows(bound: str, nights: Sequence[Night], night: Night) -> Iterator[Difference]:
    usual, rows = median(each.rows_a_file for each in nights or (Night("", 0),)), night.rows_a_file
    if not usual or abs(rows - usual) * 100 <= percent(bound) * usual:
        return
    text = (
        f"{_tenths(rows)} {'rows a file' if night.files > 1 else 'row' if rows == 1 else 'rows'}"
        f" where {_median_of(len(nights))} {_tenths(usual)}:"
        f" {float(abs(rows - usual) / usual):.1%} {'fewer' if rows < usual else 'more'}"
        f" (`max_row_change: {bound}`)"
    )
    yield Difference(text, is_learnt=True)


def _tenths(number: Fraction) -> str:
    return f"{float(number):,.1f}".removesuffix(".0")


def _median_of(nights: int) -> str:
    return f"the median of {counted(nights, 'night')} is"


def _listed(names: Sequence[str], seen: Seen) -> Iterator[Difference]:
    for header, label in zip(seen.night.columns or (), seen.labels, strict=True):
        missing = [name for name in names if name not in header]
        if missing:
            yield Difference(f"{label} has no column {quoted(missing)} (`columns`)", False)


def _last(nights: Sequence[Night]) -> tuple[tuple[str, ...], ...]:
    """The columns of the last night that knows them."""
    return next((night.columns for night in reversed(nights) if night.columns), ())


def _continued(header: tuple[str, ...], known: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
    """The longest of the known columns that a header begins with; None: it begins with none."""
    fitting = [base for base in known if header[: len(base)] == base]
    return max(fitting, key=len, default=None)


def _columns(nights: Sequence[Night], seen: Seen) -> Iterator[Difference]:
    known = _last(nights)
    for header, label in zip(seen.night.columns or (), seen.labels, strict=True):
        if known and _continued(header, known) is None:
            nearest = max(known, key=lambda base: len({*base} & {*header}))
            text = f"the columns of {label} are not those of the last night: "
            yield Difference(text + _change(header, nearest), is_learnt=True)


def _change(now: tuple[str, ...], then: tuple[str, ...]) -> str:
    """What tells two headers apart, the second of which does not merely continue the first."""
    gone = [name for name in then if name not in now]
    new = [name for name in now if name not in then]
    both = ([name for name in names if name in then and name in now] for names in (now, then))
    moved = [name for name, other in zip(*both, strict=True) if name != other]
    said = [
        f"{what} {quoted(names)}"
        for what, names in (("without", gone), ("new", new), ("in another order", moved))
        if names
    ]
    return "; ".join(said) + ("" if gone or moved else ", before others")


def _json_keys(nights: Sequence[Night], seen: Seen) -> Iterator[Difference]:
    """Keys have no order, and records may lack one: what every night had is to be there."""
    told = [night.columns[0] for night in nights if night.columns]
    now = {name for header in seen.night.columns or () for name in header}
    always = [name for name in told[-1] if all(name in keys for keys in told)] if told else []
    if missing := [name for name in always if name not in now]:
        text = f"no record has {quoted(missing)}, as some had in {counted(len(told), 'night')}"
        yield Difference(text, is_learnt=True)


def _blanks(
    bound: str, nights: Sequence[Night], now: Night, *, gone_too: bool
) -> Iterator[Difference]:
    """The columns whose share of blanks moved too far, the furthest first."""
    found = list[tuple[Fraction, str]]()
    for name in dict.fromkeys(name for night in nights for name in night.blanks or ()):
        usual = [
            Fraction(night.blanks[name], night.rows)
            for night in nights
            if night.blanks and night.rows and name in night.blanks
        ]
        blanks = (now.blanks or {}).get(name, now.rows if gone_too else None)
        if not usual or not now.rows or blanks is None:
            continue
        share = Fraction(blanks, now.rows)
        moved = abs(share - median(usual))
        if moved * 100 > percent(bound):
            text = (
                f"column '{name}' is blank in {float(share):.1%} of the rows where"
                f" {_median_of(len(usual))} {float(median(usual)):.1%} (`max_null_change: {bound}`)"
            )
            found.append((moved, text))
    found.sort(key=lambda each: -each[0])
    yield from (Difference(text, is_learnt=True) for _, text in found[:_NAMED_MAX])
    if len(found) > _NAMED_MAX:
        more = counted(len(found) - _NAMED_MAX, "more column")
        yield Difference(f"{more} whose blanks changed as much", is_learnt=True)
