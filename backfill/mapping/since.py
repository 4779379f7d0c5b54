"""Which rows of a growing export are new: `since`."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ValidationInfo, model_validator
from pydantic import Field as Described

from backfill.mapping.durations import seconds_of
from backfill.mapping.fields import Field, Model, check_how

#: Seconds before the newest row that are looked at again where `overlap` does not say it. A row may
#: turn up below the newest one: written by a transaction that began before and ended after the
#: export, on a machine whose clock is behind, or in the hour that clocks are put back in autumn.
#: Of these the last is the longest; an hour of rows more is sent twice, which changes nothing.
OVERLAP_S = 3600


def _overlap(given: Any, info: ValidationInfo) -> int:
    if info.data.get("type") == "integer":
        if not isinstance(given, int) or isinstance(given, bool) or given < 0:
            raise ValueError("the overlap of integers is a whole number, as 1000")
        return given
    seconds = seconds_of(given)
    if seconds is None:
        raise ValueError("the overlap of timestamps is a time, as 90s, 10m or 2h")
    return math.ceil(seconds)


class Since(Model):
    """The column that tells new rows from those that were sent, and how it is read."""

    column: str = Described(min_length=1, description="What grows: when a row changed, its number.")
    type: Literal["timestamp", "integer"] = Described(
        "timestamp", description="What its values are."
    )
    format: str | None = Described(None, description="As of a timestamp: %d/%m/%Y %H:%M.")
    timezone: str | None = Described(None, description="The zone of times that carry none.")
    unit: Literal["s", "ms"] | None = Described(
        None, description="What a timestamp's number counts: seconds (default) or milliseconds."
    )
    overlap: Annotated[
        int | None, BeforeValidator(_overlap, json_schema_input_type=float | str)
    ] = Described(
        None,
        description="How far below the newest row rows are sent again: a time, as 90s, 10m or 2h"
        " (default 1h); of integers a whole number (default 0).",
    )

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        check_how(self.type, self.format, self.timezone, self.unit)
        return self

    @property
    def field(self) -> Field:
        """The column with how it is read."""
        return Field(
            column=self.column,
            type=self.type,
            format=self.format,
            timezone=self.timezone,
            unit=self.unit,
        )

    def least(self, cursor: int | None) -> int | None:
        """The lowest value that takes part; None: all do.

        cursor: every row below it was acknowledged; seconds, or an integer.
        """
        default = OVERLAP_S if self.type == "timestamp" else 0
        overlap = default if self.overlap is None else self.overlap
        return None if cursor is None else cursor - overlap

    def shown(self, value: int) -> str:
        """A value as people read it."""
        if self.type == "integer":
            return str(value)
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}"
