"""The mapping as declared: what the rows of each stream become.

These models are the shape of `streams:` in the config, and the only place where it is written
down; the JSON Schema for editors is made from them. A bare string where a `Field` is expected
names a column.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic import Field as Described

from backfill import trackapi
from backfill.trackapi import Action, EntityType, PersonKind

Blank = Literal["omit", "unset", "keep"]
OnError = Literal["reject", "omit", "keep"]
ValueType = Literal["text", "integer", "number", "boolean", "timestamp", "json"]

#: In `attributes`: every column the stream does not use elsewhere.
EVERY_COLUMN = "*"


class Model(BaseModel):
    """Unknown keys are errors: a typo must not change what is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Field(Model):
    """Where one value comes from and what it becomes."""

    column: str | None = Described(None, description="The source column to read.")
    value: Any = Described(None, description="A constant, instead of a column.")
    type: ValueType | None = Described(
        None, description="What the value is converted to; without it, it keeps its source form."
    )
    format: str | None = Described(
        None, description="How a timestamp is written, in strftime codes: %d/%m/%Y %H:%M."
    )
    timezone: str | None = Described(
        None, description="The zone of times that carry none, such as Europe/Berlin."
    )
    unit: Literal["s", "ms"] | None = Described(
        None, description="What a timestamp's number counts: seconds (default) or milliseconds."
    )
    blank: Blank | None = Described(None, description="Overrides the stream's `blank`.")
    on_error: OnError | None = Described(None, description="Overrides the stream's `on_error`.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.column is None) == ("value" not in self.model_fields_set):
            raise ValueError("give either a column or a value")
        if (self.format or self.timezone or self.unit) and self.type not in (None, "timestamp"):
            raise ValueError("format, timezone and unit belong to type: timestamp")
        return self

    @property
    def is_constant(self) -> bool:
        """Whether every row gets the same value."""
        return self.column is None


def _field(given: Any) -> Any:
    return {"column": given} if isinstance(given, str) else given


def _constant_or_field(given: Any) -> Any:
    return {"value": given} if isinstance(given, str | int) else given


Column = Annotated[Field, BeforeValidator(_field, json_schema_input_type=str | Field)]
Constant = Annotated[
    Field, BeforeValidator(_constant_or_field, json_schema_input_type=str | int | Field)
]


class ObjectRef(Model):
    """Names an object: its type and id, or the id the API gave it."""

    type: Constant | None = Described(None, description='The object type, "1" for the first.')
    id: Column | None = Described(None, description="The object's id.")
    cio_object_id: Column | None = Described(None, description="The id the API made (update only).")

    @model_validator(mode="after")
    def _is_one_object(self) -> Self:
        if self.cio_object_id is None and (self.type is None or self.id is None):
            raise ValueError("an object needs type and id (or cio_object_id alone)")
        if self.cio_object_id is not None and (self.type or self.id):
            raise ValueError("cio_object_id stands alone, without type and id")
        return self


#: Kind of identifier to where it comes from, in the order of preference.
PersonRef = Annotated[dict[PersonKind, Column], Described(min_length=1)]


class Relationship(Model):
    """Ties a person to an object; rows with a blank id make none."""

    object: ObjectRef | None = None
    person: PersonRef | None = None
    attributes: dict[str, Column] = Described(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_end(self) -> Self:
        if (self.object is None) == (self.person is None):
            raise ValueError("a relationship names either an object or a person")
        if self.person and set(self.person) - set(trackapi.RELATED_PERSON_KINDS):
            raise ValueError("a related person is named by id, email or cio_id")
        return self


class Event(Model):
    """What happened, when, and what makes the row one event and not another."""

    name: Constant = Described(description="The event's name, or {column: …}.")
    timestamp: Column | None = Described(
        None, description="When it happened; `now` for the time of the run."
    )
    key: str | list[str] | None = Described(
        None, description="Column(s) that tell events apart; or `content`, or `row`."
    )

    @property
    def is_now(self) -> bool:
        """Whether events carry the time of the run."""
        return self.timestamp is not None and self.timestamp.column == "now"


class Device(Model):
    """A person's device."""

    token: Column
    platform: Column | None = Described(None, description="ios or android.")
    last_used: Column | None = None


class Merge(Model):
    """Folds `secondary` into `primary` and deletes it; irreversible."""

    primary: PersonRef
    secondary: PersonRef

    @model_validator(mode="after")
    def _names_mergeable_people(self) -> Self:
        if (set(self.primary) | set(self.secondary)) - set(trackapi.RELATED_PERSON_KINDS):
            raise ValueError("people are merged by id, email or cio_id")
        return self


class Delivery(Model):
    """A message's delivery, for reporting what became of it."""

    id: Column


class Source(Model):
    """Where a stream's rows are read from, where the path alone does not say."""

    path: str | list[str] = Described(description="A file, folder or glob, or several.")
    format: Literal["csv", "jsonl", "parquet"] | None = Described(
        None, description="Told by the name where it is not given."
    )
    delimiter: Annotated[str, Described(min_length=1, max_length=1)] | None = Described(
        None, description="CSV: between cells; a comma (a tab for .tsv) where not given."
    )
    quote: Annotated[str, Described(max_length=1)] = Described(
        '"', description='CSV: around cells; "" for none.'
    )
    encoding: str = Described("utf-8", description="CSV and JSONL: utf-8, utf-16, cp1252, …")
    columns: list[str] | None = Described(
        None, description="CSV without a header line: the names of the columns."
    )


def _source(given: Any) -> Any:
    return {"path": given} if isinstance(given, str | list) else given


def _attributes(given: Any) -> Any:
    if given == EVERY_COLUMN:
        return {EVERY_COLUMN: True}
    return given


def _column_or_flag(given: Any) -> Any:
    return given if given is True else _field(given)


Attribute = Annotated[
    Literal[True] | Field,
    BeforeValidator(_column_or_flag, json_schema_input_type=Literal[True] | str | Field),
]


class Stream(Model):
    """One entry of `streams:`: a source and what its rows become."""

    name: str = Described(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
    source: Annotated[
        Source, BeforeValidator(_source, json_schema_input_type=str | list[str] | Source)
    ]
    where: str | None = Described(None, description="SQL; rows it does not match are filtered.")
    person: PersonRef | None = None
    object: ObjectRef | None = None
    anonymous_id: Column | None = Described(
        None, description="For identify_anonymous: the visitor the object is tied to."
    )
    merge: Merge | None = None
    delivery: Delivery | None = None
    action: Action | None = Described(None, description="Told by the other keys where not given.")
    existing_only: bool = Described(False, description="Never create a person (`_update`).")
    attributes: Annotated[
        dict[str, Attribute],
        BeforeValidator(_attributes, json_schema_input_type=Literal["*"] | dict[str, Attribute]),
    ] = Described(default_factory=dict, description='Attribute to column; "*" for every column.')
    exclude: list[str] = Described(default_factory=list, description='Columns "*" leaves out.')
    relationships: list[Relationship] = Described(default_factory=list)
    timestamp: Column | None = Described(
        None, description="When the attributes were true; orders updates on the server."
    )
    event: Event | None = None
    device: Device | None = None
    id_scope: str | None = Described(
        None, description="What event ids are unique within; the stream's name where not given."
    )
    campaigns: Literal["allow", "hold", "refuse"] | None = Described(
        None, description="What becomes of events younger than 72 hours, which may start campaigns."
    )
    blank: Blank = "omit"
    on_error: OnError = "reject"
    repeats: Literal["each", "fold"] = "each"

    @cached_property
    def operation(self) -> tuple[EntityType, Action]:
        """The type and action of the operations its rows become."""
        if self.merge:
            return "person", "merge"
        if self.delivery:
            return "delivery", "event"
        kind: EntityType = "person" if self.person else "object"
        default: Action = "event" if self.event else "add_device" if self.device else "identify"
        return kind, self.action or default

    @property
    def is_event(self) -> bool:
        """Whether it sends events, pages or screens of people."""
        return self.operation[0] == "person" and self.operation[1] in trackapi.EVENT_ACTIONS

    @property
    def is_ordered(self) -> bool:
        """Whether the order of its operations on one entity matters."""
        return self.operation[1] not in trackapi.EVENT_ACTIONS

    @property
    def takes_every_column(self) -> bool:
        """Whether `attributes` holds "*"."""
        return EVERY_COLUMN in self.attributes

    @property
    def named_attributes(self) -> dict[str, Field]:
        """The attributes that are named one by one."""
        return {n: f for n, f in self.attributes.items() if isinstance(f, Field)}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for complaint in _complaints(self):
            raise ValueError(complaint)
        return self

    def meaning(self) -> bytes:
        """Digest of all that decides which operations the rows become; paths are no part of it."""
        dump = self.model_dump_json(
            exclude_defaults=True, exclude={"source": {"path"}, "campaigns": True}
        )
        return hashlib.blake2b(dump.encode(), digest_size=16).digest()


def _complaints(stream: Stream) -> list[str]:
    """What does not fit together in a stream, most telling first."""
    subjects = [n for n in ("person", "object", "merge", "delivery") if getattr(stream, n)]
    if len(subjects) != 1:
        named = " and ".join(subjects) or "none of them"
        return [f"a stream names one of person, object, merge, delivery; this one names {named}"]
    kind, action = stream.operation
    found = []
    if action not in trackapi.ACTIONS[kind] or (subjects[0] != "merge" and action == "merge"):
        allowed = ", ".join(sorted(trackapi.ACTIONS[kind] - {"merge"}))
        found.append(f"no action '{action}' for {kind}; use one of: {allowed}")
    needs_event = action in trackapi.EVENT_ACTIONS
    if needs_event != (stream.event is not None):
        found.append(f"action {action} {'needs' if needs_event else 'takes no'} event: {{name: …}}")
    if stream.is_event and stream.event:
        if stream.event.timestamp is None:
            found.append("an event stream maps event.timestamp (or says timestamp: now)")
        if stream.event.key is None:
            found.append("an event stream says event.key: a column, several, content or row")
        if stream.timestamp:
            found.append("the time of an event belongs to event.timestamp")
    if (action in ("add_device", "delete_device")) != (stream.device is not None):
        found.append("device and the actions add_device, delete_device go together")
    if action == "add_device" and stream.device and stream.device.platform is None:
        found.append("add_device needs device.platform: ios or android")
    takes_relationships = "relationships" in action or action.startswith("identify")
    if stream.relationships and not takes_relationships:
        found.append(f"action {action} takes no relationships")
    if action.endswith("_relationships") and not stream.relationships:
        found.append(f"action {action} needs relationships")
    if any((tie.object is None) == (kind == "person") for tie in stream.relationships):
        found.append(f"the relationships of a {kind} name {_other(kind)}")
    takes_attributes = action.startswith("identify") or needs_event or action == "add_device"
    if stream.attributes and not takes_attributes:
        found.append(f"action {action} takes no attributes")
    if (stream.anonymous_id is None) == (action == "identify_anonymous"):
        found.append("anonymous_id and action identify_anonymous go together")
    if kind != "person" or action != "identify":
        found += [
            f"{key} belongs to a person's identify"
            for key in ("existing_only", "timestamp")
            if getattr(stream, key)
        ]
    if stream.repeats == "fold" and action != "identify":
        found.append("repeats: fold belongs to identify")
    if stream.campaigns and not stream.is_event:
        found.append("campaigns belongs to events, pages and screens")
    return found


def _other(kind: EntityType) -> str:
    return "objects" if kind == "person" else "people"
