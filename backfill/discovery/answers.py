"""What one column answers to "may this person be mailed?", as conditions on its values.

Rules
- Words are compared trimmed and without case; conditions list them as the column writes them.
- What stands for nothing ("-", NULL, never, 0000-00-00) is a blank, whatever the column asks.
- That a value stands there is an answer only where it is a time by the reader of a run, or where
  most rows are blank; and it is always a question for somebody.
- A word that is a plain no always counts, whatever else the column holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from backfill.columns import Column
from backfill.discovery.moments import readings
from backfill.discovery.profile import Profile
from backfill.discovery.vocabulary import vocabulary
from backfill.filters import Where
from backfill.records import Form

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ALWAYS_NO = ("false", "no", "0")
_ALWAYS_YES = ("true", "yes", "1")
#: What databases and spreadsheets write where there is no time, to be expected further in.
_NO_TIME = ("NULL", "null", "\\N", "-", "0000-00-00", "0000-00-00 00:00:00")

#: Days that stand for none: zero, and where the calendars of databases and spreadsheets begin.
_NO_DAY = (
    r"^((0000-00-00|0001-01-01|1899-12-30|1900-01-0[01]|1970-01-01)"
    r"|(00[./-]00[./-]0000|0?1[./-]0?1[./-](0001|1900|1970)|30[./]12[./]1899|12/30/1899))"
    r"([ t]0?0:00(:00([.,]0+)?)?( ?(z|utc|[+-]00:?00))?|[ ,]+12:00(:00)? am)?$"
)

#: Of the values that are there, more unknown words than this share are no yes or no.
_UNKNOWN_SHARE_MAX = 0.2

#: More different words than that are no status.
_STATUS_WORDS_MAX = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What one column says of who is out.

    out, undecided: conditions for those who are, and for those who are neither in nor out; "" for
    nobody. notes: how it was read. confirms: what somebody has to decide.
    """

    out: str
    undecided: str = ""
    notes: tuple[str, ...] = ()
    confirms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """bool a row: what its value is; all false where it is a cell of no characters."""

    yes: pl.Series
    no: pl.Series
    undecided: pl.Series
    times: pl.Series
    unknown: pl.Series


def answer_of(profile: Profile, *, is_in: bool) -> Answer | None:
    """One column; is_in: whether yes means in. None: its values are no yes or no."""
    if is_number(profile):
        return _numeric(profile, is_in=is_in)
    seen = _seen(profile, is_in=is_in)
    return _who_is_in(profile, seen) if is_in else _who_is_out(profile, seen)


def status_of(profile: Profile) -> Answer | None:
    """A column of words some of which say that somebody is out; None where none does."""
    known = vocabulary().words
    if profile.is_nested or is_number(profile) or len(profile.words) > _STATUS_WORDS_MAX:
        return None
    if not set(profile.words) & known["out"]:
        return None
    words = sorted(set(profile.words) & (known["out"] | known["out_too"]))
    flags = _folded(profile).is_in(words).fill_null(False)
    condition = f"{named(profile.name)} IN ({quoted(_forms(profile, flags))})"
    what = f"taken for opted out, {int(flags.sum()):,} of the rows looked at"
    confirm = f"{profile.name}: {what}: {', '.join(words)}. Nobody else is by this column"
    return Answer(condition, "", (f"{profile.name} has words for who is out",), (confirm,))


def blank_forms(profile: Profile) -> list[str]:
    """What stands for nothing in a column, as it is written there."""
    return _forms(profile, _seen(profile, is_in=False).undecided)


def is_number(profile: Profile) -> bool:
    """Whether a condition has to compare its values with numbers."""
    return profile.column.form is Form.TYPED and profile.column.dtype.is_numeric()


def named(name: str) -> str:
    """A column's name in a condition."""
    if _PLAIN_NAME.fullmatch(name) and Where(f"{name} = 'x'", "where").columns == {name}:
        return name
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def quoted(words: Iterable[str]) -> str:
    """Words as a list in a condition."""
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words)


def _seen(profile: Profile, *, is_in: bool) -> _Seen:
    folded, known, there = _folded(profile), vocabulary().words, ~profile.column.is_blank
    out = known["out"] | known["out_too"]
    words = {"yes": known["yes"], "no": known["no"] | out}
    if not is_in:  # "unsubscribed" is no yes or no to the column's name, it speaks for itself
        words = {"yes": (known["yes"] - known["in"]) | out, "no": (known["no"] - out) | known["in"]}
    stands_for_none = (folded == "") | folded.str.contains(_NO_DAY)
    yes, no, undecided = (
        flags.fill_null(False) & there
        for flags in (
            folded.is_in(list(words["yes"])),
            folded.is_in(list(words["no"])),
            folded.is_in(list(known["undecided"])) | stands_for_none,
        )
    )
    rest = there & ~yes & ~no & ~undecided
    times = _times(profile, rest)
    return _Seen(yes, no, undecided, times, rest & ~times)


