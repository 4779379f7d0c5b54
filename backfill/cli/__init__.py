"""The command line: `backfill COMMAND`."""

from __future__ import annotations

import signal
import sys
from functools import partial
from types import FrameType

from backfill.cli.commands import commands
from backfill.cli.output import Output, unbegun
from backfill.cli.rehearsals import chaos
from backfill.cli.streams import outlive_readers
from backfill.errors import Terminated

__all__ = ["main"]

commands.add_command(chaos)


def main() -> None:
    """Run a command; every way out has its exit code and, with --json, its object."""
    outlive_readers()
    signal.signal(signal.SIGTERM, _terminate)
    output = Output("--json" in sys.argv)
    if sys.argv[1:2] == ["run"]:
        output.unfinished = partial(unbegun, None)
    with output.errors():
        commands(obj=output, standalone_mode=False)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated("interrupted", "this command", "run it again")
