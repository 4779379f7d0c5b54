"""What the values of a column are converted to, and why: never a guess that would reject a row.

Rules: a type is given only where every value that was looked at converts by the converters of a
run; values that are mostly of a type stay text, and the rows that are not are named. What looks
like a number and is a name (leading zeros, more digits than a double holds, an id, a code) stays
text. Of an order of day and month that nobody can tell, both readings are said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from backfill import coerce
from backfill.columns import nowhere
from backfill.discovery.moments import Reading, readings
from backfill.discovery.profile import Profile
from backfill.discovery.vocabulary import vocabulary
from backfill.mapping import Field, ValueType
from backfill.records import Form

#: Digits that every reader of JSON keeps: a double has 15 to 17.  [IEEE 754]
_DIGITS_EXACT = 15

_LEADING_ZERO = r"^\s*[+-]?0[0-9]"
_OF_NUMBERS = r"^\s*-?[0-9]+(\.[0-9]+)?\s*$"
_DECIMAL = r"^\s*-?[0-9]+\.[0-9]+\s*$"
_CURRENCY = r"(€|\$|£|EUR|USD|GBP|CHF)"
_AMOUNTS = {
    "decimal comma": rf"^\s*{_CURRENCY}?\s*-?([0-9]+|[0-9]{{1,3}}([. '][0-9]{{3}})+),[0-9]{{1,4}}"
    rf"\s*{_CURRENCY}?\s*$",
    "currency": rf"^\s*-?({_CURRENCY}\s*-?[0-9][0-9,.' ]*|[0-9][0-9,.' ]*{_CURRENCY})\s*$",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What a column's values become.

    options: `type`, `format`, `unit`, `timezone` as the config says them; {} keeps the source form.
    note:    for the comment beside it. confirm: what somebody has to decide; "" where nothing.
    reading: how the times are read, where they are.
    misfits: rows that the options would reject.
    """

    options: dict[str, str]
    note: str = ""
    confirm: str = ""
    reading: Reading | None = None
    misfits: str = ""


def typed(profile: Profile, *, order: str = "", zone: str = "") -> Typed:
    """The type of a column's values.

    order: of day and month, where other columns of the file tell it; zone: whose times those
    without a zone are.
    """
    if not profile.count:
        return Typed({}, "blank in every row looked at")
    found = readings(profile.column, is_named_time=is_named_time(profile.key))
    if found:
        return _time(profile, found, order, zone)
    if profile.column.form is not Form.TEXT:
        return (_number(profile) if _are_decimals(profile) else None) or _amount(profile)
    return _flag(profile) or _number(profile) or _amount(profile)


def time_of(profile: Profile, *, order: str = "", zone: str = "", guess: str = "") -> Typed:
    """A column that must be a time: misfits are rejected, an unknown order is guessed.

    guess: the order taken where nothing tells it. `options` is {} where it holds no times.
    """
    found = readings(profile.column, is_named_time=True)
    if not found:
        return Typed({}, confirm="holds no times")
    chosen = next((one for one in found if one.order == (order or guess)), found[0])
    result = _as_time(profile, chosen, zone)
    if len(found) > 1 and not order:
        what = f"day and month cannot be told apart: read {chosen.order}, a guess"
        result = Typed(result.options, what, what, chosen, result.misfits)
    return result


def order_told(profiles: list[Profile]) -> str:
    """The order of day and month that columns of a file tell; "" where none does, or two differ."""
    orders = set()
    for profile in profiles:
        found = readings(profile.column, is_named_time=False)
        if len(found) == 1 and found[0].order and "." not in (found[0].field.format or ""):
            orders.add(found[0].order)
    return orders.pop() if len(orders) == 1 else ""


def is_named_time(key: str) -> bool:
    """Whether a name, in snake_case, says that the column holds times."""
    words = key.split("_")
    return words[-1] in vocabulary().name_words["times"] or words[0] in ("date", "time")


def _time(profile: Profile, found: list[Reading], order: str, zone: str) -> Typed:
    by_order = next((one for one in found if one.order == order), None)
    if len(found) > 1 and by_order is None:
        forms = " or ".join(f'"{one.field.format}"' for one in found)
        what = "DAY AND MONTH CANNOT BE TOLD APART in any row looked at"
        return Typed({}, f"{what}: kept as text; as a time: type: timestamp, format: {forms}",
                     f"{what}; sent as text")  # fmt: skip
    chosen = by_order or found[0]
    result = _as_time(profile, chosen, zone)
    if result.misfits:
        fit = profile.count - int(chosen.misfit.sum())
        return Typed({}, f"a time in {fit:,} of {profile.count:,} rows, not in {result.misfits}:"
                     " kept as text")  # fmt: skip
    if len(found) > 1:
        note = f"{chosen.order}, as in other columns of the file. CONFIRM"
        return Typed(result.options, note, note.removesuffix(". CONFIRM"), chosen)  # fmt: skip
    return result


