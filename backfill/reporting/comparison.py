"""What a plan foresaw beside what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from backfill.ledger import Counts


class Actual(NamedTuple):
    """What came of a run, all its processes together."""

    counts: Counts
    requests: int
    body_bytes: int
    work_s: float


class Compared(NamedTuple):
    """One quantity, planned and actual; in rows, operations, requests, bytes or seconds."""

    what: str
    planned: float
    actual: float

    @property
    def difference(self) -> float:
        """How much more there was than planned."""
        return self.actual - self.planned

    @property
    def share(self) -> float | None:
        """The same as a share of what was planned; None where that is nothing."""
        return self.difference / self.planned if self.planned else None


def compared(planned: Mapping[str, Any], actual: Actual) -> list[Compared]:
    """Each quantity that the plan has; planned: the object `plan --json` prints."""
    rows, counts = planned.get("rows", {}), actual.counts
    pairs = [
        ("rows read", rows.get("read"), counts.read),
        ("rows delivered", rows.get("deliverable"), counts.delivered),
        ("rows rejected", rows.get("rejected"), counts.rejected),
        ("rows filtered", rows.get("filtered"), counts.filtered),
        (
            "operations",
            planned.get("operations"),
            counts.operations_delivered + counts.operations_rejected,
        ),
        ("requests", planned.get("requests"), actual.requests),
        ("bytes sent", planned.get("bytes"), actual.body_bytes),
        ("seconds at work", planned.get("seconds"), actual.work_s),
    ]
    return [
        Compared(what, float(was), float(came))
        for what, was, came in pairs
        if isinstance(was, int | float)
    ]
