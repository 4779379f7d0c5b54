"""Streams of events: what happened, to whom, when, and what tells one from another."""

from __future__ import annotations

from backfill import trackapi
from backfill.discovery import attributes
from backfill.discovery.answers import status_of
from backfill.discovery.conditions import alive, condition
from backfill.discovery.draft import Context, Draft, Found, used_names
from backfill.discovery.kinds import own_id, singular_of, words_in
from backfill.discovery.profile import Profile
from backfill.discovery.roles import identifiers_of
from backfill.discovery.valuetypes import Typed, time_of
from backfill.discovery.vocabulary import snake, vocabulary
from backfill.discovery.yamltext import Line, flow, listing, scalar


def events(found: Found, context: Context) -> list[Draft]:
    """What happened to people."""
    draft = Draft("events", found.name, found)
    who = _person(draft)
    happened, told = _time(draft)
    living = alive(draft)
    condition(draft, found.where, living)
    name, by_name = _name(draft)
    options = {key: value for key, value in told.options.items() if key != "type"}
    key = _key(draft, happened)
    draft.lines += [
        Line("event:"),
        Line(f"  name: {name}"),
        Line(f"  timestamp: {attributes.field(happened.name, options)}", told.note),
        Line(f"  key: {key}"),
    ]
    _say_campaigns(draft, told, context.now_s)
    for profile in found.table.profiles.values():
        if status_of(profile):
            draft.confirm("has words for who is out: nobody is opted out by events", profile.name)
    used = used_names([*who, by_name, happened])
    attributes.add(draft, {}, used, {one.name: "see `where`" for one in _deleted(found, living)})
    return [draft]


def _deleted(found: Found, living: str) -> list[Profile]:
    return found.roles.all("deleted") if living else []


def _person(draft: Draft) -> list[Profile]:
    there = identifiers_of(draft.found.roles)
    draft.line("person: " + flow({kind: scalar(one.name) for kind, one in there.items()}))
    return list(there.values())


def _time(draft: Draft) -> tuple[Profile, Typed]:
    """The time of the events; what has none is rejected, so a choice is made and said."""
    found = draft.found
    readable = []
    for profile in found.roles.all("event_time", "created_at"):
        told = time_of(profile, order=found.order, zone=found.zone, guess=found.guess)
        if told.options:
            readable.append((profile, told))
    best = min(readable, key=lambda pair: (pair[0].blanks, bool(pair[1].misfits)), default=None)
    if best is None:
        profile = found.roles.all("event_time", "created_at")[0]
        draft.is_out = True
        draft.confirm("no times that are understood: which column has them?", profile.name)
        return profile, Typed({})
    profile, told = best
    draft.confirm(told.confirm, profile.name)
    return profile, told


def _name(draft: Draft) -> tuple[str, Profile | None]:
    """The events' name: of a column, or told by the file's name."""
    found = draft.found
    profile = found.roles.first("event_name")
    if profile is not None and profile.count:
        return flow({"column": scalar(profile.name)}), profile
    page = found.roles.first("page")
    if page is not None and words_in(found.stem) & vocabulary().file_words["pages"]:
        draft.line("action: page")
        return flow({"column": scalar(page.name)}), page
    name = found.part.event if found.part and found.part.event else _by_stem(found.stem)
    draft.confirm(f"the events are called {name}: does a campaign or segment know another name?")
    return f"{scalar(name)}  # CONFIRM: by the file's name", None


def _by_stem(stem: str) -> str:
    words = [word for word in snake(stem).split("_") if word and not word.isdigit()]
    return "_".join([*words[:-1], singular_of(words[-1])]) if words else "event"


def _key(draft: Draft, happened: Profile) -> str:
    """What tells events apart, so that sending one again does not count twice."""
    table, roles = draft.found.table, draft.found.roles
    if equal := table.equal_rows:
        draft.says.append(f"{equal}: the same in every column as one before.")
        draft.confirm(f"{equal}: one event each, not several?")
    own = [own_id(draft.found.stem, table), *roles.all("event_id")]
    for profile in own:
        if profile is not None and profile.is_unique and not profile.blanks:
            return f"{_column(profile.name)}  # unique in the rows looked at"
    near = roles.first("event_id")
    if near is not None and not near.blanks and near.distinct * 2 > near.count:
        repeats = near.repeats
        what = f"repeats in {repeats:,} rows: the key takes the time as well"
        draft.confirm(what, near.name)
        return listing([near.name, happened.name])
    draft.confirm("no column tells events apart: rows that are equal become one event")
    return "content  # rows that are equal are one event. CONFIRM"


def _column(name: str) -> str:
    """A key's column; `content` and `row` alone would mean something else."""
    return listing([name]) if name in ("content", "row") else scalar(name)


def _say_campaigns(draft: Draft, told: Typed, now_s: int) -> None:
    """Say what becomes of young events: the run stops, until somebody says what they may do."""
    hours = trackapi.CAMPAIGN_WINDOW_S // 3600
    young = 0
    if told.reading is not None:
        young = int((told.reading.seconds > now_s - trackapi.CAMPAIGN_WINDOW_S).sum())
    draft.says.append(
        f"`campaigns` is left out on purpose: an event younger than {hours} hours could start a"
        " campaign, so a run to a workspace stops before it sends one. `campaigns: refuse` rejects"
        " those, `hold` keeps them for a later run, `allow` sends them."
    )
    if young:
        draft.confirm(
            f"{young:,} events are younger than {hours} hours: a run stops; see campaigns"
        )
