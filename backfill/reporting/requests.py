"""The requests of a run as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backfill.records import Bools, Int64s
from backfill.verdict import ACCEPTING

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """n requests, in the order of their answers; each column has n entries.

    started_s: unix time. stream: an index into the job's streams. status: 0 for no answer.
    """

    started_s: Float64s
    elapsed_s: Float64s
    stream: Int64s
    operations: Int64s
    body_bytes: Int64s
    status: Int64s
    attempt: Int64s

    def __len__(self) -> int:
        return len(self.started_s)

    @property
    def ended_s(self) -> Float64s:
        """Unix time of each answer, or of its being given up."""
        return self.started_s + self.elapsed_s

    @property
    def is_accepted(self) -> Bools:
        """Whether the answer accepted operations."""
        return np.isin(self.status, ACCEPTING)


def columns(logged: npt.NDArray[np.void]) -> Requests:
    """The columns of a history's requests; sums of 64 bits hold what entries of 32 come to."""
    whole = ("stream", "operations", "body_bytes", "status", "attempt")
    return Requests(
        logged["started_s"],
        np.maximum(logged["elapsed_s"], 0.0),
        *(logged[name].astype(np.int64) for name in whole),
    )
