"""Names to columns: what "*" stands for, which columns a stream reads, which names are refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from backfill import timestamps, trackapi
from backfill.columns import json_string
from backfill.dialect import RAW_COLUMN, REJECT_COLUMNS
from backfill.errors import MappingError
from backfill.mapping import Field, ObjectRef, Stream, ValueType
from backfill.masks import masked
from backfill.trackapi import EntityType

if TYPE_CHECKING:
    from backfill.filters import Where

#: `event.key` when it is no column: the whole row, or its place in the file.
KEY_CONTENT, KEY_ROW = "content", "row"

_PREFERENCES = "cio_subscription_preferences"

#: Attributes that have a type of their own, whatever the source holds.  [docs: reserved
#: attributes; spec] `unsubscribed` decides who may be mailed.
_TYPED_ATTRIBUTES: dict[EntityType, dict[str, ValueType]] = {
    "person": {"created_at": "timestamp", "unsubscribed": "boolean", _PREFERENCES: "json"},
    "object": {"created_at": "timestamp"},
    "delivery": {"device_token": "text"},
}
_TOPIC_PREFIX = f"{_PREFERENCES}.topics."


def check(stream: Stream, columns: Sequence[str] | None, label: str) -> None:
    """Hold a stream against the columns of one of its files, before anything is sent.

    columns: the file's column names; None where only its records tell (JSONL).
    label:   how messages name the file.
    Raises MappingError for a column that is not there, a name that is refused, a condition that
    is not understood, a time zone or a format that does not exist.
    """
    for path, field in fields(stream):
        _check_time(stream, path, field)
    if stream.since:
        _check_time(stream, "since", stream.since.field)
    for i, tie in enumerate(stream.relationships):
        for name in tie.attributes:
            _check_name(stream, name, refusal(stream, name), f"relationships.{i}.attributes")
    attributes(stream, columns or ())
    where_of(stream)
    if columns is None:
        return
    if not columns:
        fix = "write it with its header line, which no row need follow, or take it out of `source`"
        raise MappingError(f"{label} is empty: it has no header", f"stream {stream.name}", fix)
    for path, name in missing(stream, columns):
        fix = f"use one of: {', '.join(map(_as_name, columns))}"
        if parted := _parted_by(columns, name):
            shown = "a tab" if parted == "\t" else f"'{parted}'"
            fix = (
                f"its cells seem to be parted by {shown}: say source: {{path: …, delimiter:"
                f" {json_string(parted)}}}, or write the file with the delimiter it is read with"
            )
        raise MappingError(f"no column '{name}' in {label}", f"stream {stream.name}, {path}", fix)


def _as_name(column: str) -> str:
    """A column's name; of what looks like a value, of a file without its header, the shape."""
    is_value = (
        "@" in column
        or not any(map(str.isalpha, column))
        or len(column) > trackapi.ATTRIBUTE_NAME_BYTES_MAX
    )
    return masked(column) if is_value else column


def _parted_by(columns: Iterable[str], name: str) -> str | None:
    """The delimiter by which a header would have a column of this name; None: there is none."""
    for delimiter in ",;\t|":
        if any(name in column.split(delimiter) for column in columns):
            return delimiter
    return None


