"""`attributes:` of a stream: a line a column, its type and what there is to say of it.

A file of up to EXPLICIT_MAX columns gets a list, which can be read; a wider one "*" with the
columns that need a word. What looks like a secret, or belongs to a special category, is left out
until somebody writes it back; other personal data is pointed out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from backfill import trackapi
from backfill.discovery.draft import Draft
from backfill.discovery.personal import VALUES_MAX, personal
from backfill.discovery.profile import Profile
from backfill.discovery.valuetypes import Typed, typed
from backfill.discovery.vocabulary import Personal
from backfill.discovery.yamltext import Line, flow, listing, scalar

EXPLICIT_MAX = 60

#: Attributes that have a type of their own, and so take no column by its mere name.
_OWN_TYPE = ("created_at", "unsubscribed", "cio_subscription_preferences")
_EVENT_KINDS = ("events", "devices")


def add(
    draft: Draft,
    named: Mapping[str, Line],
    used: Collection[str],
    gone: Mapping[str, str] | None = None,
) -> None:
    """Add `attributes:` (and `exclude:`) to a draft.

    named: attributes that the caller has decided on, by name. used: columns that have another use.
    gone:  columns that are not sent, and why.
    """
    gone = gone or {}
    only = draft.found.part.only if draft.found.part else None
    free = [
        profile
        for profile in draft.found.table.profiles.values()
        if profile.name not in used
        and profile.name not in gone
        and (only is None or profile.key in only)
    ]
    if len(draft.found.table.profiles) > EXPLICIT_MAX and only is None:
        _by_star(draft, named, free, list(gone))
        return
    lines = [*named.values()]
    taken = set(named)
    for profile in free:
        name = _name(draft, profile, taken)
        taken.add(name)
        lines.append(_line(draft, profile, name))
    lines += [
        Line(f"{scalar(name)}: {scalar(name)}", f"NOT SENT: {why}", is_out=True)
        for name, why in gone.items()
    ]
    if any(not line.is_out for line in lines):
        draft.line("attributes:")
    draft.lines += _indented(lines)


def _indented(lines: Iterable[Line]) -> list[Line]:
    return [replace(line, text=f"  {line.text}") for line in lines]


def field(column: str, options: Mapping[str, str]) -> str:
    """How a column is named in the config, with its type."""
    if not options:
        return scalar(column)
    return flow({"column": scalar(column), **{k: scalar(v) for k, v in options.items()}})


def _line(draft: Draft, profile: Profile, name: str) -> Line:
    told = typed(profile, order=draft.found.order, zone=draft.found.zone)
    doubt = _doubt(draft, profile)
    if doubt is not None:
        return Line(f"{scalar(name)}: {scalar(profile.name)}", doubt, is_out=True)
    draft.confirm(told.confirm, profile.name)
    notes = [told.note, *_remarks(draft, profile, name)]
    options = told.options
    if draft.kind == "devices":
        options = {}
    text = f"{scalar(name)}: {field(profile.name, options)}"
    return Line(text, "; ".join(note for note in notes if note))


def _doubt(draft: Draft, profile: Profile) -> str | None:
    """Why a column is left out until somebody writes it back; None: it is not."""
    if (kind := _personal(profile)) and kind.leave_out:
        draft.confirm(f"looks like {kind.what}; left out", profile.name)
        return f"LEFT OUT: looks like {kind.what}"
    if draft.kind not in _EVENT_KINDS and (long := profile.too_long).any():
        where = profile.rows_where(long)
        what = f"over the API's {trackapi.ATTRIBUTE_VALUE_BYTES_MAX:,} bytes in {where}"
        draft.confirm(f"{what}; left out, those rows would be refused", profile.name)
        return f"LEFT OUT: {what}, which would be refused"
    return None


def _remarks(draft: Draft, profile: Profile, name: str) -> list[str]:
    """What is worth saying of a column that is sent."""
    found = []
    if kind := _personal(profile):
        draft.confirm(f"{kind.what}: does it belong there?", profile.name)
        found.append(f"CONFIRM: {kind.what}")
    if profile.name in draft.consent:
        found.append("says who is out, above; as an attribute too")
    elif profile in draft.found.roles.all("other_channel", "list_out", "list_in"):
        what = "consent to one list or channel; sent as an attribute only"
        draft.confirm(what, profile.name)
        found.append("one list or channel only: no unsubscribe")
    if name == "phone" and draft.kind == "people":
        found.append("an attribute; as an identifier it must be E.164 and enabled in the workspace")
    if profile.is_nested and draft.kind not in _EVENT_KINDS:
        found.append("nested: as JSON, 1,000 bytes at most")
    return found


def _personal(profile: Profile) -> Personal | None:
    values = [] if profile.is_nested else profile.known.head(VALUES_MAX).to_list()
    return personal(profile.name, values)


def _name(draft: Draft, profile: Profile, taken: Collection[str]) -> str:
    """The attribute's name: the column's in snake_case, unless that is refused or taken."""
    name = profile.key.strip("_") or "unnamed"
    if _is_reserved(draft, name):
        name = f"source_{name}"
    while len(name.encode()) > trackapi.ATTRIBUTE_NAME_BYTES_MAX - 4:
        name = name[:-1]
    again, count = name, 2
    while again in taken:
        again, count = f"{name}_{count}", count + 1
    return again


def _is_reserved(draft: Draft, name: str) -> bool:
    """Whether an attribute must not have a name."""
    if draft.kind == "events":
        return name in trackapi.MESSAGE_OVERRIDES
    if draft.kind == "devices":
        return False
    if draft.kind == "objects":
        refused = {each.casefold() for each in trackapi.REFUSED_OBJECT_ATTRIBUTES}
        return name in refused or name in ("id", "created_at")
    is_identifier = name in trackapi.PERSON_KINDS and name != "phone"
    return is_identifier or name in trackapi.REFUSED_PERSON_ATTRIBUTES or name in _OWN_TYPE


def _by_star(
    draft: Draft, named: Mapping[str, Line], free: list[Profile], hidden: list[str]
) -> None:
    """Every column but those with a word to say of them, which are told one by one."""
    lines, excluded, left_out = [*named.values()], list[str](), list[Line]()
    room = trackapi.ATTRIBUTES_MAX - len(named) - len(trackapi.PERSON_KINDS)
    taken = {profile.name for profile in free} | set(named)
    sent = 0
    for profile in free:
        name = profile.name
        is_refused = name.startswith("_") or _is_reserved(draft, name) or len(name.encode()) > 150
        if is_refused:
            name = _name(draft, profile, taken)
        line = _line(draft, profile, name)
        if sent >= room or not profile.count:
            line = Line(line.text, "blank, or one more than the API takes", is_out=True)
        if line.is_out:
            excluded.append(profile.name)
            left_out.append(line)
            continue
        sent += 1
        if is_refused or line.text != f"{scalar(name)}: {scalar(profile.name)}" or line.note:
            lines.append(line)
    draft.line("attributes:")
    draft.line('  "*": true', "every column that has no line of its own and no other use")
    draft.lines += _indented([*lines, *left_out])
    if hidden or excluded:
        draft.line(f"exclude: {listing([*excluded, *hidden])}")


def time_line(name: str, profile: Profile, told: Typed, on_error: str = "") -> Line:
    """An attribute that must be a time. on_error: as the config has it; "" for the default."""
    notes = [told.note, f"{told.misfits}: no time; rejected until mended" if told.misfits else ""]
    options = {k: v for k, v in told.options.items() if k != "type" or len(told.options) == 1}
    options |= {"on_error": on_error} if on_error else {}
    text = f"{name}: {field(profile.name, options)}"
    return Line(text, "; ".join(note for note in notes if note))
