"""What a rehearsal is of: somebody's job, made small, and the command that runs it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backfill.config import Job, load
from backfill.pipeline import open_streams
from backfill.sandbox.faults.kinds import Choice

#: The engine as a process of its own. -P: no module of the folder we stand in is taken for one of
#: Python's.  [docs.python.org, using/cmdline]
COMMAND: Final = (sys.executable, "-P", "-m", "backfill")

#: An engine that makes no request for so long, in seconds, hangs: no wait between two attempts is
#: longer than half a minute (`backfill.pacing.BACKOFF_S_MAX`).
QUIET_S_MAX: Final = 90.0

#: Rows that take part, over all streams: with them one seed takes some seconds.
ROWS_MAX: Final = 5_000

#: Requests the job is cut into: some for each of the faults, two seconds at the pace of a plan.
REQUESTS: Final = 100


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A job that is rehearsed.

    overrides: PATH=VALUE each, as `--set` takes them; limit: rows of each stream, its first ones;
    command:   what runs the engine, less `run` and what follows; quiet_s_max: how long it may make
               no request before it counts as hanging.
    """

    job: Job
    overrides: tuple[str, ...]
    limit: int
    command: Sequence[str] = COMMAND
    quiet_s_max: float = QUIET_S_MAX

    @property
    def refusable(self) -> Choice:
        """Operations that are the same in every run: events of now carry the run's time."""
        is_now = any(stream.event and stream.event.is_now for stream in self.job.streams)
        return Choice(action="identify") if is_now else Choice()


def rehearsed(config: Path, overrides: Sequence[str] = (), rows_max: int = ROWS_MAX) -> Rehearsed:
    """Read a job and look whether it could run.

    Raises BackfillError, as `run` would before its first request.
    """
    job = load(config, overrides)
    open_streams(job)
    return Rehearsed(job, tuple(overrides), max(1, rows_max // len(job.streams)))


def told_to(rehearsed: Rehearsed, folder: Path, pace: tuple[int, int] | None) -> list[str]:
    """The command line of the engine in a rehearsal.

    folder: for its checkpoint and rejects. pace: requests and operations a second; None: one
    request after the other, as fast as they are answered: the undisturbed run.
    Nothing of it leads to the user's destination, checkpoint or rejects.
    """
    job = rehearsed.job
    destination: dict[str, str | int] = {"region": "us"}  # the sandbox's
    if pace is None:
        destination["concurrency"] = 1
    else:
        destination["requests_per_s"], destination["operations_per_s"] = pace
        if job.destination.concurrency:
            destination["concurrency"] = job.destination.concurrency
    values: dict[str, object] = {
        "destination": destination,
        "checkpoint": str(folder / "checkpoint"),
        "rejects": str(folder / "rejects"),
    }
    # The sandbox refuses rows that are sound: what is to stop a live run must not stop this one.
    if job.max_rejects is not None:
        values["max_rejects"] = None
    for stream in job.streams:
        if stream.max_rejects is not None:
            values[f"streams.{stream.name}.max_rejects"] = None
    changed = [*rehearsed.overrides, *(f"{path}={json.dumps(v)}" for path, v in values.items())]
    given = [argument for text in changed for argument in ("--set", text)]
    limit = ["--limit", str(rehearsed.limit)]
    return [*rehearsed.command, "run", str(job.path), "--json", "--yes", *limit, *given]
