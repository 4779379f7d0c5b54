"""A job rehearsed against everything that goes wrong, and proven: see the README beside this."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from backfill.chaos.plan import Plan, plan
from backfill.chaos.readings import Standing
from backfill.chaos.rehearsal import Outcome, disturbed, undisturbed
from backfill.chaos.settings import Rehearsed, rehearsed

__all__ = [
    "Outcome",
    "Plan",
    "Rehearsed",
    "Standing",
    "disturbed",
    "plan",
    "rehearsals",
    "rehearsed",
    "undisturbed",
]


def rehearsals(job: Rehearsed, seeds: range, folder: Path) -> Iterator[Outcome]:
    """Rehearse a job seed by seed; each outcome as soon as it is known.

    folder: an empty one. Left in it is what was written for seeds that broke a promise, and by the
    undisturbed runs. Raises BackfillError where the job stops also undisturbed.
    """
    known: dict[int | None, Standing] = {}
    for seed in seeds:
        planned = plan(seed, job.refusable)
        same = seed if planned.refusals else None  # the sandbox's seed decides who is refused
        if same not in known:
            place = _made(folder / f"undisturbed{'' if same is None else f'-{seed}'}")
            known[same] = undisturbed(job, planned, place)
        place = _made(folder / f"seed-{seed}")
        outcome = disturbed(job, planned, known[same], place)
        if not outcome.breaches:
            shutil.rmtree(place)
        yield outcome


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder
