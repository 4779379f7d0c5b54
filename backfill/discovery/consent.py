"""Who has opted out, as conditions on the columns that say so.

Rules
- Only `unsubscribed: true` is ever sent. A `false` from an old export would undo what another file,
  or the workspace itself, knows better.
- A mapping cannot turn yes into no: a column that says who is *in* becomes a condition for who is
  not, and the constant `unsubscribed: {value: true}`.
- Columns of consent are found by their names; any other one by words that say "unsubscribed".
- A word that nobody knows counts as out: consent is not assumed. Where such words are common in a
  column of who is in, those that are known count, and the others become a question.
- A blank, or "never subscribed", is neither: absent consent is not an unsubscribe. It is counted,
  and said, for a decision.
- No column that looks like consent is passed over without a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from backfill.discovery.answers import Answer, answer_of, status_of
from backfill.discovery.profile import Profile, Table
from backfill.discovery.roles import Roles
from backfill.discovery.vocabulary import vocabulary
from backfill.filters import Where


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


def consent_of(table: Table, roles: Roles) -> Consent:
    """What the columns of a file say of who is out."""
    answers, columns = list[Answer](), list[Profile]()
    notes, confirms, asked = list[str](), list[str](), list[Profile]()
    consents = roles.all("opted_in") or roles.all("list_in")
    for profile, is_in in [
        *((one, False) for one in roles.all("opted_out", "bounced")),
        *((one, True) for one in consents),
    ]:
        asked.append(profile)
        if not profile.count:
            notes.append(f"{profile.name}: blank in every row looked at")
            columns.append(profile)
        elif answer := answer_of(profile, is_in=is_in):
            columns.append(profile)
            answers.append(answer)
            if profile in roles.all("list_in"):
                confirms += _of_one_list(profile, answer, table)
        else:
            what = "what its values mean for consent is not known"
            confirms.append(f"{profile.name}: {what}; it stays an attribute, nobody is opted out")
    for profile in _others(table, roles, asked):
        if not _is_of_a_channel(profile) and (answer := status_of(profile)):
            columns.append(profile)
            answers.append(answer)
        elif _sounds_like_consent(profile) and profile not in roles.all("attribute"):
            confirms.append(f"{profile.name}: may say who is out: nobody is opted out by it")
    return _together(answers, columns, notes, confirms)


def matching(condition: str, profiles: Iterable[Profile], height: int) -> pl.Series:
    """Whether each row that was looked at matches a condition."""
    columns = {profile.name: profile.column for profile in profiles}
    return Where(condition, "where").judge(columns, height).fill_null(False)


def _together(
    answers: list[Answer], columns: list[Profile], notes: list[str], confirms: list[str]
) -> Consent:
    outs = [one.out for one in answers if one.out]
    neither = " AND ".join(one.undecided for one in answers if one.undecided)
    if neither and len(columns) > 1:
        neither = f"{neither} AND NOT ({' OR '.join(outs)})" if outs else neither
    notes = [*notes, *(note for one in answers for note in one.notes)]
    confirms = [*confirms, *(what for one in answers for what in one.confirms)]
    return Consent(" OR ".join(outs), neither, tuple(columns), tuple(notes), tuple(confirms))


def _of_one_list(profile: Profile, answer: Answer, table: Table) -> list[str]:
    """The question whether no to one list is no to everything."""
    if not answer.out:
        return []
    count = int(matching(answer.out, [profile], table.row_count).sum())
    what = f"{profile.name} = no becomes a global unsubscribe for {count:,} people"
    return [f"{what} of the rows looked at: is it meant so?"]


def _others(table: Table, roles: Roles, asked: list[Profile]) -> list[Profile]:
    """Columns that hold something and were not asked, nor have another use that is pointed out."""
    known = {"email", "person_id", "phone", "created_at", "updated_at", "deleted"}
    pointed_out = {"other_channel", "list_out", "list_in"}
    used = [*asked, *roles.all(*known, *pointed_out)]
    names = {profile.name for profile in used}
    return [one for one in table.profiles.values() if one.name not in names and one.count]


def _is_of_a_channel(profile: Profile) -> bool:
    """Whether its name says that it is about something else than email."""
    return bool(vocabulary().name_words["channels"] & set(profile.key.split("_")))


def _sounds_like_consent(profile: Profile) -> bool:
    return any(stem in profile.key for stem in vocabulary().name_words["consent"])
