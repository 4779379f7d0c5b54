"""One entry of `streams:`."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Described

from backfill import trackapi
from backfill.mapping.changing import Changes, Vanished
from backfill.mapping.expect import Expected
from backfill.mapping.fields import (
    EVERY_COLUMN,
    Blank,
    Column,
    Delivery,
    Device,
    Event,
    Field,
    Merge,
    Model,
    ObjectRef,
    OnError,
    PersonRef,
    Relationship,
    Source,
    field_of,
)
from backfill.mapping.harmony import complaints
from backfill.mapping.refusing import RowsMax
from backfill.mapping.since import Since
from backfill.trackapi import Action, EntityType


def _source(given: Any) -> Any:
    return {"path": given} if isinstance(given, str | list) else given


def _attributes(given: Any) -> Any:
    if given == EVERY_COLUMN:
        return {EVERY_COLUMN: True}
    return given


def _column_or_flag(given: Any) -> Any:
    return given if given is True else field_of(given)


Attribute = Annotated[
    Literal[True] | Field,
    BeforeValidator(_column_or_flag, json_schema_input_type=Literal[True] | str | Field),
]


#: Keys that decide nothing about the operations of the rows that are sent.
_NO_MEANING = ("campaigns", "max_rejects", "expect", "changes", "vanished", "max_vanished")


class Stream(Model):
    """One entry of `streams:`: a source and what its rows become."""

    name: str = Described(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)
    source: Annotated[
        Source, BeforeValidator(_source, json_schema_input_type=str | list[str] | Source)
    ]
    where: str | None = Described(None, description="SQL; rows it does not match are filtered.")
    since: Annotated[
        Since | None, BeforeValidator(field_of, json_schema_input_type=str | Since | None)
    ] = Described(None, description="The column that tells which rows of a growing export are new.")
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
    max_rejects: RowsMax | None = Described(
        None, description="Rejected rows, or their share of those read (5%), that stop the run."
    )
    expect: Expected = Described(
        None, description="What the files are held against before anything is sent."
    )
    blank: Blank = "omit"
    on_error: OnError = "reject"
    repeats: Literal["each", "fold"] = "each"
    changes: Changes | None = Described(
        None, description="Send only what is new or different since it was last acknowledged."
    )
    vanished: Vanished = Described(
        "ignore", description="What becomes of who was in the export before and is not any more."
    )
    max_vanished: RowsMax = Described(
        "5%", description="Vanished keys, or their share of those known, that stop the run."
    )

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
    def takes_files_once(self) -> bool:
        """Whether a file that came to a folder or a glob is left out of the runs after it.

        A stream that looks for changes needs all of its export every time.
        """
        return self.changes is None

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
        for complaint in complaints(self):
            raise ValueError(complaint)
        return self

    @property
    def naming_columns(self) -> tuple[str, ...]:
        """The columns that name the entity to the API, where a row has no more than these."""
        fields: list[Field | None] = []
        if self.person:
            fields = [next(iter(self.person.values()))]
        elif self.object and self.object.cio_object_id is None:
            fields = [self.object.type, self.object.id]
        return tuple(field.column for field in fields if field and field.column is not None)

    @property
    def caseless_columns(self) -> frozenset[str]:
        """The columns that name the entity whatever their letter case."""
        is_email = self.person is not None and next(iter(self.person)) == "email"
        return frozenset(self.naming_columns if is_email else ())

    @property
    def compared_by(self) -> tuple[str, ...]:
        """What its keys are made of: of streams with the same, equal keys name the same entity.

        Empty where it does not compare, or by other columns than those that name the entity.
        """
        columns = self.changes.columns if self.changes else ()
        if set(columns) != set(self.naming_columns):
            return ()
        if self.person:
            return ("person", next(iter(self.person)))
        kind = self.object.type if self.object else None
        if kind is None:
            return ()
        if kind.is_constant:
            return ("object", str(kind.value))
        return ("object", *("type" if name == kind.column else "id" for name in columns))

    @property
    def sent_once_by(self) -> str:
        """The key by which a row is not sent again; empty: every row is, each time."""
        return "changes" if self.changes else "since" if self.since else ""

    def may_name_those_of(self, other: Stream) -> bool:
        """Whether its rows bring to life entities that another stream may be about as well."""
        if self.operation != (other.operation[0], "identify"):
            return False
        if self.existing_only or "cio_id" in (self.person or {}):
            return False
        types = [one.object.type if one.object else None for one in (self, other)]
        values = {str(kind.value) for kind in types if kind and kind.is_constant}
        return len(values) < 2

    def meaning(self) -> bytes:
        """Digest of all that decides which operations the rows become; paths are no part of it.

        Of `since` the overlap is none either: whatever it is, no row is left out that is not done.
        The rest is: a cursor of another column, or read otherwise, would leave out rows unsent.
        """
        dump = self.model_dump_json(
            exclude_defaults=True,
            exclude={
                "source": {"path"},
                "since": {"overlap"},
                **dict.fromkeys(_NO_MEANING, True),
            },
        )
        return hashlib.blake2b(dump.encode(), digest_size=16).digest()