def missing(stream: Stream, columns: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The columns a stream names that are not among `columns`, each with its path in the config."""
    known = set(columns)
    where = where_of(stream)
    yield from ((path, name) for path, name in _named_columns(stream) if name not in known)
    if stream.since and stream.since.column not in known:
        yield "since", stream.since.column
    yield from (("exclude", name) for name in stream.exclude if name not in known)
    key = stream.changes.columns if stream.changes else ()
    yield from (("changes.key", name) for name in key if name not in known)
    yield from (
        ("where", name) for name in sorted(where.columns if where else ()) if name not in known
    )


def attributes(
    stream: Stream, columns: Sequence[str], *, are_known: bool = True
) -> dict[str, Field]:
    """The attributes of a stream by name, "*" spelled out, each with the type its name demands.

    are_known: whether the columns are those of the whole file; those of one block of JSONL are
               not, and a refused name among them is for the rows that have it to answer for.
    Raises MappingError where "*" would take a name that is refused.
    """
    named = stream.named_attributes
    found = dict(named)
    if stream.takes_every_column:
        used = {name for _, name in _named_columns(stream) if name}
        # A rejects file that was mended may come back.
        used |= {*stream.exclude, *REJECT_COLUMNS, RAW_COLUMN}
        free = [name for name in columns if name not in used and name not in named]
        found = {name: Field(column=name) for name in free if not _is_override(stream, name)}
        found |= named
    for name in found:
        if name in named:
            _check_name(stream, name, refusal(stream, name), "attributes")
        elif are_known:
            _check_name(stream, name, refusal_by_star(stream, name), "attributes")
    return {name: _typed(stream, name, field) for name, field in found.items()}


def _check_name(stream: Stream, name: str, reason: str | None, path: str) -> None:
    if reason:
        raise MappingError(
            f"the attribute name '{name}' {reason}",
            f"stream {stream.name}, {path}",
            f"name it otherwise (new_name: {name}) or add it to exclude",
        )


def refusal(stream: Stream, name: str) -> str | None:
    """Why a name cannot be an attribute of what the stream sends; None where it can."""
    kind, action = stream.operation
    if not name:
        return "is empty"
    if action in (*trackapi.EVENT_ACTIONS, "add_device"):
        return None  # the limits are those of people, objects and relationships
    size = len(name.encode())
    if size > trackapi.ATTRIBUTE_NAME_BYTES_MAX:
        return f"is {size} bytes; the limit is {trackapi.ATTRIBUTE_NAME_BYTES_MAX}"
    if not action.startswith("identify"):
        return None
    refused = trackapi.REFUSED_PERSON_ATTRIBUTES
    if kind == "object":
        refused = trackapi.REFUSED_OBJECT_ATTRIBUTES
    if name in refused:
        return "belongs to the API"
    return "begins with _, as internal names do" if name.startswith("_") else None


def refusal_by_star(stream: Stream, name: str) -> str | None:
    """Why "*" cannot take a column of this name: also what an identify sends already."""
    if stream.operation == ("person", "identify") and name in (stream.person or ()):
        return f"is that of an identifier, which person.{name} maps"
    return refusal(stream, name)


def is_strict(stream: Stream, name: str) -> bool:
    """Whether an attribute decides who may be mailed.

    What does not convert then rejects its row whatever `on_error` says, and a blank is left out.
    """
    return stream.operation == ("person", "identify") and (
        name in ("unsubscribed", _PREFERENCES) or name.startswith(_TOPIC_PREFIX)
    )


def where_of(stream: Stream) -> Where | None:
    """The stream's condition, parsed."""
    if not stream.where:
        return None
    from backfill.filters import Where  # the parser of SQL takes 35 ms to load

    return Where(stream.where, f"stream {stream.name}, where")


def fields(stream: Stream) -> Iterator[tuple[str, Field]]:
    """Every field a stream declares, with its path in the config."""
    for name, field in stream.named_attributes.items():
        yield f"attributes.{name}", field
    yield from _identifying_fields(stream)
    if stream.timestamp:
        yield "timestamp", stream.timestamp
    if stream.event:
        yield "event.name", stream.event.name
        if stream.event.timestamp and not stream.event.is_now:
            yield "event.timestamp", stream.event.timestamp
    if stream.device:
        for name in ("token", "platform", "last_used"):
            if field := getattr(stream.device, name):
                yield f"device.{name}", field


def _identifying_fields(stream: Stream) -> Iterator[tuple[str, Field]]:
    refs = {"person": stream.person}
    if stream.merge:
        refs |= {"merge.primary": stream.merge.primary, "merge.secondary": stream.merge.secondary}
    objects = {"object": stream.object}
    for i, tie in enumerate(stream.relationships):
        refs[f"relationships.{i}.person"] = tie.person
        objects[f"relationships.{i}.object"] = tie.object
        for name, field in tie.attributes.items():
            yield f"relationships.{i}.attributes.{name}", field
    for path, ref in refs.items():
        for kind, field in (ref or {}).items():
            yield f"{path}.{kind}", field
    for path, named in objects.items():
        yield from _object_fields(path, named)
    if stream.anonymous_id:
        yield "anonymous_id", stream.anonymous_id
    if stream.delivery:
        yield "delivery.id", stream.delivery.id


def _object_fields(path: str, ref: ObjectRef | None) -> Iterator[tuple[str, Field]]:
    for name in ("type", "id", "cio_object_id"):
        if ref and (field := getattr(ref, name)):
            yield f"{path}.{name}", field


def _named_columns(stream: Stream) -> Iterator[tuple[str, str]]:
    for path, field in fields(stream):
        if field.column is not None:
            yield path, field.column
    yield from (("event.key", name) for name in key_columns(stream))


def key_columns(stream: Stream) -> list[str]:
    """The columns that tell an event from others; none for `content` and `row`."""
    key = stream.event.key if stream.event else None
    if key is None or key in (KEY_CONTENT, KEY_ROW):
        return []
    return [key] if isinstance(key, str) else key


def _is_override(stream: Stream, name: str) -> bool:
    return stream.is_event and name in trackapi.MESSAGE_OVERRIDES


def _typed(stream: Stream, name: str, field: Field) -> Field:
    kind, action = stream.operation
    if not (action.startswith("identify") or kind == "delivery"):
        return field
    typed = _TYPED_ATTRIBUTES[kind]
    demanded = "boolean" if name.startswith(_TOPIC_PREFIX) else typed.get(name)
    if demanded is None or field.type == demanded:
        return field
    if field.type is not None:
        raise MappingError(
            f"'{name}' is always of type {demanded}, not {field.type}",
            f"stream {stream.name}, attributes.{name}",
            "leave the type out",
        )
    return field.model_copy(update={"type": demanded})


def _check_time(stream: Stream, path: str, field: Field) -> None:
    where = f"stream {stream.name}, {path}"
    if field.timezone is not None and not timestamps.is_zone(field.timezone):
        what = f"no time zone '{field.timezone}'"
        raise MappingError(what, where, "use a name such as Europe/Berlin")
    if field.format is not None and not timestamps.is_format(field.format):
        what = f"'{field.format}' is no form of a whole time"
        raise MappingError(what, where, "use codes such as %d/%m/%Y %H:%M, with a year")
