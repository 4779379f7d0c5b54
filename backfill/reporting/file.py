"""The report's file: made from the checkpoint, beside it, readable by its owner only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from backfill.checkpoint import holder, peek, peek_history
from backfill.config import Job
from backfill.errors import StorageError, UsageError
from backfill.resumption import Saved


def path_of(checkpoint: Path, run_id: str) -> Path:
    """Where a run's report stands."""
    return checkpoint.with_name(f"{checkpoint.stem}.{run_id}.html")


def write(
    job: Job, planned: Mapping[str, Any] | None = None, output: Path | None = None
) -> tuple[Path, Saved]:
    """Write the report of the run that the job's checkpoint holds, as of its last commit.

    planned: the object `plan --json` printed for this job. output: another place for the file.
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
    _put(path, page(job, saved.job, found, planned))
    return path, saved


def _put(path: Path, text: str) -> None:
    """Write a file, whole or not at all, with mode 0600."""
    draft = None
    try:
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor)
            file.write(text)
        os.replace(draft, path)  # noqa: PTH105 (as `draft` is)
    except OSError as error:
        if draft is not None:
            with suppress(OSError):
                os.unlink(draft)  # noqa: PTH108
        what = f"the report cannot be written: {error.strerror}"
        fix = "free some space, or name another place: backfill report CONFIG --output FILE"
        raise StorageError(what, str(path), fix) from error
