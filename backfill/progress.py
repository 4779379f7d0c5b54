"""How a run goes, on stderr: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never, TextIO

from tqdm import tqdm

#: Seconds between two lines where there is no terminal: an hour's import makes 60 lines.
LINE_EVERY_S = 60.0


class Bars:
    """One bar a stream: rows done, rate, rejects and time left.

    Rows that earlier processes did are shown as done and are no part of the rate.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._out = stream or sys.stderr
        self._bar: tqdm[Never] | None = None
        self._rejected = 0

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""
        self.close()
        self._rejected = 0
        self._bar = tqdm(
            desc=stream, initial=rows_done, unit=" rows", unit_scale=True, file=self._out,
            dynamic_ncols=True, smoothing=0.1,
        )  # fmt: skip

    def expects(self, rows: int | None) -> None:
        """How many rows the stream will have, as far as can be told by now."""
        if self._bar is not None and rows is not None:
            self._bar.total = max(rows, self._bar.n)

    def settled(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""
        if self._bar is None:
            return
        self._rejected += rejected
        if rejected:
            self._bar.set_postfix_str(f"{self._rejected:,} rejected", refresh=False)
        if self._bar.total is not None and self._bar.n + rows > self._bar.total:
            self._bar.total = self._bar.n + rows
        self._bar.update(rows)

    def says(self, text: str) -> None:
        """Something a person should know."""
        tqdm.write(text, file=self._out)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Lines:
    """A line when a stream begins, then one now and then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._out = stream or sys.stderr
        self._name, self._done, self._rejected = "", 0, 0
        self._expected: int | None = None
        self._said_s = 0.0

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""
        self._name, self._done, self._rejected, self._expected = stream, rows_done, 0, None
        self._said_s = time.monotonic()
        self.says(f"{stream}: begins" + (f" at {rows_done:,} rows done" if rows_done else ""))

    def expects(self, rows: int | None) -> None:
        """How many rows the stream will have, as far as can be told by now."""
        self._expected = rows

    def settled(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""
        self._done += rows
        self._rejected += rejected
        if time.monotonic() - self._said_s >= LINE_EVERY_S:
            self._said_s = time.monotonic()
            of = f" of about {self._expected:,}" if self._expected else ""
            self.says(f"{self._name}: {self._done:,}{of} rows done, {self._rejected:,} rejected")

    def says(self, text: str) -> None:
        """Something a person should know."""
        print(text, file=self._out, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


@contextmanager
def watching() -> Iterator[Bars | Lines]:
    """Show how something goes, as fits where stderr leads, until the context ends."""
    watcher = Bars() if sys.stderr.isatty() else Lines()
    try:
        yield watcher
    finally:
        watcher.close()
