"""Progress on a terminal, as the bytes that reach it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from backfill.progress import Bars

from .watching import Clock, played

Play = Callable[[Bars, Clock], None]


def seen(columns: int, rows: int, play: Play) -> list[str]:
    """Every line that a terminal of that size was to show, the one that moves each time."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(_all_of, master)
        with os.fdopen(slave, "w", encoding="utf-8") as out:
            clock = Clock()
            bars = Bars(out, clock)
            play(bars, clock)
            bars.close()
        drawn = reading.result().decode()
    os.close(master)
    assert "\x1b" not in drawn.replace("\x1b[A", "")
    return [line for line in re.split(r"[\r\n]+", drawn) if line.strip()]


def _all_of(master: int) -> bytes:
    """What was written to a terminal until it was closed."""
    pieces = []
    with suppress(OSError):  # EIO, once nobody has the other end open
        while piece := os.read(master, 1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


def two_streams(bars: Bars, clock: Clock) -> None:
    bars.begins("companies", 0)
    bars.ends(played(bars, clock, 2, 10))
    bars.begins("contacts", 0)
    bars.expects(4000)
    played(bars, clock, 10, 100)


def test_a_finished_stream_leaves_its_line_and_the_next_says_how_far_it_is():
    lines = seen(100, 24, two_streams)

    left = [line.rstrip() for line in lines if line.startswith("companies  100%")]
    assert left[-1] == f"companies  100%  [{'#' * 30}]  20 rows  10/s  2 rejected  in 0:02"
    assert lines[-1].rstrip() == (
        "contacts  25%  [#####----------------]  1,000 of ~4,000  100/s  10 rejected  0:30 left"
        "  limit: pace"
    )


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal(columns):
    assert max(map(len, seen(columns, 24, two_streams))) <= columns


def test_a_terminal_that_has_no_size_is_taken_for_one_of_80_columns():
    assert seen(0, 0, two_streams) == seen(80, 24, two_streams)


def test_what_is_said_stands_above_the_line_that_moves():
    def play(bars: Bars, clock: Clock) -> None:
        bars.begins("contacts", 0)
        bars.says("contacts: something to know")
        played(bars, clock, 1, 100)

    lines = seen(80, 24, play)

    assert "contacts: something to know" in lines
    assert lines[-1].startswith("contacts  100  ")
