"""What tells a reader which rows it is to read, before it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backfill.records import Part, UInt64s

#: What a sieve says of a row: KEPT, or the place of a part in SIEVED.
KEPT = 0
SIEVED: tuple[Part | None, ...] = (None, "unchanged", "superseded")


class Said(NamedTuple):
    """What a sieve says of some rows.

    parts:  uint8[n]: KEPT, or the place of a part in SIEVED.
    hashes: uint64[n]: of the rows as the source has them.
    """

    parts: npt.NDArray[np.uint8]
    hashes: UInt64s


#: Tells a reader which rows it is to read, before it does: given the first row's number, and of
#: each row a uint64 that is another if its record is another. May be asked about rows again.
Sieve = Callable[[int, UInt64s], Said]
