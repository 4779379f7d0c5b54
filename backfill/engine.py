"""What commands and Python programs stand on: a job, run or planned, in a loop of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from backfill import concurrency, config, pipeline
from backfill.config import Job
from backfill.errors import BackfillError, InUse, unforeseen
from backfill.pipeline import Confirmed, Options, Place, Stop, Turn, Watcher
from backfill.remarks import Says, stray
from backfill.report import Closing

if TYPE_CHECKING:
    from backfill import planning, undoing
    from backfill.appapi import AppApi

__all__ = ["confirmed", "destination", "send", "surveyed", "undo_surveyed", "wait"]

Outcome = TypeVar("Outcome")

#: Every request in flight may wait for the resolver in a thread; reading, encoding and committing,
#: one thread each, go on beside them.
_THREADS_MAX = concurrency.MOST + 3


def send(
    job: Job,
    options: Options,
    watcher: Watcher,
    *,
    takes_signals: bool = False,
    stop: Stop | None = None,
) -> Closing:
    """Send what is not done of a job.

    Returns what the run came to; what stopped a run that had begun is in `error`. Raises
    BackfillError where nothing was begun.
    stop:          to ask the run to end by.
    takes_signals: let SIGINT, SIGTERM and SIGHUP end the run in order; only in the main thread.
                   Once it has ended they are ignored: nothing is left but to say so.
    """
    closing = _run(_sent(job, options, watcher, stop or Stop(), takes_signals))
    if closing.was_done:
        return closing
    return replace(closing, report=_reported(job, closing, watcher))


def wait(job: Job, until_s: float, says: Says) -> None:
    """Wait for other runs of a job to end, before a person is asked; see `pipeline.Turn`."""
    _run(Turn(until_s, says).come(job))


def surveyed(
    job: Job, scope: planning.Scope, watcher: Watcher, stop: Stop | None = None
) -> planning.Plan:
    """Say what a run of a job will do; sends nothing, and needs no credentials.

    stop: to ask it to end by. Raises what `pipeline.open_streams` and `planning.survey` raise, and
    Interrupted where it was asked to end.
    """

    from backfill import planning

    async def work() -> planning.Plan:
        asked = stop or Stop()
        asked.goes_by(asyncio.get_running_loop())
        opening = asyncio.to_thread(pipeline.open_streams, job, scope.saved)
        streams = await asked.unless_asked(opening)
        return await asked.unless_asked(planning.survey(job, streams, watcher, scope))

    return _run(work())


def undo_surveyed(job: Job, run_id: str, *, lists: bool) -> undoing.Undo:
    """Say what undoing a run comes to; as `undoing.survey`."""
    from backfill import undoing

    with ExitStack() as held:
        return undoing.survey(job, run_id, cache(lambda: _app_api(job, held)), lists=lists)


def confirmed(job: Job) -> Confirmed:
    """Ask the job's destination who it is; raises what `pipeline.confirmed` raises."""
    with destination(job) as place:
        return _run(pipeline.confirmed(job, place))


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

    app_api_key = config.sandbox_app_api_key(environ)
    workspace = sandbox.Sandbox(job.sandbox, credentials.site_id, credentials.api_key, app_api_key)
    with sandbox.embedded(workspace) as address:
        yield Place(address, config.identity(job.sandbox, credentials.site_id), credentials)


def _app_api(job: Job, held: ExitStack) -> tuple[AppApi, str] | None:
    """The App API of the job's workspace, and its identity, until `held` ends; None: no key is set.

    A sandbox, and what else stands on this machine, answers its calls at the same address.
    """
    from backfill.appapi import HOSTS, Access, AppApi

    key = config.app_api_key(os.environ, job)
    if key is None:
        return None
    place, region = held.enter_context(destination(job)), str(job.destination.region)
    if region == "auto":
        found = _run(pipeline.confirmed(job, place))
        place, region = found.place, str(found.region)
    address = place.address if place.is_rehearsal else HOSTS[region]
    api = AppApi(Access(address, key, job.destination.give_up_after))
    held.callback(api.close)
    return api, place.identity


def _reported(job: Job, closing: Closing, watcher: Watcher) -> Path | None:
    """Write the run's report, and say so where that fails: the run came to what it came to."""
    from backfill import reporting

    try:
        path, saved = reporting.write(job)
        return path if saved.run_id == closing.run_id else None  # the checkpoint was replaced
    except BackfillError as error:
        watcher.says(str(error), "no_report", "warning")
    except Exception as error:  # of any kind: a mistake in a report must not pass for one in a run
        watcher.says(f"no report: {unforeseen(error)}", "no_report", "warning")
    return None


class _Threads(ThreadPoolExecutor):
    """Threads that nobody waits for once the work is over.

    One may still ask a resolver, or a disk, that does not answer.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Take no more work."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)


def _run(work: Coroutine[Any, Any, Outcome]) -> Outcome:
    async def running() -> Outcome:
        asyncio.get_running_loop().set_default_executor(_Threads(_THREADS_MAX))
        return await work

    return asyncio.run(running())


async def _sent(
    job: Job, options: Options, watcher: Watcher, stop: Stop, takes_signals: bool
) -> Closing:
    loop = asyncio.get_running_loop()
    stop.goes_by(loop)
    loop.set_exception_handler(lambda _, context: watcher.says(*stray(context)))
    taken = _signals() if takes_signals else ()
    for number in taken:
        loop.add_signal_handler(number, stop.request, number)
    try:
        return await _in_turn(job, options, watcher, stop)
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


async def _in_turn(job: Job, options: Options, watcher: Watcher, stop: Stop) -> Closing:
    """Run it once nobody is in the way; another may still come between."""
    turn = Turn(options.wait_until_s, watcher.says)
    while True:
        await stop.unless_asked(turn.come(job))
        try:
            with destination(job) as place:
                return await pipeline.run(job, place, options, watcher, stop)
        except InUse as other:
            await stop.unless_asked(turn.after(other))


def _signals() -> tuple[signal.Signals, ...]:
    """What ends a run: none that whoever started it ignores.

    `nohup` ignores SIGHUP; a script that starts a command with `&`, SIGINT.
    [pubs.opengroup.org, Shell Command Language, 2.11]
    """
    wishes = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return tuple(each for each in wishes if signal.getsignal(each) is not signal.SIG_IGN)
