"""What the rows of a file are: people, companies, events, devices, … and how sure that is.

"certain": the columns of a known export, or columns that mean one thing only; "likely": columns or
the file's name say it, and the values agree; "a guess": little says so. What nothing says stays
unknown, and becomes a question.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from backfill.discovery.profile import Profile, Table
from backfill.discovery.roles import Roles, identifiers_of
from backfill.discovery.vocabulary import StreamKind, vocabulary

Sureness = Literal["certain", "likely", "a guess"]

#: A list of addresses has a few columns about each; a list of people many.
_LIST_COLUMNS_MAX = 8
_TIE_COLUMNS_MAX = 6


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is. why: one clause, names of columns and counts only."""

    kind: StreamKind
    sure: Sureness
    why: str


def kind_of(stem: str, table: Table, roles: Roles) -> Verdict:
    """What the rows of a file are.

    stem: the file's name without its ending.
    """
    for rule in _RULES:
        if verdict := rule(_Seen(stem, table, roles)):
            return verdict
    return Verdict("unknown", "a guess", "neither the columns nor the name say what a row is")


@dataclass(frozen=True, slots=True)
class _Seen:
    stem: str
    table: Table
    roles: Roles

    def says(self, words: str) -> bool:
        """Whether the file's name holds one of those words."""
        return bool(words_in(self.stem) & vocabulary().file_words[words])

    def hints(self, kind: str) -> list[str]:
        known = vocabulary().hints[kind]
        return [profile.name for key, profile in self.table.by_key.items() if key in known]

    @property
    def person(self) -> Profile | None:
        return next(iter(identifiers_of(self.roles).values()), None)

    @property
    def width(self) -> int:
        return len(self.table.profiles)


