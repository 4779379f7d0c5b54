"""The Track API v1: one endpoint for each thing that is said of a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from backfill.sandbox.calls import Answer, Call, Endpoint
from backfill.sandbox.track.v1 import audience, bodies, customers, happenings
from backfill.sandbox.workspace.state import Work


def _refusing_doubles(
    handle: Callable[[Work, Call], Answer],
) -> Callable[[Work, Call], Answer]:
    """Of members that are there twice the rules see the last, and the shapes each.

    A call takes its body apart before it changes anything.
    """

    def handled(work: Work, call: Call) -> Answer:
        try:
            return handle(work, call)
        except msgspec.DecodeError:
            return bodies.refused(["body must not have a member twice"])

    return handled


#: Identifiers may hold a slash that is not encoded: the longer paths come first.
ENDPOINTS: Final[tuple[Endpoint, ...]] = tuple(
    endpoint._replace(handle=_refusing_doubles(endpoint.handle))
    for endpoint in (*happenings.ENDPOINTS, *audience.ENDPOINTS, *customers.ENDPOINTS)
)
