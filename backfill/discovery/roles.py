"""What each column of a file is for: by the export it was recognised as, else by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backfill.discovery.moments import readings
from backfill.discovery.profile import Profile, Table
from backfill.discovery.vocabulary import vocabulary
from backfill.trackapi import PersonKind

#: Columns of one list each: "Opted out of email: Product news", "hs_email_optout_12345".
_LIST_PREFIXES = ("opted_out_of_email_", "hs_email_optout_")

#: Fewer rows tell nothing of whether a column is unique by chance.
_ID_ROWS_MIN = 10
_LIKE_AN_ID = r"^[A-Za-z_-]*[0-9][A-Za-z0-9_-]{0,63}$"


@dataclass(frozen=True)
class Roles:
    """The columns of each role, the most telling first."""

    of: Mapping[str, Sequence[Profile]]

    def first(self, *roles: str) -> Profile | None:
        """The first column of the first of the roles that has one."""
        return next((found[0] for role in roles if (found := self.of.get(role))), None)

    def all(self, *roles: str) -> list[Profile]:
        """Every column of these roles."""
        return [profile for role in roles for profile in self.of.get(role, ())]


def identifiers_of(roles: Roles, by_id: Profile | None = None) -> dict[PersonKind, Profile]:
    """The columns that name people, by kind; a phone number only where nothing else does.

    by_id: the column of ids, where its name does not tell.
    """
    found: dict[PersonKind, Profile] = {}
    ident, email = by_id or roles.first("person_id"), roles.first("email")
    if ident is not None and ident is not email and ident.count and not ident.is_nested:
        found["id"] = ident
    if email is not None:
        found["email"] = email
    phone = roles.first("phone")
    if not found and phone is not None and phone.are_e164:
        found["phone"] = phone
    return found


def roles_of(table: Table, told: Mapping[str, str]) -> Roles:
    """The roles of a table's columns.

    told: what the export says of columns, by their names in snake_case; others go by their names.
    """
    found: dict[str, list[Profile]] = {}
    for key, role in told.items():
        if profile := table.by_key.get(key):
            found.setdefault(role, []).append(profile)
    for role, names in vocabulary().roles.items():
        by_name = [table.by_key[n] for n in names if n in table.by_key and n not in told]
        found.setdefault(role, []).extend(p for p in by_name if _may_be(role, p))
    found["list_out"] = [
        profile
        for profile in table.profiles.values()
        if profile.key.startswith(_LIST_PREFIXES) and profile.key not in told
    ]
    numbers = [p for key, p in table.by_key.items() if key not in told and _is_number_of_person(p)]
    found["person_id"] += [p for p in numbers if p not in found["person_id"]]
    if not found["email"]:
        found["email"] = _addresses(table, told)
    return Roles(found)


def likely_ids(table: Table, roles: Roles) -> list[Profile]:
    """Columns without a use that tell rows apart and are written like ids."""
    used = {profile.name for found in roles.of.values() for profile in found}
    return [
        profile
        for profile in table.profiles.values()
        if profile.name not in used
        and not vocabulary().name_words["no_ids"] & set(profile.key.split("_"))
        and profile.count >= _ID_ROWS_MIN
        and profile.blanks * 100 <= table.row_count
        and profile.repeats * 100 <= profile.count
        and not profile.is_nested
        and bool(profile.known.str.contains(_LIKE_AN_ID).all())
        and not readings(profile.column, is_named_time=True)
    ]


def _is_number_of_person(profile: Profile) -> bool:
    """Whether its name is "customer" and "number", in words that many use."""
    words, bare = vocabulary().name_words, profile.key.replace("_", "")
    if profile.is_nested or profile.are_e164:
        return False
    return any(
        bare.startswith(who) and bare.removeprefix(who) in words["number"] for who in words["who"]
    )


def _may_be(role: str, profile: Profile) -> bool:
    """Whether the values are not against what the name says."""
    if profile.is_nested:
        return False
    if role == "email":
        holding = int(profile.known.str.contains("@", literal=True).sum())
        return holding * 2 >= profile.count
    if role == "opted_in":
        return not profile.are_emails
    return True


def _addresses(table: Table, told: Mapping[str, str]) -> list[Profile]:
    """The one column whose values are addresses, whatever it is called."""
    found = [
        profile
        for profile in table.profiles.values()
        if profile.key not in told and not profile.is_nested and profile.are_emails
    ]
    return found if len(found) == 1 else []
