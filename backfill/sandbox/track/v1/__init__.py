"""The Track API v1: one endpoint for each thing that is said of a person."""

from __future__ import annotations

from typing import Final

from backfill.sandbox.calls import Endpoint
from backfill.sandbox.track.v1 import audience, customers, happenings

#: Identifiers may hold a slash that is not encoded: the longer paths come first.
ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *happenings.ENDPOINTS,
    *audience.ENDPOINTS,
    *customers.ENDPOINTS,
)