def _times(profile: Profile, rest: pl.Series) -> pl.Series:
    """Which of some values are times, by the reader of a run."""
    if profile.column.dtype.is_temporal() or not rest.any():
        return rest
    text = profile.column.text.set(~rest, None)
    found = readings(Column("", text.to_arrow(), Form.TEXT), is_named_time=True)
    return rest & ~found[0].misfit if found else rest & False


def _who_is_out(profile: Profile, seen: _Seen) -> Answer | None:
    odd, timed, height = int(seen.unknown.sum()), int(seen.times.sum()), len(seen.yes)
    is_told = bool((seen.yes | seen.no).any()) or timed > 0
    if odd and not is_told and odd * 2 > height:
        return None
    confirms, note = [], "every word but those listed"
    if timed:
        note = "whoever has anything there but the words listed"
        what = f"whoever has a time there is opted out: {timed:,} of {height:,} rows looked at"
        confirms.append(f"{profile.name}: {what}")
    if odd and is_told:
        rows = profile.rows_where(seen.unknown)
        confirms.append(f"{profile.name}: {rows}: a word nobody knows, counted as opted out")
    elif odd:
        what = f"whoever has anything there is opted out: {odd:,} of {height:,} rows looked at"
        confirms.append(f"{profile.name}: {what}; its words are not known")
    always = (*_ALWAYS_NO, *_NO_TIME) if timed else _ALWAYS_NO
    spared = _forms(profile, seen.no | seen.undecided, always)
    condition = f"{named(profile.name)} NOT IN ({quoted(('', *spared))})"
    return Answer(condition, "", (f"{profile.name} tells who is out: {note}",), tuple(confirms))


def _who_is_in(profile: Profile, seen: _Seen) -> Answer | None:
    odd, timed = int(seen.unknown.sum()), int(seen.times.sum())
    if not timed and not (seen.yes | seen.no | seen.undecided).any():
        return None
    column = named(profile.name)
    undecided = f"{column} IN ({quoted(('', *_forms(profile, seen.undecided)))})"
    if timed or odd > _UNKNOWN_SHARE_MAX * profile.count:
        confirms = []
        if timed:
            what = f"taken for in, where a time stands there: {timed:,} of the rows looked at"
            confirms.append(f"{profile.name}: {what}")
        if odd:
            what = f"what its values mean for consent is not known in {odd:,} of the rows looked at"
            confirms.append(f"{profile.name}: {what}; nobody is opted out by those")
        if not seen.no.any():
            return Answer("", undecided, (), tuple(confirms))
        out = f"{column} IN ({quoted(_forms(profile, seen.no, _ALWAYS_NO))})"
        note = f"{profile.name} tells who is not in: the words listed"
        return Answer(out, undecided, (note,), tuple(confirms))
    confirm = f"{profile.name}: {profile.rows_where(seen.unknown)}: a word nobody knows,"
    spared = _forms(profile, seen.yes | seen.undecided, _ALWAYS_YES)
    return Answer(
        f"{column} NOT IN ({quoted(('', *spared))})", undecided,
        (f"{profile.name} tells who is not in: every word but those listed",),
        (f"{confirm} counted as opted out",) if odd else (),
    )  # fmt: skip


def _numeric(profile: Profile, *, is_in: bool) -> Answer | None:
    if not set(profile.words) <= {"0", "1", "0.0", "1.0"}:
        return None
    column, out = named(profile.name), 0 if is_in else 1
    undecided = f"{column} IS BLANK" if is_in else ""
    return Answer(f"{column} = {out}", undecided, (f"{profile.name} = {out}",))


def _forms(profile: Profile, flags: pl.Series, always: tuple[str, ...] = ()) -> list[str]:
    """The values of some rows as the column writes them, and those to expect further in."""
    written = profile.column.text.filter(flags).drop_nulls().unique().sort()
    return list(dict.fromkeys([*always, *written]))


def _folded(profile: Profile) -> pl.Series:
    return profile.column.text.str.strip_chars().str.to_lowercase()
