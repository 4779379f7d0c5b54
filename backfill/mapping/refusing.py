"""How many rejected rows are borne before a run stops: `max_rejects`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator

_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) *%")


def _bound(given: Any) -> Any:
    is_count = isinstance(given, int) and not isinstance(given, bool) and given >= 0
    if given is None or is_count:
        return given
    share = _SHARE.fullmatch(given) if isinstance(given, str) else None
    if share is None or Decimal(share[1]) > 100:
        raise ValueError("max_rejects is a number of rows, as 500, or a share of them, as 5%")
    return given


#: Rows, or a share of the rows read so far, as "5%".
MaxRejects = Annotated[int | str, BeforeValidator(_bound, json_schema_input_type=int | str)]


def rejects_max(bound: int | str, rows_read: int) -> int:
    """The most rows that may be rejected of so many that were read."""
    if isinstance(bound, int):
        return bound
    return int(Decimal(bound.rstrip("% ")) * rows_read / 100)
