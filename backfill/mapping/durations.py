"""Times as people write them in a config: 600, 90s, 10m, 2h."""

from __future__ import annotations

import re
from typing import Any

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(s|m|min|h)?")
_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600}


def seconds_of(given: Any) -> float | None:
    """How long a time is; without a unit it is seconds. None for what is no time."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    found = _DURATION.fullmatch(str(given)) if is_number or isinstance(given, str) else None
    return float(found[1]) * _UNITS_S[found[2] or "s"] if found else None
