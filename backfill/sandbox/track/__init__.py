"""The Track API: every endpoint of v1 and v2."""

from __future__ import annotations

from typing import Final

from backfill.sandbox.calls import Endpoint
from backfill.sandbox.track import account, v1, v2

ENDPOINTS: Final[tuple[Endpoint, ...]] = (*account.ENDPOINTS, *v1.ENDPOINTS, *v2.ENDPOINTS)
