"""The engine for Python programs: notebooks, orchestrators.

    import backfill

    print(backfill.plan("crm.yaml"))
    result = backfill.run("crm.yaml", on_progress=print)
    result.rejects()                        # a polars DataFrame

A job is a config file, or its content as a dict in which a source may be a DataFrame of pandas or
polars; `backfill.job` makes one of either, for values that are to be set once.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from backfill import config, distribute, frames, planning, report
from backfill.config import Job
from backfill.engine import send, surveyed
from backfill.following import Follower, Progress
from backfill.ledger import Counts
from backfill.pipeline import Options, Stop
from backfill.resumption import State

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Job", "Progress", "Result", "job", "plan", "run"]

Outcome = TypeVar("Outcome")

#: How long Ctrl-C may take to be seen, in seconds: polars' handler of it has the system wait on.
_TURN_S = 0.1

#: What stands for a job: a config file, its content, or one that `job` made.
Given = str | Path | Mapping[str, Any] | Job


def job(
    given: Given,
    *,
    name: str = "job",
    overrides: Sequence[str] = (),
    only: str | None = None,
    source: str | Path | None = None,
) -> Job:
    """Make a job.

    given:     a config file; or its content, with paths relative to the current folder, and
               DataFrames as sources, which are written as Parquet beside the checkpoint.
    name:      of a job from a dict: state/NAME.checkpoint holds what is done of it.
    overrides: PATH=VALUE each, as `--set` takes them.
    only, source: the part of it that sends one stream, from another file; see `run --only`.
    Raises BackfillError for a config that does not hold.
    """
    if isinstance(given, Job):
        made = given
    elif isinstance(given, str | Path):
        made = config.load(Path(given), overrides)
    else:
        made = _of(given, Path(name), overrides)
    if only is None:
        return made
    return config.only(made, only, None if source is None else Path(source))


def plan(
    given: Given,
    *,
    limit: int | None = None,
    latency_s: float = planning.LATENCY_S,
    on_progress: Callable[[Progress], None] | None = None,
) -> planning.Plan:
    """Say what a run will do, exactly; sends nothing, and needs no credentials.

    limit: rows of each stream that take part. latency_s: of the API, for the time to expect.
    `str()` of the plan is what the command prints, `as_json()` what it prints with --json.
    Raises BackfillError where a source cannot be read, and KeyboardInterrupt at once.
    """
    from backfill.checkpoint import peek

    made = job(given)
    scope = planning.Scope(peek(made.checkpoint), limit=limit, latency_s=latency_s)
    return _in_thread(lambda stop: surveyed(made, scope, Follower(on_progress), stop))


def run(
    given: Given,
    *,
    limit: int | None = None,
    fresh: bool = False,
    wait_s: float = 0.0,
    done_folder: str | Path | None = None,
    engine: distribute.EngineName | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Send what is not done of a job; the same call again goes on where it stopped.

    limit: rows of each stream that take part. fresh: start anew; the old checkpoint is kept aside.
    wait_s: how long to wait for other runs of the job to end; math.inf: as long as it takes.
    done_folder: where files of folders and globs are moved to that are delivered or filtered whole.
    engine, workers, ray_address: spread it over workers; see `run --engine`.
    on_progress: is told about once a second, in another thread.
    Returns what the run came to: what stopped one that had begun is in `error`. Raises
    BackfillError where nothing was begun, and KeyboardInterrupt once everything is saved.
    """
    made = job(given)
    follower = Follower(on_progress)
    folder = None if done_folder is None else Path(done_folder)
    until_s = time.monotonic() + wait_s
    carries = distribute.carries(engine, workers, ray_address)
    options = Options(limit, fresh, wait_until_s=until_s, done_folder=folder, carries=carries)
    return Result(made, _in_thread(lambda stop: send(made, options, follower, stop=stop)))


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to; `closing` holds all of it."""

    job: Job
    closing: report.Closing

    @property
    def state(self) -> State:
        """completed, held, stopped or interrupted."""
        return self.closing.state

    @property
    def error(self) -> Exception | None:
        """What stopped the run."""
        return self.closing.error

    @property
    def counts(self) -> Mapping[str, Counts]:
        """What became of the rows of each stream, also by earlier processes."""
        return self.closing.counts

    @property
    def rows(self) -> Counts:
        """All streams together."""
        return report.total(self.closing.counts.values())

    @property
    def report(self) -> Path | None:
        """The page that tells of the run."""
        return self.closing.report

    def rejects(self) -> pl.DataFrame:
        """The rejected rows of all streams.

        Columns: stream, _file, _row (from 1), _rule, _reason, then those of the sources, as text
        but for Parquet.
        """
        from backfill.inquiry.table import rejected

        return rejected(self.job)

    def as_json(self) -> dict[str, Any]:
        """The object `run --json` prints."""
        return report.as_json(self.closing)

    def __str__(self) -> str:
        return "\n".join(report.summary_lines(self.closing))


def _of(content: Mapping[str, Any], path: Path, overrides: Sequence[str]) -> Job:
    """A job of a dict, its tables written where the job can read them."""
    tables: dict[str, Any] = {}
    folder = Path(str(content.get("checkpoint") or f"state/{path.name}.checkpoint") + ".tables")
    streams = content.get("streams")
    if isinstance(streams, list | tuple):
        replaced = [_without_table(stream, folder, tables) for stream in streams]
        content = {**content, "streams": replaced}
    made = config.of(content, path, overrides)
    for stream, table in tables.items():
        frames.write(table, made.base / folder / f"{stream}.parquet", stream)
    return made


def _without_table(stream: Any, folder: Path, tables: dict[str, Any]) -> Any:
    """The stream with a path where it had a table, which is added to `tables`."""
    source = stream.get("source") if isinstance(stream, Mapping) else None
    if not frames.is_frame(source):
        return stream
    name = str(stream.get("name"))
    tables[name] = source
    return {**stream, "source": str(folder / f"{name}.parquet")}


def _in_thread(work: Callable[[Stop], Outcome]) -> Outcome:
    """Do it in a thread: a notebook's own thread has an event loop already.

    Ctrl-C asks the work to end, and a second one to abandon what is in flight; it is raised again
    once that has been done.
    """
    stop = Stop()
    interruption: KeyboardInterrupt | None = None
    with ThreadPoolExecutor(1, "backfill") as threads:
        working = threads.submit(work, stop)
        while not working.done():
            try:
                wait((working,), _TURN_S)
            except KeyboardInterrupt as error:
                interruption = error
                stop.wish(signal.SIGINT)
    if interruption is not None:
        raise interruption from working.exception()
    return working.result()
