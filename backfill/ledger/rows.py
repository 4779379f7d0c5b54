"""Which rows of one file are done, in whatever order they became so."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np

from backfill.ledger.state import FileState
from backfill.records import BlockStart, Bools, Int64s


class RowsDone:
    """The rows of one file that are done: all below `frontier`, some in a window above it.

    top: none from here on is.
    """

    def __init__(self, frontier: int = 0, bits: bytes = b"") -> None:
        self.frontier = frontier
        self._window: Bools = np.unpackbits(np.frombuffer(bits, np.uint8)).view(np.bool_)
        self._base = frontier  # the row of _window[0]
        self.top = frontier + len(self._window)

    def mark(self, rows: Int64s) -> None:
        """Count rows as done.

        rows: int64[n], n > 0, in any order; none of them done yet, or that is our mistake.
        """
        first, stop = int(rows.min()), int(rows.max()) + 1
        _once(first >= self.frontier)
        self._make_room(stop)
        window = self._window[first - self._base : stop - self._base]
        before = np.count_nonzero(window)
        window[rows - first] = True
        _once(np.count_nonzero(window) == before + len(rows))
        self.top = max(self.top, stop)
        if first == self.frontier:
            self._advance()

    def between(self, start_row: int, stop_row: int) -> Bools:
        """bool[stop_row - start_row]: which rows of the range are done."""
        is_done = np.zeros(stop_row - start_row, np.bool_)
        is_done[: max(self.frontier - start_row, 0)] = True
        first, stop = max(start_row, self.frontier), min(stop_row, self.top)
        if first < stop:
            seen = self._window[first - self._base : stop - self._base]
            is_done[first - start_row : stop - start_row] = seen
        return is_done

    def bits(self) -> bytes:
        """The rows from the frontier on, as FileState keeps them."""
        return np.packbits(self._ahead()).tobytes()

    def _ahead(self) -> Bools:
        return self._window[self.frontier - self._base : self.top - self._base]

    def _make_room(self, stop: int) -> None:
        if stop - self._base <= len(self._window):
            return
        # Twice what is needed: so the copying of a window is paid for by the rows that fill it.
        window = np.zeros(2 * (stop - self.frontier), np.bool_)
        window[: self.top - self.frontier] = self._ahead()
        self._base, self._window = self.frontier, window

    def _advance(self) -> None:
        ahead = self._ahead()
        gap = int(ahead.argmin())  # the first row not done, or 0 where there is none
        if not ahead[gap]:
            self.frontier += gap
            return
        self.frontier = self._base = self.top
        self._window = np.empty(0, np.bool_)


def _once(is_so: bool | np.bool_) -> None:
    if not is_so:  # not `assert`: under -O a row lost would go unnoticed
        raise AssertionError("a row was done twice")


class FileLedger:
    """One file: its rows, how many were refused, how many there are once that is known, and where
    the blocks above the frontier begin.
    """

    def __init__(self, state: FileState) -> None:
        self.done = RowsDone(state.frontier, state.bits)
        self.rows, self.rejected = state.rows, state.rejected
        # A block that begins beyond the frontier would be no place to go on from.
        is_place = state.resume is not None and state.resume.row <= state.frontier
        self._starts = [state.resume] if is_place and state.resume else []

    def note(self, start: BlockStart) -> None:
        """A block that begins here was read; blocks may be read in any order."""
        place = bisect_left(self._starts, start)
        if place == len(self._starts) or self._starts[place] != start:
            self._starts.insert(place, start)

    def resume_point(self) -> BlockStart | None:
        """Where reading can go on without missing a row; None: at the beginning."""
        passed = bisect_right(self._starts, self.done.frontier, key=lambda start: start.row)
        if passed > 1:
            del self._starts[: passed - 1]
        return self._starts[0] if passed else None

    def state(self, stream: str, index: int) -> FileState:
        """What is done of the file, as the checkpoint keeps it."""
        bits, resume = self.done.bits(), self.resume_point()
        frontier = self.done.frontier
        return FileState(stream, index, self.rows, frontier, bits, resume, self.rejected)
