"""Files to streams: which belong together, what they are, and the streams in the right order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backfill.discovery import happenings, people, things
from backfill.discovery.draft import Context, Draft, Found
from backfill.discovery.kinds import Verdict, kind_of, object_id_of, person_id_of, words_in
from backfill.discovery.opening import Opened
from backfill.discovery.profile import table_of
from backfill.discovery.roles import identifiers_of, likely_ids, roles_of
from backfill.discovery.sampling import Sample, joined
from backfill.discovery.valuetypes import order_told
from backfill.discovery.vocabulary import Export, Part, StreamKind, snake, vocabulary
from backfill.discovery.yamltext import Line, shown

#: The order in which things must exist.
RANKS: tuple[StreamKind, ...] = (
    "erased",
    "opted_out",
    "objects",
    "people",
    "events",
    "devices",
    "relationships",
    "merges",
    "unknown",
)
_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_LISTS: tuple[StreamKind, ...] = ("erased", "opted_out", "not_opted_in")


@dataclass(frozen=True)
class Looked:
    """A file that was looked at. stem: its name without endings."""

    stem: str
    file: Opened
    sample: Sample


def drafts_of(looked: Sequence[Looked], now_s: int) -> list[Draft]:
    """The streams of all files, in the order in which a job sends them."""
    found = [one for group in _groups(looked) for one in _found(group)]
    context = _context(found, now_s)
    drafts = [draft for one in found for draft in _drafts(one, context)]
    drafts.sort(key=lambda draft: (RANKS.index(draft.kind), _number(draft, context)))
    _name(drafts)
    return drafts


def _drafts(found: Found, context: Context) -> list[Draft]:
    built = _BUILDERS[found.verdict.kind](found, context)
    if found.export:
        built[-1].says += found.export.says
    for note in found.notes:
        built[-1].confirm(note)
    return built


def _number(draft: Draft, context: Context) -> int:
    return context.objects[things.object_of(draft.found)] if draft.kind == "objects" else 0


def _groups(looked: Sequence[Looked]) -> list[list[Looked]]:
    """Files that become one stream: of the same columns, written the same way, of like names."""
    groups: dict[object, list[Looked]] = {}
    for one in looked:
        source = one.file.source.model_dump(exclude={"path"}, exclude_defaults=True)
        header = tuple(one.sample.table.column_names)
        is_json = one.file.file.format == "jsonl"
        key = (one.file.file.format, str(source), () if is_json else header, _family(one))
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _family(one: Looked) -> str:
    """What the name says without numbers; nothing, where the columns say more than the name."""
    words = words_in(one.stem)
    said = [kind for kind in _LISTS if words & vocabulary().file_words[kind]]
    keys = {snake(name) for name in one.sample.table.column_names}
    is_telling = len(keys & vocabulary().hints["people"]) > 1
    if is_telling and not words & vocabulary().file_words["events"]:
        return " ".join(said)
    return re.sub(r"[\W\d_]+", " ", one.stem.casefold()).strip()


def _found(group: list[Looked]) -> Iterator[Found]:
    """What the files of a group are; several where an export holds rows of several kinds."""
    whole = joined([one.sample for one in group])
    keys = [snake(name) for name in whole.table.column_names]
    export = vocabulary().export_of(keys)
    notes = tuple(dict.fromkeys(note for one in group for note in one.file.notes))
    order = order_told(list(table_of(whole).profiles.values()))
    stem, files = group[0].stem, tuple(one.file for one in group)
    for part in export.parts if export else (None,):
        sample = whole.where(part.where) if part and part.where else whole
        table = table_of(sample)
        roles = roles_of(table, part.roles if part else {})
        verdict = _verdict(
            stem, Found(stem, stem, files, sample, table, roles, _NONE, export, part)
        )
        bare = stem if len(group) == 1 else re.sub(r"[\W\d_]+$", "", stem) or stem
        name = _called(bare, export, part)
        known = (export, part) if verdict.kind != "unknown" else (None, None)
        yield Found(name, stem, files, sample, table, roles, verdict, *known, order, notes)


def _called(stem: str, export: Export | None, part: Part | None) -> str:
    """What its streams are called after: the export, where it is known, else the file."""
    bare = snake(export.title.lower()) if export else stem
    return f"{bare}_{part.name}" if part and part.name else bare


_NONE = Verdict("unknown", "a guess", "")


def _verdict(stem: str, found: Found) -> Verdict:
    """What the export is known to be, if its columns are there; else what they and the name say."""
    if found.export is None or found.part is None:
        return kind_of(stem, found.table, found.roles)
    kind = found.part.kind
    by_name = kind_of(stem, found.table, found.roles)
    if kind == "people" and by_name.kind in _LISTS:
        kind = by_name.kind
    if not _holds(kind, stem, found):
        return by_name
    return Verdict(kind, "certain", f"the columns of the export {found.export.title}")


def _holds(kind: StreamKind, stem: str, found: Found) -> bool:
    """Whether the columns that a kind cannot do without are there."""
    person = person_id_of(stem, found.table, found.roles) or found.roles.first("email")
    if kind == "objects":
        return object_id_of(stem, found.table, found.roles) is not None
    if kind == "events":
        named = identifiers_of(found.roles)
        return bool(named) and found.roles.first("event_time") is not None
    return person is not None


def _context(found: Sequence[Found], now_s: int) -> Context:
    """The types of objects, companies first, and their ids."""
    kinds = [one for one in found if one.verdict.kind == "objects"]
    words = list(dict.fromkeys(things.object_of(one) for one in kinds))
    words.sort(key=lambda word: word != "company")
    ids: dict[str, set[str]] = {word: set() for word in words}
    for one in kinds:
        by_id = object_id_of(one.stem, one.table, one.roles)
        if by_id is not None:
            ids[things.object_of(one)] |= set(by_id.known)
    numbers = {word: i for i, word in enumerate(words, 1)}
    return Context(numbers, {word: frozenset(each) for word, each in ids.items()}, now_s)


def _unknown(found: Found, context: Context) -> list[Draft]:  # noqa: ARG001 - one shape for all kinds
    """A file that nothing says of what it is: a stream to complete."""
    draft = Draft("unknown", found.name, found, is_out=True)
    columns = ", ".join(found.table.profiles)
    draft.says.append(
        f"What is a row of this file? Its columns: {columns}. Complete the stream, with person,"
        " object, event, ... as the others have them, or remove it."
    )
    first = next(iter(found.table.profiles), "COLUMN")
    draft.lines = [Line(f"person: {{id: {first}}}"), Line('attributes: "*"')]
    for profile in likely_ids(found.table, found.roles):
        draft.confirm(f"{shown(profile.name)} looks like an id: of people, or of what happened?")
    draft.confirm("what is a row of it? It is not sent until its stream is completed")
    return [draft]


def _name(drafts: list[Draft]) -> None:
    """Give every stream a name of its own, whatever the case."""
    taken: set[str] = set()
    for draft in drafts:
        bare = _NAME.sub("_", draft.name).strip("_-.")[:80] or draft.kind
        name, count = bare, 2
        while name.casefold() in taken:
            name, count = f"{bare}_{count}", count + 1
        taken.add(name.casefold())
        draft.name = name


_BUILDERS: dict[StreamKind, Callable[[Found, Context], list[Draft]]] = {
    "erased": people.erased,
    "opted_out": people.opted_out,
    "not_opted_in": people.not_opted_in,
    "people": people.people,
    "objects": things.objects,
    "events": happenings.events,
    "devices": things.devices,
    "relationships": things.relationships,
    "merges": things.merges,
    "unknown": _unknown,
}
