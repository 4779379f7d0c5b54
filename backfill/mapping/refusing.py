"""How many rows of a kind are borne before a run stops: `max_rejects`, `max_vanished`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *%")


def _bound(given: Any, told: ValidationInfo) -> Any:
    is_count = isinstance(given, int) and not isinstance(given, bool) and given >= 0
    if given is None or is_count:
        return given
    share = _SHARE.fullmatch(given) if isinstance(given, str) else None
    if share is None or Decimal(share[1]) > 100:
        raise ValueError(
            f"{told.field_name} is a number of rows, as 500, or a share of them, as 5%"
        )
    return given


#: Rows, or a share of them, as "5%".
RowsMax = Annotated[int | str, BeforeValidator(_bound, json_schema_input_type=int | str)]


def rows_max(bound: int | str, rows: int) -> int:
    """The most rows that are borne of so many."""
    if isinstance(bound, int):
        return bound
    return int(Decimal(bound.rstrip("% ")) * rows / 100)
