"""What a stream is put together from: values, people, objects, events, devices, sources.

A bare string where a `Field` is expected names a column.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic import Field as Described

from backfill import trackapi
from backfill.trackapi import PersonKind

Blank = Literal["omit", "unset", "keep"]
OnError = Literal["reject", "omit", "keep"]
ValueType = Literal["text", "integer", "number", "boolean", "timestamp", "json"]

#: In `attributes`: every column the stream does not use elsewhere.
EVERY_COLUMN = "*"


class Model(BaseModel):
    """Unknown keys are errors: a typo must not change what is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def check_how(kind: str | None, form: str | None, timezone: str | None, unit: str | None) -> None:
    """Raise ValueError where it is said how times are written, of what are none or with nothing."""
    if (form, timezone, unit) != (None, None, None) and kind not in (None, "timestamp"):
        raise ValueError("format, timezone and unit belong to type: timestamp")
    if "" in (form, timezone):
        raise ValueError("format and timezone are left out, or say something")


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
        check_how(self.type, self.format, self.timezone, self.unit)
        return self

    @property
    def is_time(self) -> bool:
        """Whether it says that its values are times, or how they are written."""
        return self.type == "timestamp" or bool(self.format or self.timezone or self.unit)

    @property
    def is_constant(self) -> bool:
        """Whether every row gets the same value."""
        return self.column is None


def field_of(given: Any) -> Any:
    """What a field is read from; a bare text names its column."""
    return {"column": given} if isinstance(given, str) else given


def _constant_or_field(given: Any) -> Any:
    return {"value": given} if isinstance(given, str | int) else given


Column = Annotated[Field, BeforeValidator(field_of, json_schema_input_type=str | Field)]
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

    path: str | list[str] = Described(
        description="A file, folder or glob, or several; here, or at s3://, gs:// or az://."
    )
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


#: Attributes that say who may be mailed.  [docs: reserved attributes]
CONSENT = ("unsubscribed", "cio_subscription_preferences")


def is_consent(name: str) -> bool:
    """Whether an attribute, or what a dotted name is a part of, says who may be mailed."""
    return name.split(".")[0] in CONSENT
