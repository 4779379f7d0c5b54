"""The mapping as declared: what the rows of each stream become.

These models are the shape of `streams:` in the config, and the only place where it is written
down; the JSON Schema for editors is made from them.
"""

from backfill.mapping.changing import Changes, Vanished, VanishedSet
from backfill.mapping.expect import Expect
from backfill.mapping.fields import (
    CONSENT,
    EVERY_COLUMN,
    Blank,
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
    ValueType,
    is_consent,
)
from backfill.mapping.refusing import RowsMax, rows_max
from backfill.mapping.since import Since
from backfill.mapping.stream import Stream

__all__ = [
    "CONSENT",
    "EVERY_COLUMN",
    "Blank",
    "Changes",
    "Delivery",
    "Device",
    "Event",
    "Expect",
    "Field",
    "Merge",
    "Model",
    "ObjectRef",
    "OnError",
    "PersonRef",
    "Relationship",
    "RowsMax",
    "Since",
    "Source",
    "Stream",
    "ValueType",
    "Vanished",
    "VanishedSet",
    "is_consent",
    "rows_max",
]
