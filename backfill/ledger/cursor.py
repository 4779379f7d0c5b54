"""How far a stream with `since` has come."""

from __future__ import annotations

from typing import NamedTuple

from backfill.records import Extremes


class Cursor(NamedTuple):
    """The values, unix seconds or integers, between which a run works; None: not known.

    base:    every row below it was acknowledged before the run; all through the run it is the same.
    highest: of the rows that the run has read.
    open:    the lowest of a row that was refused.
    """

    base: int | None = None
    highest: int | None = None
    open: int | None = None

    def plus(self, found: Extremes) -> Cursor:
        """With more rows of the run."""
        return Cursor(
            self.base,
            max((v for v in (self.highest, found.highest) if v is not None), default=None),
            min((v for v in (self.open, found.open) if v is not None), default=None),
        )

    @property
    def newest(self) -> int | None:
        """Where it would be if no row had been refused."""
        return max((v for v in (self.base, self.highest) if v is not None), default=None)

    @property
    def reached(self) -> int | None:
        """Every row below it is acknowledged, once all rows of the run are done.

        It is not below `base` but for a row that was refused within the overlap.
        """
        if self.newest is None or self.open is None:
            return self.newest
        return min(self.newest, self.open)
