"""The config as a report tells it: where rows come from and what they become, and no value.

Rules: names of columns and attributes are told; constants and the literals of `where` are not,
for they may be somebody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from backfill.config import Job
from backfill.identity import StreamIdentity
from backfill.mapping import Field, Stream
from backfill.reporting.words import duration, size
from backfill.trackapi import HOSTS

#: What stands where a value is not told.
MASK = "\u2022\u2022\u2022"

#: Files of a stream that are named one by one.
_FILES_MAX = 5


class Setting(NamedTuple):
    """One key of the config and what it says, in words."""

    key: str
    words: str


def of_job(job: Job, address: str) -> list[Setting]:
    """Destination and pace; address: what `address_of` says."""
    to = job.destination
    return [
        Setting("config", job.path.name),
        Setting("destination", address),
        Setting("requests a second", f"{to.requests_per_s:,} at most"),
        Setting(
            "operations a second",
            f"{to.operations_per_s:,} at most" if to.operations_per_s else "no bound",
        ),
        Setting("concurrency", f"{to.concurrency:,}" if to.concurrency else "auto"),
        Setting("gives up after", duration(to.give_up_after)),
        Setting("most rejects", str(job.max_rejects or "any number")),
        Setting("checkpoint", _place(job.checkpoint, job.base)),
        Setting("rejects", _place(job.rejects, job.base)),
    ]


def _place(path: Path, base: Path) -> str:
    """A path from the config's folder on; of one elsewhere its name, for folders name people."""
    whole, base = path.resolve(), base.resolve()
    return str(whole.relative_to(base)) if whole.is_relative_to(base) else path.name


def address_of(identity: str) -> str:
    """Where a destination's identity lies, as people call it; no digest of a site id."""
    if identity.startswith("sandbox "):
        return "a sandbox on this machine"
    return identity.partition(" site ")[0].removesuffix(":443").removeprefix("https://")


def region_of(identity: str) -> str:
    """The region of a run's workspace; empty where none is known, as of a sandbox."""
    found = [name for name, host in HOSTS.items() if identity.startswith(f"{host}:")]
    return found[0] if found else ""


def of_stream(stream: Stream, known: StreamIdentity) -> list[Setting]:
    """What a stream's rows become; known: its files as they were read."""
    entity, action = stream.operation
    said = [
        Setting("source", _files(known)),
        Setting("becomes", f"{entity}: {action}" + (_event(stream) if stream.event else "")),
        Setting("named by", ", ".join(_names(stream))),
        Setting("attributes", ", ".join(_attributes(stream))),
        Setting("excluded columns", ", ".join(stream.exclude)),
        Setting("relationships", ", ".join(_relationships(stream))),
        Setting("where", masked(stream.where) if stream.where else ""),
        Setting("since", f"column {stream.since.column}" if stream.since else ""),
        Setting("timestamp", _origin(stream.timestamp) if stream.timestamp else ""),
        Setting("rules", ", ".join(_rules(stream))),
    ]
    return [setting for setting in said if setting.words]


def masked(condition: str) -> str:
    """A condition with its literals masked; all of it where it cannot be read."""
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse_one(condition, into=exp.Condition)
    except sqlglot.errors.SqlglotError:
        return MASK
    mask = exp.Var(this=MASK)
    hidden = tree.transform(lambda node: mask.copy() if isinstance(node, exp.Literal) else node)
    return hidden.sql(comments=False)


def _files(known: StreamIdentity) -> str:
    if not known.files:
        return "no new file"
    named = ", ".join(file.label for file in known.files[:_FILES_MAX])
    more = len(known.files) - _FILES_MAX
    long = size(sum(file.size for file in known.files))
    return f"{named}{f' and {more:,} more' if more > 0 else ''} ({long})"


def _event(stream: Stream) -> str:
    assert stream.event is not None
    name = stream.event.name
    return f", named by column {name.column}" if name.column else f' "{name.value}"'


def _names(stream: Stream) -> Iterator[str]:
    for words, people in (
        ("", stream.person),
        ("kept ", stream.merge and stream.merge.primary),
        ("merged ", stream.merge and stream.merge.secondary),
    ):
        for kind, field in (people or {}).items():
            yield f"{words}{kind} = {_origin(field)}"
    if stream.object:
        yield f"object of type {_type(stream.object.type)}"
        yield from (
            f"{kind} = {_origin(field)}"
            for kind, field in (
                ("id", stream.object.id),
                ("cio_object_id", stream.object.cio_object_id),
            )
            if field
        )
    if stream.delivery:
        yield f"delivery id = {_origin(stream.delivery.id)}"
    if stream.device:
        yield f"device token = {_origin(stream.device.token)}"
    if stream.event and stream.event.key:
        key = stream.event.key
        yield f"event key = {key if isinstance(key, str) else ' + '.join(key)}"


def _attributes(stream: Stream) -> Iterator[str]:
    if stream.takes_every_column:
        yield "every other column"
    yield from _origins(stream.named_attributes)


def _relationships(stream: Stream) -> Iterator[str]:
    for tie in stream.relationships:
        of = ", ".join(_origins(tie.attributes))
        if tie.object:
            yield f"object of type {_type(tie.object.type)}" + (f" ({of})" if of else "")
        else:
            yield f"person by {', '.join(tie.person or {})}" + (f" ({of})" if of else "")


def _rules(stream: Stream) -> Iterator[str]:
    """What differs from the defaults."""
    if stream.existing_only:
        yield "existing people only"
    for key in ("blank", "on_error", "repeats"):
        said = getattr(stream, key)
        if said != Stream.model_fields[key].default:
            yield f"{key}: {said}"
    if stream.campaigns:
        yield f"campaigns: {stream.campaigns}"
    if stream.max_rejects is not None:
        yield f"most rejects: {stream.max_rejects}"


def _origins(fields: Mapping[str, Field]) -> Iterator[str]:
    for name, field in fields.items():
        kind = f" ({field.type})" if field.type else ""
        origin = _origin(field)
        yield (name if origin == name else f"{name} = {origin}") + kind


def _origin(field: Field) -> str:
    return field.column if field.column is not None else MASK


def _type(field: Field | None) -> str:
    """An object's type is the workspace's, no person's."""
    return str(field.value) if field and field.is_constant else "by column"
