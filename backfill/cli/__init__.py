"""The command line: `backfill COMMAND`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from backfill.cli.assistance import completion, schema
from backfill.cli.commands import commands
from backfill.cli.drafting import init
from backfill.cli.inquiries import history, rejects, why
from backfill.cli.output import Output, unbegun
from backfill.cli.planning import plan
from backfill.cli.rehearsals import chaos
from backfill.cli.reports import report
from backfill.cli.serving import sandbox
from backfill.cli.streams import outlive_readers
from backfill.cli.undoing import undo
from backfill.errors import Terminated
from backfill.process import settle

if TYPE_CHECKING:
    from backfill.progress import JsonLog

__all__ = ["main"]

#: How long a thread may take to end, in seconds; one that is idle takes a millisecond.
_LEAVE_S = 0.2

_BESIDE = (chaos, completion, history, init, plan, rejects, report, sandbox, schema, undo, why)
for command in _BESIDE:
    commands.add_command(command)


def main() -> None:
    """Run a command; every way out has its exit code and, with --json, its object."""
    outlive_readers()
    settle()
    signal.signal(signal.SIGTERM, _terminate)
    output = Output("--json" in sys.argv, log=_log())
    if sys.argv[1:2] == ["run"]:
        output.unfinished = partial(unbegun, None)
    with _leaving(), output.errors():
        commands(obj=output, standalone_mode=False)


def _log() -> JsonLog | None:
    """What writes to stderr if the command line says `--log-format json`."""
    if "--log-format=json" not in "\0".join(sys.argv).replace("format\0", "format="):
        return None
    from backfill.progress.jsonlog import JsonLog

    return JsonLog()


@contextmanager
def _leaving() -> Iterator[None]:
    """End the process with its exit code, also where a thread does not end.

    The interpreter would wait for a resolver, or a disk, that does not answer.
    """
    try:
        yield
    except SystemExit as ended:
        for thread in set(threading.enumerate()) - {threading.current_thread()}:
            thread.join(0 if thread.daemon else _LEAVE_S)
            if thread.is_alive() and not thread.daemon:
                os._exit(int(ended.code or 0))
        raise


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated("interrupted", "this command", "run it again")
