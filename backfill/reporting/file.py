"""The report's file: made from the checkpoint, beside it, readable by its owner only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backfill.checkpoint import holder, peek, peek_history
from backfill.config import Job
from backfill.errors import StorageError, UsageError
from backfill.private import write_whole
from backfill.resumption import Saved


def path_of(checkpoint: Path, run_id: str) -> Path:
    """Where a run's report stands."""
    name = checkpoint.name.replace(".checkpoint", "", 1)
    return checkpoint.with_name(f"{name}.{run_id}.html")


def write(job: Job, output: Path | None = None) -> tuple[Path, Saved]:
    """Write the report of the run that the job's checkpoint holds, as of its last commit.

    output: another place for the file.
    Returns where it is, and what it tells of. Raises UsageError where no run has begun,
    StorageError where it cannot be written, AssertionError where counts do not add up.
    """
    from backfill.reporting.facts import facts
    from backfill.reporting.page import page

    saved = peek(job.checkpoint)
    if saved is None:
        raise UsageError(
            "there is no run to report on",
            str(job.checkpoint),
            f"run the job first (backfill run {job.path}), or name the checkpoint it has in the"
            " config",
        )
    is_running = holder(job.checkpoint) is not None
    found = facts(saved, peek_history(job.checkpoint), is_running=is_running)
    path = output or path_of(job.checkpoint, saved.run_id)
    text = page(job, saved.job, found, _planned(job, saved))
    try:
        write_whole(path, text.encode())
    except OSError as error:
        what = f"the report cannot be written: {error.strerror}"
        fix = "free some space, or name another place: backfill report CONFIG --output FILE"
        raise StorageError(what, str(path), fix) from error
    return path, saved


def _planned(job: Job, saved: Saved) -> Mapping[str, Any] | None:
    """What was planned of this very job: the same mapping, over the same sources."""
    try:
        told = json.loads(job.plan_file.read_bytes())
    except (OSError, ValueError):
        return None
    is_of_job = isinstance(told, dict) and told.get("job") == saved.job.digest
    return told if is_of_job else None
