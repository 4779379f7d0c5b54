"""Where the workspace is, and whether a key is right."""

from __future__ import annotations

from typing import Final

import orjson

from backfill import trackapi
from backfill.sandbox.calls import Answer, Call, Endpoint
from backfill.sandbox.workspace.state import Work


def region(begun: Work, _call: Call) -> Answer:
    """Tell the region, its address and the number of the workspace."""
    where = begun.sandbox.region
    told = {"url": trackapi.HOSTS[where], "region": where, "environment_id": 1}
    return Answer(200, orjson.dumps(told) + b"\n")


def welcome(_begun: Work, _call: Call) -> Answer:
    """Tell that the key is right, as is all that the one client of it looks at.  [observed: SEG]"""
    return Answer(200, b"{}\n")


ENDPOINTS: Final = (
    Endpoint("GET", trackapi.REGION_PATH, region),
    Endpoint("GET", "/auth", welcome),  # undocumented
)