def _as_time(profile: Profile, reading: Reading, zone: str) -> Typed:
    field = reading.field
    options = {"type": "timestamp"}
    options |= {
        key: value
        for key in ("format", "unit", "timezone")
        if (value := getattr(field, key)) is not None
    }
    note, confirm = "", ""
    if reading.needs_zone:
        whose = f", maybe {zone}" if zone and zone != "UTC" else ""
        note = f"CONFIRM the zone: the values name none{whose}"
        confirm = f"times without a zone, taken for UTC{whose}"
    misfits = profile.rows_where(reading.misfit) if reading.misfit.any() else ""
    return Typed(options, note, confirm, reading, misfits)


def _flag(profile: Profile) -> Typed | None:
    words = profile.words
    if not words or not set(words) <= {*coerce.TRUE_WORDS, *coerce.FALSE_WORDS}:
        return None
    is_named_so = bool(vocabulary().name_words["flags"] & set(profile.key.split("_")))
    if set(words) <= {"0", "1"} and not is_named_so:
        return None
    if set(words) <= {"true", "false", "yes", "no", "0", "1"} or len(words) > 1:
        return Typed({"type": "boolean"})
    return None


def _number(profile: Profile) -> Typed | None:
    known = profile.known
    numeric = int(known.str.contains(_OF_NUMBERS).sum())
    if numeric * 10 < 9 * len(known) or not numeric:
        return None
    if _is_named_for_digits(profile.key) or known.str.contains(_LEADING_ZERO).any():
        return None
    if int(known.str.count_matches("[0-9]").max() or 0) > _DIGITS_EXACT:  # type: ignore[arg-type]
        return None
    is_whole = not known.str.contains(".", literal=True).any()
    kind: ValueType = "integer" if is_whole else "number"
    broken = _broken(profile, kind)
    if not broken.any():
        return Typed({"type": kind})
    fit = profile.count - int(broken.sum())
    where = profile.rows_where(broken)
    return Typed({}, f"{kind} in {fit:,} of {profile.count:,} rows, not in {where}: kept as text")


def _is_named_for_digits(key: str) -> bool:
    """Whether a name says that digits count nothing: `order_no`, not `order_total`."""
    words, known = key.split("_"), vocabulary().name_words
    return bool(known["digits"] & set(words)) and words[-1] not in known["amounts"]


def _are_decimals(profile: Profile) -> bool:
    """Whether the values are text, each a number with a point: money, in JSON and Parquet."""
    if profile.is_nested or not profile.known.str.contains(_DECIMAL).all():
        return False
    if profile.column.form is Form.JSON:
        return bool(profile.column.series.drop_nulls().str.starts_with('"').all())
    return profile.column.dtype == pl.String


def _amount(profile: Profile) -> Typed:
    """Text; a question where it looks like amounts that no converter reads."""
    known = profile.known if profile.column.dtype == pl.String else profile.known.clear()
    for what, form in _AMOUNTS.items():
        if int(known.str.contains(form).sum()) * 10 >= 9 * max(1, len(known)):
            said = f"looks like numbers with a {what}: kept as text"
            return Typed({}, said, said)
    return Typed({}, _why_text(profile) if profile.column.form is Form.TEXT else "")


def _broken(profile: Profile, kind: ValueType) -> pl.Series:
    field = Field(column=profile.name, type=kind)
    found = coerce.convert(profile.column, field, "", coerce.Policy("omit", "reject"))
    broken = nowhere(len(profile.rows))
    for problem in found.problems:
        broken = broken | problem.broken
    return broken


def _why_text(profile: Profile) -> str:
    """Why values that are all digits stay text; "" for what is text anyway."""
    known = profile.known
    if not known.str.contains(r"^[0-9]+$").all():
        return ""
    if known.str.contains(_LEADING_ZERO).any():
        return "text: leading zeros stay"
    if int(known.str.len_bytes().max() or 0) > _DIGITS_EXACT:  # type: ignore[arg-type]
        return "text: every digit stays"
    return "text: a name in digits" if re.search("id|number|no|code|zip", profile.key) else ""
