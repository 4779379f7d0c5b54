"""The engine for Python programs, and what the command line stands on.

`closing = run("configs/migration.yaml")`, then `closing.counts["contacts"].delivered`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backfill import config, pipeline
from backfill.config import Job
from backfill.errors import unforeseen
from backfill.pipeline import Confirmed, Options, Place, Stop, Watcher
from backfill.report import Closing

__all__ = ["Options", "Silence", "confirmed", "destination", "run", "send"]


def run(
    path: str | Path,
    *,
    overrides: Sequence[str] = (),
    options: Options | None = None,
    watcher: Watcher | None = None,
) -> Closing:
    """Send what is not done of the job that a config describes.

    overrides: PATH=VALUE each, as `--set` takes them.
    Returns what the run came to; what stopped a run that had begun is in `error`. Raises
    BackfillError where nothing was begun.
    """
    return send(config.load(Path(path), overrides), options or Options(), watcher or Silence())


def send(job: Job, options: Options, watcher: Watcher, *, takes_signals: bool = False) -> Closing:
    """Send what is not done of a job.

    takes_signals: let SIGINT, SIGTERM and SIGHUP end the run in order; only in the main thread.
                   Once it has ended they are ignored: nothing is left but to say so.
    """
    with destination(job) as place:
        return asyncio.run(_sent(job, place, options, watcher, takes_signals))


def confirmed(job: Job) -> Confirmed:
    """Ask the job's destination who it is; raises what `pipeline.confirmed` raises."""
    with destination(job) as place:
        return asyncio.run(pipeline.confirmed(job, place))


@contextmanager
def destination(job: Job, environ: Mapping[str, str] = os.environ) -> Iterator[Place]:
    """Where the job goes; an embedded sandbox runs as long as the context is open."""
    credentials = config.credentials(environ, job)
    if job.sandbox is None:
        address = config.address(job, environ)
        assert address is not None
        yield Place(address, config.identity(address, credentials.site_id), credentials)
        return
    from backfill import sandbox

    workspace = sandbox.Sandbox(job.sandbox, credentials.site_id, credentials.api_key)
    with sandbox.embedded(workspace) as address:
        yield Place(address, config.identity(job.sandbox, credentials.site_id), credentials)


async def _sent(
    job: Job, place: Place, options: Options, watcher: Watcher, takes_signals: bool
) -> Closing:
    stop, loop = Stop(), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: watcher.says(_stray(context)))
    taken = _signals() if takes_signals else ()
    for number in taken:
        loop.add_signal_handler(number, stop.request, number)
    try:
        return await pipeline.run(job, place, options, watcher, stop)
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


def _stray(context: Mapping[str, Any]) -> str:
    """What to say of an error that reaches nobody; asyncio would print all that it quotes."""
    error = context.get("exception")
    return f"warning: {unforeseen(error) if error else context['message']}"


def _signals() -> tuple[signal.Signals, ...]:
    """What ends a run; under `nohup`, which ignores SIGHUP, a terminal that goes away does not."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return (signal.SIGINT, signal.SIGTERM)
    return (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Silence:
    """A watcher that says nothing."""

    def begins(self, stream: str, rows_done: int) -> None:
        """Not shown."""

    def expects(self, rows: int | None) -> None:
        """Not shown."""

    def settled(self, rows: int, rejected: int) -> None:
        """Not shown."""

    def says(self, text: str) -> None:
        """Not shown."""
