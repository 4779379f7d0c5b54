"""A line that moves on a terminal, for the stream whose turn it is; the finished leave theirs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Never, TextIO

from tqdm import tqdm

from backfill.ledger import Counts
from backfill.progress import wording
from backfill.progress.tally import Tally, Turn
from backfill.remarks import Level, shown
from backfill.waiting import Limit

#: Seconds between two drawings: no eye sees more, and over a slow line each costs 80 bytes.
DRAW_EVERY_S = 0.2

#: Columns where the terminal does not say, as those of some build servers.
WIDTH = 80

Worded = Callable[[Tally, float, int], str]


class Bars(Turn):
    """One line a stream. tqdm draws it, and moves it out of the way of what is said.

    clock_s: seconds, never backwards.
    """

    def __init__(
        self, out: TextIO | None = None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock_s)
        self._out = out or sys.stderr
        self._bar: tqdm[Never] | None = None
        self._drawn_s = 0.0

    def starts(self, run_id: str) -> None:
        """The closing summary names it."""

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""
        self.close()
        self._tally = Tally(stream, self._clock_s(), rows_done)
        # The line is fitted here, each time, so tqdm is to cut nothing off.
        self._bar = tqdm(
            desc=self._line(self._tally, wording.on_terminal), bar_format="{desc}", file=self._out,
            ncols=1000, nrows=20,
        )  # fmt: skip

    def settled(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""
        super().settled(rows, rejected)
        if self._clock_s() - self._drawn_s >= DRAW_EVERY_S:
            self._draw()

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:
        """What is known of the stream now."""
        if self._tally is not None:
            self._tally.tick(self._clock_s(), counts, limited_by)
            self._draw()

    def ends(self, counts: Counts) -> None:
        """The stream is finished."""
        if self._tally is not None:
            self._tally.tick(self._clock_s(), counts, None)
            self._draw(wording.ended_on_terminal)
            self._leave()

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:  # noqa: ARG002
        """Something a person should know."""
        tqdm.write(shown(text, level), file=self._out)

    def close(self) -> None:
        """Leave the line as it stands."""
        if self._tally is not None:
            self._draw()
            self._leave()

    def _draw(self, worded: Worded = wording.on_terminal) -> None:
        self._drawn_s = self._clock_s()
        if self._bar is not None and self._tally is not None:
            self._bar.set_description_str(self._line(self._tally, worded))

    def _line(self, tally: Tally, worded: Worded) -> str:
        width = _columns(self._out) - 1  # a terminal may wrap after a full line
        return worded(tally, self._clock_s(), width)

    def _leave(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = self._tally = None


def _columns(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or WIDTH
    except (OSError, ValueError):  # no terminal
        return WIDTH
