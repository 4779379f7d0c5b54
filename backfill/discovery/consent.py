"""Who has opted out, as conditions on the columns that say so.

Rules
- Only `unsubscribed: true` is ever sent. A `false` from an old export would undo what another file,
  or the workspace itself, knows better.
- A mapping cannot turn yes into no: a column that says who is *in* becomes a condition for who is
  not, and the constant `unsubscribed: {value: true}`.
- A word that nobody knows counts as out: consent is not assumed. Where such words are common in a
  column of who is in, it is no yes or no, and becomes a question.
- A blank, or "never subscribed", is neither: absent consent is not an unsubscribe. It is counted,
  and said, for a decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from backfill.discovery.profile import Profile
from backfill.discovery.roles import Roles
from backfill.discovery.vocabulary import vocabulary
from backfill.filters import Where
from backfill.records import Form

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ALWAYS_NO = ("false", "no", "0")
_ALWAYS_YES = ("true", "yes", "1")

_TIME = r"[0-9]{4}|[0-9]{1,2}[/.-][0-9]{1,2}"

#: Of the values that are there, more unknown words than this share are no yes or no.
_UNKNOWN_SHARE_MAX = 0.2


@dataclass(frozen=True, slots=True)
class Consent:
    """What the columns of a file say of who is out.

    out:       condition for those who are; "" where no column tells.
    undecided: condition for those who are neither in nor out; "" where no column asks for consent.
    columns:   those that were read so. notes: how. confirms: what somebody has to decide.
    """

    out: str
    undecided: str
    columns: tuple[Profile, ...]
    notes: tuple[str, ...]
    confirms: tuple[str, ...]


def consent_of(roles: Roles) -> Consent:
    """What the columns of a file say of who is out."""
    outs, undecided, columns = list[str](), list[str](), list[Profile]()
    notes, confirms = list[str](), list[str]()
    consents = roles.all("opted_in") or roles.all("list_in")
    for profile, is_in in [
        *((one, False) for one in roles.all("opted_out", "bounced")),
        *((one, True) for one in consents),
    ]:
        if not profile.count:
            notes.append(f"{profile.name}: blank in every row looked at")
            columns.append(profile)
            continue
        read = _read(profile, is_in=is_in)
        if read is None:
            what = "what its values mean for consent is not known"
            confirms.append(f"{profile.name}: {what}; it stays an attribute, nobody is opted out")
            continue
        columns.append(profile)
        notes += read.notes
        confirms += read.confirms
        outs += [read.out] if read.out else []
        undecided += [read.undecided] if read.undecided else []
    neither = " AND ".join(undecided)
    if neither and len(columns) > 1:
        neither = f"{neither} AND NOT ({' OR '.join(outs)})" if outs else neither
    return Consent(" OR ".join(outs), neither, tuple(columns), tuple(notes), tuple(confirms))


def matching(condition: str, profiles: Iterable[Profile], height: int) -> pl.Series:
    """Whether each row that was looked at matches a condition."""
    columns = {profile.name: profile.column for profile in profiles}
    return Where(condition, "where").judge(columns, height).fill_null(False)


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


def _read(profile: Profile, *, is_in: bool) -> Consent | None:
    """One column; is_in: whether yes means in. None: its values are no yes or no."""
    if is_number(profile):
        return _numeric(profile, is_in=is_in)
    known, column = vocabulary().words, named(profile.name)
    words = profile.words
    of = {kind: sum(words.get(word, 0) for word in known[kind]) for kind in known}
    unknown = profile.count - of["yes"] - of["no"] - of["undecided"]
    if not words or unknown == profile.count:
        return _any_value(profile, is_in=is_in)
    if is_in and unknown > _UNKNOWN_SHARE_MAX * profile.count:
        return None
    kinds = ("yes", "undecided") if is_in else ("no", "undecided")
    spared = _forms(profile, *kinds, always=_ALWAYS_YES if is_in else _ALWAYS_NO)
    asked = _forms(profile, "undecided")
    confirms = []
    if unknown:
        flags = ~_folded(profile).is_in(list(known["yes"] | known["no"] | known["undecided"]))
        rows = profile.rows_where(flags.fill_null(False) & ~profile.column.is_blank)
        confirms.append(f"{profile.name}: {rows}: a word nobody knows, counted as opted out")
    meaning = "who is not in" if is_in else "who is out"
    note = f"{profile.name} tells {meaning}: every word but those listed"
    undecided = f"{column} IN ({quoted(('', *asked))})" if is_in else ""
    return Consent(
        f"{column} NOT IN ({quoted(('', *spared))})", undecided, (profile,), (note,),
        tuple(confirms),
    )  # fmt: skip


def _numeric(profile: Profile, *, is_in: bool) -> Consent | None:
    if not set(profile.words) <= {"0", "1", "0.0", "1.0"}:
        return None
    column, out = named(profile.name), 0 if is_in else 1
    undecided = f"{column} IS BLANK" if is_in else ""
    return Consent(f"{column} = {out}", undecided, (profile,), (f"{profile.name} = {out}",), ())


def _any_value(profile: Profile, *, is_in: bool) -> Consent | None:
    """A column of times or reasons: that something stands there is what it says."""
    column = named(profile.name)
    if is_in and not profile.known.str.contains(_TIME).all():
        return None
    if is_in:
        confirm = f"{profile.name}: taken for: in, where anything stands there"
        return Consent("", f"{column} IS BLANK", (profile,), (), (confirm,))
    note = f"{profile.name} tells who is out: whoever has anything there"
    return Consent(f"{column} IS NOT BLANK", "", (profile,), (note,), ())


def _forms(profile: Profile, *kinds: str, always: tuple[str, ...] = ()) -> list[str]:
    """The words of some kinds as the column writes them, and those to expect further in."""
    known = [word for kind in kinds for word in vocabulary().words[kind]]
    written = profile.known.filter(_folded(profile).drop_nulls().is_in(known))
    return list(dict.fromkeys([*always, *written.unique().sort()]))


def _folded(profile: Profile) -> pl.Series:
    return profile.column.text.str.strip_chars().str.to_lowercase()
