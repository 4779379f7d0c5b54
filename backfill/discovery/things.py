"""Streams of what people are tied to and what they own: objects, relationships, devices, merges."""

from __future__ import annotations

from collections.abc import Mapping

from backfill.discovery import attributes
from backfill.discovery.conditions import alive, condition
from backfill.discovery.draft import Context, Draft, Found, used_names
from backfill.discovery.kinds import object_id_of, singular_of, words_in
from backfill.discovery.people import created
from backfill.discovery.profile import Profile
from backfill.discovery.roles import identifiers_of
from backfill.discovery.valuetypes import time_of
from backfill.discovery.vocabulary import vocabulary
from backfill.discovery.yamltext import Line, flow, scalar
from backfill.trackapi import PersonKind


def object_of(found: Found) -> str:
    """What one of the objects of a file is called: "company", "deal"."""
    if found.part and found.part.object:
        return found.part.object
    if words_in(found.stem) & vocabulary().file_words["companies"]:
        return "company"
    hints = vocabulary().hints["companies"] & set(found.table.by_key)
    if "company_name" in found.table.by_key or len(hints) > 2:
        return "company"
    return singular_of(found.stem.casefold())


def objects(found: Found, context: Context) -> list[Draft]:
    """Companies, deals, … of a file."""
    draft = Draft("objects", found.name, found)
    by_id = object_id_of(found.stem, found.table, found.roles)
    assert by_id is not None, "kinds.py takes no file for objects without ids"
    word = object_of(found)
    number = context.objects[word]
    living = alive(draft)
    condition(draft, found.where, living)
    kind = flow({"type": f'"{number}"', "id": scalar(by_id.name)})
    note = f"the workspace's object type {number}: {word}. CONFIRM"
    draft.line(f"object: {kind}", note)
    draft.confirm(f'object type "{number}" of the workspace: is it that of {word}?')
    _say_ids(draft, by_id)
    made, at = created(draft)
    name = found.roles.first("object_name")
    is_sent = found.part is None or found.part.only is None
    if name is not None and name is not by_id and is_sent:
        made["name"] = Line(f"name: {scalar(name.name)}", "what the workspace shows")
        at.append(name)
    person, ties = _person(draft)
    gone = {one.name: "see `where`" for one in found.roles.all("deleted") if living}
    attributes.add(draft, made, used_names([by_id, *at, person]), gone)
    draft.lines += ties
    return [draft]


def _say_ids(draft: Draft, by_id: Profile) -> None:
    height, repeats = draft.found.table.row_count, by_id.repeats
    said = f"{repeats:,} repeats: the later row wins" if repeats else "unique"
    if equal := draft.found.table.equal_rows:
        said += f", and {equal}"
    draft.says.append(f"id: {by_id.name}, {said}, of {height:,} rows looked at")


def _person(draft: Draft) -> tuple[Profile | None, list[Line]]:
    """The people an object is tied to, where a column names one of them a row."""
    several = draft.found.roles.first("person_ids")
    if several is not None and several.count and several.known.str.contains("[;,]").any():
        draft.confirm("several people in one value; a relationship takes one", several.name)
        several = None
    profile = draft.found.roles.first("person_tie") or several
    if profile is None or not profile.count:
        return None, []
    return profile, [
        Line("relationships:"),
        Line(f"  - person: {flow({'id': scalar(profile.name)})}", "a blank id ties nobody"),
    ]


def relationships(found: Found, context: Context) -> list[Draft]:
    """Who belongs to which company."""
    draft = Draft("relationships", found.name, found)
    there, company = identifiers_of(found.roles), found.roles.first("company_id")
    assert company is not None, "kinds.py takes no file for relationships without companies"
    number = context.objects.get("company", 1)
    draft.line(_person_line(there))
    draft.line("action: add_relationships")
    draft.line("relationships:")
    ref = flow({"type": f'"{number}"', "id": scalar(company.name)})
    draft.line(f"  - object: {ref}", f"object type {number} of the workspace. CONFIRM")
    draft.confirm(f'object type "{number}" of the workspace: is it that of {company.name}?')
    rest = [one for one in found.table.profiles.values() if one not in (company, *there.values())]
    if rest:
        draft.line("    attributes:")
        draft.lines += [Line(f"      {scalar(one.key)}: {scalar(one.name)}") for one in rest]
    return [draft]


def devices(found: Found, context: Context) -> list[Draft]:  # noqa: ARG001 - one shape for all kinds
    """Push tokens."""
    draft = Draft("devices", found.name, found)
    there, token = identifiers_of(found.roles), found.roles.first("token")
    platform = next(p for p in found.roles.all("platform") if {"ios", "android"} & set(p.words))
    assert token is not None, "kinds.py takes no file for devices without tokens"
    draft.line(_person_line(there))
    parts = {"token": scalar(token.name), "platform": scalar(platform.name)}
    used = [*there.values(), token, platform]
    for profile in found.roles.all("last_used"):
        told = time_of(profile, order=found.order, zone=found.zone, guess=found.guess)
        if told.options and not told.misfits:
            options = {key: value for key, value in told.options.items() if key != "type"}
            parts["last_used"] = attributes.field(profile.name, options)
            draft.confirm(told.confirm, profile.name)
            used.append(profile)
            break
    draft.line(f"device: {flow(parts)}")
    attributes.add(draft, {}, used_names(used))
    return [draft]


def _person_line(there: Mapping[PersonKind, Profile]) -> str:
    return "person: " + flow({kind: scalar(one.name) for kind, one in there.items()})


def merges(found: Found, context: Context) -> list[Draft]:  # noqa: ARG001 - one shape for all kinds
    """People who were found to be one."""
    draft = Draft("merges", found.name, found)
    kept, merged = found.roles.first("kept"), found.roles.first("merged")
    assert kept is not None, "kinds.py takes no file for merges without both sides"
    assert merged is not None, "kinds.py takes no file for merges without both sides"
    sides = {
        side: flow({"email" if one.are_emails else "id": scalar(one.name)})
        for side, one in (("primary", kept), ("secondary", merged))
    }
    draft.line(f"merge: {flow(sides)}", "CONFIRM the direction")
    draft.says.append(
        "Irreversible: `secondary` is folded into `primary` and deleted. Last, when both are there."
    )
    draft.confirm(f"{merged.name} is folded into {kept.name} and deleted: is that the direction?")
    return [draft]
