"""`where:` of a stream: rows of a part, and rows that were deleted in the system they come from."""

from __future__ import annotations

from backfill.discovery.answers import blank_forms, is_number, named, quoted
from backfill.discovery.consent import matching
from backfill.discovery.draft import Draft, Found, percent
from backfill.discovery.profile import Profile
from backfill.discovery.vocabulary import vocabulary
from backfill.discovery.yamltext import folded


def condition(draft: Draft, *conditions: str) -> None:
    """Add `where:` of all the conditions; "" is none."""
    given = [one for one in conditions if one]
    if not given:
        return
    parts = [f"({one})" if len(given) > 1 and " OR " in one else one for one in given]
    draft.lines += folded("where", " AND ".join(parts), 4)


def living_of(found: Found) -> str:
    """A condition for rows of what was not deleted; "" where no column says so."""
    conditions = []
    for profile in found.roles.all("deleted"):
        if not profile.count:
            continue
        words, flags = set(profile.words), vocabulary().words
        if is_number(profile):
            conditions.append(f"({named(profile.name)} = 0 OR {named(profile.name)} IS BLANK)")
        elif words and words <= flags["yes"] | flags["no"]:
            spared = dict.fromkeys(["", "false", "no", "0", *_written(profile, "no")])
            conditions.append(f"{named(profile.name)} IN ({quoted(spared)})")
        elif forms := [*blank_forms(profile), *_written(profile, "no")]:
            conditions.append(f"{named(profile.name)} IN ({quoted(('', *forms))})")
        else:
            conditions.append(f"{named(profile.name)} IS BLANK")
    for profile in found.roles.all("status"):
        if forms := _written(profile, "deleted"):
            conditions.append(f"{named(profile.name)} NOT IN ({quoted(forms)})")
    return " AND ".join(conditions)


def alive(draft: Draft) -> str:
    """The condition of `living_of`, and the words for it."""
    found = draft.found
    _say_archived(draft)
    living = living_of(found)
    if not living:
        return ""
    height = found.table.row_count
    count = height - int(matching(living, found.table.profiles.values(), height).sum())
    draft.says.append(
        f"`where` leaves out what was deleted: {percent(count, height)} rows looked at."
    )
    if count:
        draft.confirm(f"deleted, and left out by `where`: {count:,} of the rows looked at")
    return living


def _say_archived(draft: Draft) -> None:
    words = vocabulary().words
    for role, meant in (
        ("archived", words["archived"] | words["yes"]),
        ("status", words["archived"]),
    ):
        for profile in draft.found.roles.all(role):
            count = sum(n for word, n in profile.words.items() if word in meant)
            if count:
                what = f"archived or inactive, and sent: {count:,} of the rows looked at"
                draft.confirm(f"{what}, unless `where` leaves them out", profile.name)


def _written(profile: Profile, kind: str) -> list[str]:
    """The words of a kind as the column writes them."""
    known = vocabulary().words[kind]
    if not set(profile.words) & known:
        return []
    folded_words = profile.known.str.strip_chars().str.to_lowercase()
    found: list[str] = profile.known.filter(folded_words.is_in(list(known))).unique().to_list()
    return sorted(found)