def words_in(stem: str) -> set[str]:
    """The words of a file's name, and each two of them in a row: "do_not" and "not_contact"."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", stem).casefold()
    words = [word for word in re.split(r"[\W\d_]+", spaced) if word]
    runs = [words[i : i + n] for n in (1, 2, 3) for i in range(len(words) - n + 1)]
    return {"_".join(run) for run in runs}


def _merges(seen: _Seen) -> Verdict | None:
    kept, merged = seen.roles.first("kept"), seen.roles.first("merged")
    if kept is None or merged is None or kept is merged or seen.width > _TIE_COLUMNS_MAX:
        return None
    sure: Sureness = "certain" if seen.says("merges") else "likely"
    return Verdict("merges", sure, f"has columns {kept.name} and {merged.name}")


def _devices(seen: _Seen) -> Verdict | None:
    token, platform = seen.roles.first("token"), _platform(seen)
    if token is None or seen.person is None or (platform is None and not seen.says("devices")):
        return None
    if platform is None:
        return None  # the API takes no device without
    why = f"has columns {token.name} and {platform.name}, whose values are ios and android"
    return Verdict("devices", "certain" if token.is_unique else "likely", why)


def _platform(seen: _Seen) -> Profile | None:
    for profile in seen.roles.all("platform"):
        of_known = sum(n for word, n in profile.words.items() if word in ("ios", "android"))
        if of_known * 2 > profile.count:
            return profile
    return None


def _lists(seen: _Seen) -> Verdict | None:
    """Files whose name says that the people in them are out."""
    if seen.person is None or seen.roles.first("event_name"):
        return None
    kinds: tuple[tuple[StreamKind, str], ...] = (
        ("erased", "people erased"),
        ("not_opted_in", "people who have not opted in"),
        ("opted_out", "people who are out"),
    )
    for kind, what in kinds:
        is_narrow = seen.width <= _LIST_COLUMNS_MAX and len(seen.hints("people")) < 3
        if seen.says(kind) and (is_narrow or kind != "erased"):
            why = f"the name says {what}; has column {seen.person.name}"
            return Verdict(kind, "likely", why)
    return None


def _events(seen: _Seen) -> Verdict | None:
    person, name = seen.person, seen.roles.first("event_name")
    time = seen.roles.first("event_time", "created_at")
    key = seen.roles.first("event_id")
    if person is None or time is None:
        return None
    columns = f"has columns {person.name} and {time.name}"
    if name is not None and not name.is_unique:
        sure: Sureness = "certain" if key else "likely"
        return Verdict("events", sure, f"{columns}, and {name.name} that names what happened")
    if seen.says("events"):
        return Verdict("events", "likely", f"the name says so; {columns}")
    if key is not None and not person.is_unique and len(seen.hints("people")) < 3:
        why = f"{columns}, where a person comes more than once, and {key.name}"
        return Verdict("events", "likely", why)
    return None


def _relationships(seen: _Seen) -> Verdict | None:
    person, company = seen.person, seen.roles.first("company_id")
    if person is None or company is None or seen.width > _TIE_COLUMNS_MAX:
        return None
    if len([h for h in seen.hints("people") if h not in ("title", "job_title")]) > 1:
        return None
    if seen.says("people") and seen.roles.first("email"):
        return None
    why = f"has columns {person.name} and {company.name} and little else"
    return Verdict("relationships", "likely", why)


def _objects(seen: _Seen) -> Verdict | None:
    hints, name = seen.hints("companies"), seen.roles.first("object_name")
    key = object_id_of(seen.stem, seen.table, seen.roles)
    if key is None or len(seen.hints("people")) > max(2, len(hints) + 1):
        return None
    email = seen.roles.first("email")
    if email is not None and not seen.says("companies"):
        return None
    if not (hints or seen.says("companies")) or (name is None and len(hints) < 2):
        return None
    unique = "ids unique" if key.is_unique else "ids come more than once"
    said = ", ".join((hints or [key.name])[:3])
    sure: Sureness = "certain" if seen.says("companies") and len(hints) > 1 else "likely"
    return Verdict("objects", sure, f"has columns {said}; {unique}")


def _people(seen: _Seen) -> Verdict | None:
    person = seen.person
    if person is None and seen.says("people"):
        person = person_id_of(seen.stem, seen.table, seen.roles)
    if person is None:
        return None
    hints = seen.hints("people")
    unique = f"{person.name} unique" if person.is_unique else f"{person.name} comes more than once"
    if len(hints) > 1 or seen.says("people"):
        sure: Sureness = "certain" if len(hints) > 1 and seen.roles.first("email") else "likely"
        said = ", ".join([person.name, *(h for h in hints if h != person.name)][:4])
        return Verdict("people", sure, f"has columns {said}; {unique}")
    if seen.roles.first("email") or seen.roles.first("phone") is person:
        return Verdict("people", "a guess", f"has column {person.name}, and nothing says otherwise")
    return None


def person_id_of(stem: str, table: Table, roles: Roles) -> Profile | None:
    """The column of a file of people that holds their ids."""
    return roles.first("person_id") or own_id(stem, table)


def object_id_of(stem: str, table: Table, roles: Roles) -> Profile | None:
    """The column of a file of objects that holds their ids."""
    return roles.first("object_id") or own_id(stem, table) or roles.first("company_id")


def own_id(stem: str, table: Table) -> Profile | None:
    """`id`, or the id that goes by the file's name: `deal_id` in deals.csv."""
    singular = {singular_of(word) for word in words_in(stem)}
    named = [f"{word}_id" for word in singular]
    found = [table.by_key[key] for key in (*named, "id", "record_id") if key in table.by_key]
    return next((profile for profile in found if not profile.is_nested), None)


def singular_of(word: str) -> str:
    """An English word in the singular, as far as endings tell."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "ches", "shes", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


_RULES: tuple[Callable[[_Seen], Verdict | None], ...] = (
    _merges,
    _devices,
    _lists,
    _events,
    _relationships,
    _objects,
    _people,
)
