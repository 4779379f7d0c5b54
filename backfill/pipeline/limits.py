"""What the sender must keep to: from the config, the run before and this process."""

from __future__ import annotations

import resource

from backfill import concurrency, pacing
from backfill.config import Job
from backfill.courier import Limits
from backfill.remarks import Remark
from backfill.resumption import Saved

#: Files that a run has open beside its connections: sources, rejects, checkpoint, terminal.
OTHER_FILES = 64


def sending_limits(job: Job, saved: Saved | None) -> Limits:
    """The limits of a run over what the run before left."""
    to = job.destination
    most = _connections_max()
    return Limits(
        requests_per_s=to.requests_per_s,
        operations_per_s=to.operations_per_s,
        concurrency=min(to.concurrency, most) if to.concurrency else None,
        concurrency_max=most,
        give_up_after_s=to.give_up_after,
        last_request_s=saved.last_request_s if saved else None,
    )


def batch_operations_max(job: Job) -> int | None:
    """Most operations of a batch; None: as many as fit."""
    to = job.destination
    if to.operations_per_s is None:
        return None
    return pacing.batch_operations_max(to.operations_per_s, to.requests_per_s)


def _connections_max() -> int:
    """As many as this process may have open."""
    open_files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if open_files_max == resource.RLIM_INFINITY:
        return concurrency.MOST
    return max(1, min(concurrency.MOST, open_files_max - OTHER_FILES))


def remark(job: Job, limits: Limits) -> Remark | None:
    """What a person should know of limits that are not those of the config."""
    wanted, given = job.destination.concurrency, limits.concurrency
    if wanted is None or wanted == given:
        return None
    words = (
        f"concurrency is {given} and not {wanted}: this process may open no more files"
        f" (`ulimit -n {wanted + OTHER_FILES}` before the run lets it)"
    )
    return Remark(words, "concurrency_bounded", "warning")
