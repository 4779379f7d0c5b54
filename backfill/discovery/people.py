"""Streams of people: who they are, who is out, who must not come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backfill.discovery import attributes
from backfill.discovery.conditions import alive, condition, living_of
from backfill.discovery.consent import Consent, consent_of, matching
from backfill.discovery.draft import Context, Draft, Found, percent, used_names
from backfill.discovery.kinds import person_id_of
from backfill.discovery.profile import Profile
from backfill.discovery.roles import identifiers_of, likely_ids
from backfill.discovery.valuetypes import time_of
from backfill.discovery.yamltext import Line, flow, listing, scalar, shown
from backfill.trackapi import PersonKind

_UNSUBSCRIBED = (Line("attributes:"), Line("  unsubscribed: {value: true}"))


def people(found: Found, context: Context) -> list[Draft]:
    """The people of a file, before them those who are out, by the same identifiers."""
    consent = consent_of(found.table, found.roles)
    main = Draft("people", found.name, found)
    drafts = [_out(found, consent), main] if consent.out else [main]
    main.consent = used_names(consent.columns)
    for what in consent.confirms:
        drafts[0].confirm(what)
    who = _identified(main)
    living = alive(main)
    condition(main, found.where, living)
    _updated(main, who)
    outs = found.roles.all("opted_out", "bounced")
    gone = {one.name: "`unsubscribed` says it, above" for one in consent.columns if one in outs}
    gone |= {one.name: "see `where`" for one in found.roles.all("deleted") if living}
    _attributes(main, context, who, gone)
    _lists(main)
    if consent.out:
        _keep_creation(main, drafts[0])
    return [*drafts[:-1], *_undecided(main, consent), main]


def opted_out(found: Found, context: Context) -> list[Draft]:
    """A file of people every one of whom is out."""
    draft = Draft("opted_out", found.name, found)
    who = _identified(draft)
    draft.says.append(
        "Everyone in this file becomes unsubscribed, and is created where missing: an address that"
        " comes later by another file must not be mailable for a moment."
    )
    draft.says.append(
        "Not suppressed: `action: suppress` would delete the person and block the identifier."
    )
    condition(draft, found.where)
    _attributes(draft, context, who, {}, Line("unsubscribed: {value: true}"))
    draft.confirm("everyone in it becomes unsubscribed: is it a list of people who are out?")
    return [draft]


def not_opted_in(found: Found, context: Context) -> list[Draft]:
    """A file of people nobody of whom has agreed to anything."""
    drafts = people(found, context)
    drafts[-1].says.append(
        "Nobody here has opted in. That is no unsubscribe; yet nothing keeps campaigns from them."
        " DECIDE: leave the stream out, or add  unsubscribed: {value: true}  to its attributes."
    )
    drafts[-1].confirm("nobody in it has opted in: leave the stream out, or make them unsubscribed")
    return drafts


def erased(found: Found, context: Context) -> list[Draft]:  # noqa: ARG001 - one shape for all kinds
    """A file of people who must not come back."""
    draft = Draft("erased", found.name, found)
    _identified(draft)
    draft.line("action: suppress", "CONFIRM: deletes the person and blocks the identifier")
    draft.says.append(
        "Who asked to be erased must not come back, so this stands first. CONFIRM that it is a list"
        " of erasures: `suppress` deletes the people in it and blocks their identifiers. For people"
        " who only opted out, say instead:  attributes: {unsubscribed: {value: true}}"
    )
    draft.confirm("`suppress` deletes everyone in it and blocks them: is it a list of erasures?")
    return [draft]


def _out(found: Found, consent: Consent) -> Draft:
    """Those of a file of people who are out."""
    draft = Draft("opted_out", f"{found.name}_opted_out", found)
    _identified(draft, is_quiet=True)
    height = found.table.row_count
    count = int(matching(consent.out, found.table.profiles.values(), height).sum())
    draft.says.append(
        f"Who opted out, before anything else is sent of them: {percent(count, height)} rows looked"
        " at. Only `true` is ever sent, so nothing here takes back an unsubscribe the workspace or"
        " another file knows of."
    )
    draft.says += consent.notes
    if count * 2 > height:
        draft.confirm(
            f"more than half become unsubscribed: {percent(count, height)} rows looked at"
        )
    condition(draft, found.where, consent.out, living_of(found))
    draft.lines += _UNSUBSCRIBED
    return draft


def _identified(draft: Draft, *, is_quiet: bool = False) -> list[Profile]:
    """Add `person:`; gives the columns that name people."""
    found = draft.found
    by_id = person_id_of(found.stem, found.table, found.roles)
    if found.verdict.kind in ("erased", "opted_out") and found.roles.first("email"):
        by_id = None  # `id` may number the list
    there = identifiers_of(found.roles, by_id)
    draft.line("person: " + flow({kind: scalar(one.name) for kind, one in there.items()}))
    if not is_quiet:
        _say_identifiers(draft, there)
    return list(there.values())


def _say_identifiers(draft: Draft, there: Mapping[PersonKind, Profile]) -> None:
    found, height = draft.found, draft.found.table.row_count
    for kind, profile in there.items():
        said = []
        said += [f"blank in {profile.blanks:,}"] if profile.blanks else []
        said += [f"{profile.repeats:,} repeats"] if profile.repeats else ["unique"]
        draft.says.append(f"{kind}: {profile.name}, {', '.join(said)} of {height:,} rows looked at")
    if equal := found.table.equal_rows:
        draft.says.append(f"{equal}: the same in every column as one before.")
    if "id" not in there and found.verdict.kind == "people":
        for profile in likely_ids(found.table, found.roles):
            name = shown(profile.name)
            draft.confirm(f"{name} looks like an id: person: {{id: {scalar(profile.name)}}}?")
    if "phone" in there:
        draft.confirm("the workspace must take phone numbers for identifiers", there["phone"].name)
    by_id, email = there.get("id"), there.get("email")
    if by_id is not None and found.export and found.export.own_id:
        what = f"{found.export.vendor}'s own id; if your app knows people by another, take that one"
        draft.confirm(what, by_id.name)
    if by_id and by_id.is_unique and email and email.repeats:
        what = "one address under several ids: a workspace that tells people by email takes one"
        draft.confirm(what, email.name)


def _updated(draft: Draft, who: list[Profile]) -> None:
    """Add `timestamp:` where people come more than once and a column orders their rows."""
    found = draft.found
    profile = found.roles.first("updated_at")
    repeats = who[0].repeats
    if not repeats:
        return
    told = time_of(profile, order=found.order, zone=found.zone) if profile else None
    if profile is None or told is None or not told.options:
        draft.says.append(
            f"{repeats:,} rows name people that came before, and no column orders them: sent in the"
            " file's order, which the server may not keep."
        )
        draft.confirm(f"{repeats:,} repeats of {who[0].name}, and no column says which is later")
        return
    draft.says.append(
        f"`timestamp` puts the {repeats:,} repeats of people in order. The trap: what is older than"
        " the profile's attributes is dropped by the server without a word. Into a workspace that"
        " knows these people, keep one row a person and take `timestamp` out."
    )
    draft.confirm(told.confirm, profile.name)
    draft.confirm(f"`timestamp: {profile.name}`: in a workspace that knows newer, rows are dropped")
    options = {key: value for key, value in told.options.items() if key != "type"}
    note = f"{told.misfits}: no time; rejected until mended" if told.misfits else ""
    draft.line(f"timestamp: {attributes.field(profile.name, options)}", note or told.note)


def created(draft: Draft, *, on_error: str = "") -> tuple[dict[str, Line], list[Profile]]:
    """The line of `created_at` and the column it takes; a word where there is none."""
    found = draft.found
    for profile in found.roles.all("created_at"):
        told = time_of(profile, order=found.order, zone=found.zone, guess="")
        if not told.options:
            continue
        if told.reading is not None and "cannot be told" in told.confirm:
            what = "day and month cannot be told apart: no created_at, all would look created today"
            draft.confirm(what, profile.name)
            continue
        draft.confirm(told.confirm, profile.name)
        line = attributes.time_line("created_at", profile, told, on_error)
        return {"created_at": line}, [profile]
    is_told = any("created_at" in what for what in draft.open)
    if draft.kind == "people" and not is_told:
        draft.confirm("no created_at: all people would look created today")
    return {}, []


def _attributes(
    draft: Draft, context: Context, who: list[Profile], gone: dict[str, str], *first: Line
) -> None:
    lines = {line.text.split(":")[0]: line for line in first}
    made, at = created(draft)
    ties, tied = _ties(draft, context)
    attributes.add(draft, lines | made, used_names([*who, *at, *tied]), gone)
    draft.lines += ties


def _ties(draft: Draft, context: Context) -> tuple[list[Line], list[Profile]]:
    """`relationships:` to the companies of the job, and the column they take."""
    profile = draft.found.roles.first("company_id")
    number = context.objects.get("company")
    if profile is None or not profile.count or draft.kind != "people":
        return [], []
    if profile.known.str.contains("[;,]").any():
        draft.confirm("several ids in one value; a relationship takes one", profile.name)
        return [], []
    if number is None:
        draft.says.append(
            f"{profile.name} may tie people to companies; no file of companies was given, so it is"
            " an attribute."
        )
        return [], []
    known = context.ids.get("company", frozenset())
    meeting = int(profile.known.is_in(list(known)).sum()) if known else 0
    note = f"{percent(meeting, profile.count)} ids are among those of the companies looked at"
    if not meeting and draft.found.sample.is_whole:
        draft.confirm("no id of a company that was looked at: an attribute, no tie", profile.name)
        return [], []
    if meeting * 2 < profile.count:
        draft.confirm(f"only {note}", profile.name)
    kind = flow({"type": f'"{number}"', "id": scalar(profile.name)})
    return [Line("relationships:"), Line(f"  - object: {kind}", note)], [profile]


def _keep_creation(main: Draft, out: Draft) -> None:
    """Let the stream of those who are out say when people were created, where it must.

    It creates them, and the server then takes them for created today; what `timestamp` dates
    before today could not change that any more.
    """
    if any(line.text.startswith("timestamp:") for line in main.lines):
        made, _ = created(out, on_error="omit")
        out.lines += [replace(line, text=f"  {line.text}", note="") for line in made.values()]


def _undecided(main: Draft, consent: Consent) -> list[Draft]:
    """Those who are neither in nor out: as a comment, a stream that would make them out."""
    found, height = main.found, main.found.table.row_count
    if not consent.undecided:
        return []
    count = int(matching(consent.undecided, found.table.profiles.values(), height).sum())
    if not count:
        return []
    main.confirm(f"neither opted in nor out, and reachable: {count:,} of the rows looked at")
    draft = Draft("opted_out", f"{found.name}_undecided", found, is_out=True)
    draft.says.append(
        f"DECIDE: {percent(count, height)} rows looked at are neither in nor out. Absent consent"
        " is no unsubscribe, so nothing is set for them, and campaigns can reach them, unless a"
        " segment asks for consent. This stream would make them unsubscribed:"
    )
    _identified(draft, is_quiet=True)
    condition(draft, found.where, consent.undecided, living_of(found))
    draft.lines += _UNSUBSCRIBED
    return [draft]


def _lists(draft: Draft) -> None:
    """Say how columns of single lists become subscription preferences."""
    if profiles := draft.found.roles.all("list_out"):
        draft.says.append(
            f"{listing(one.name for one in profiles)}: out of one list each. To keep that, make a"
            " topic of each list in the workspace and add, for each, a stream of the same source"
            " and person with a `where` for those who are out and  attributes:"
            " {cio_subscription_preferences.topics.topic_1: {value: false}}"
        )
