"""How a run goes, on stderr: a line that moves on a terminal, a line now and then elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from backfill.progress.bars import Bars
from backfill.progress.lines import Lines

__all__ = ["Bars", "Lines", "watching"]


@contextmanager
def watching() -> Iterator[Bars | Lines]:
    """Show how something goes, as fits where stderr leads, until the context ends."""
    watcher = Bars() if sys.stderr.isatty() else Lines()
    try:
        yield watcher
    finally:
        watcher.close()
