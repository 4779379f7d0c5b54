"""What happened in a run, for people: when who worked, each request, what was said."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backfill.errors import BackfillError
from backfill.ledger import Request


class Sitting(NamedTuple):
    """When a process worked at a run, in unix seconds: of a killed one, until its last commit."""

    began_s: float
    ended_s: float


class Work(NamedTuple):
    """What was done for a run, by all processes that worked at it.

    requests: every one, also those retried among them; body_bytes: of all of them.
    """

    requests: int = 0
    retried: int = 0
    body_bytes: int = 0
    sittings: tuple[Sitting, ...] = ()

    @property
    def seconds(self) -> float:
        """How long they worked."""
        return sum(max(0.0, each.ended_s - each.began_s) for each in self.sittings)


class Log(NamedTuple):
    """What happened in a run, for people: each request, in the order of their answers, and what was
    said. Nothing goes by it.
    """

    requests: tuple[Request, ...] = ()
    remarks: tuple[str, ...] = ()


#: A request in a history: 36 bytes, so that a million of them fit anywhere. Times in unix seconds
#: and seconds; stream is a place in the job's order.
REQUEST = np.dtype(
    [("started_s", "f8"), ("elapsed_s", "f8")]
    + [(n, "i4") for n in ("stream", "operations", "body_bytes", "status", "attempt")]
)


class History(NamedTuple):
    """What happened in a run, for its report, as of one moment. Nothing goes by it.

    requests: REQUEST[n], in the order of their answers.
    failures: why requests were tried again and how many were, the most frequent first.
    """

    requests: npt.NDArray[np.void]
    failures: tuple[tuple[str, int], ...] = ()
    remarks: tuple[str, ...] = ()
    sittings: tuple[Sitting, ...] = ()


_STOPPED = "stopped: "


def stopped_by(error: BackfillError) -> str:
    """The remark that says why a run stopped; of an error, so there is no value of a row in it."""
    return f"{_STOPPED}{error.what} ({error.where}); {error.fix}"


def reason_in(remark: str) -> str | None:
    """Why a run stopped, where this is the remark that says so."""
    return remark.removeprefix(_STOPPED) if remark.startswith(_STOPPED) else None
