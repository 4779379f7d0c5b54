"""A job run through chaos, and once undisturbed to compare with.

Plan. The undisturbed run: the same rows, one request after the other, into a sandbox that refuses
what the plan refuses and is well otherwise. Then the chaos: a sandbox with the plan's faults, and
an engine that is killed when so many of its requests have come, and begun again, until it ends.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backfill import pacing, sandbox
from backfill.chaos import proof, readings, writeahead
from backfill.chaos.engine import Ended, Engine, environ
from backfill.chaos.plan import Kill, Plan
from backfill.chaos.proof import Breach, Pace
from backfill.chaos.readings import Process, Standing
from backfill.chaos.settings import REQUESTS, Rehearsed, told_to
from backfill.errors import BackfillError
from backfill.sandbox.faults.kinds import AnyFault

#: Between a power failure and the next start at least so much goes by, in seconds: the pace is
#: kept from the last request that is known, and the last ones are lost with the write.
_POWERLESS_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one seed.

    kills, cuts: how many there were: an engine that ends before its kill is not killed.
    window_s:    how long the windows are that the pace was counted in; None: it was not.
    """

    plan: Plan
    reference: Standing
    found: Standing
    kills: int
    cuts: int
    window_s: float | None
    breaches: tuple[Breach, ...]


def undisturbed(rehearsed: Rehearsed, plan: Plan, folder: Path) -> Standing:
    """Run the job, and nothing else goes wrong than the plan's refusals.

    folder: an empty one, for all that is written.
    Raises BackfillError where the job stops, with what the engine says of it.
    """
    with _sandbox(plan.seed, plan.refusals, folder) as place:
        course = _Course([Process(0, 0)])
        ended = _engine(rehearsed, folder, place, None).run()
        error = (ended.told or {}).get("error")
        if error:
            what = f"the job stops, also undisturbed: {error['what']}"
            raise BackfillError(what, error["where"], error["fix"])
        return _standing(rehearsed, folder, place, ended, course)


def disturbed(rehearsed: Rehearsed, plan: Plan, reference: Standing, folder: Path) -> Outcome:
    """Run the job through the chaos of a plan, and hold what stands then against the reference."""
    pace, course = paced(reference, plan.requests_per_s), _Course()
    together = pacing.batch_operations_max(pace.operations_per_s, pace.requests_per_s)
    whole = _operations(reference) / together
    kills = [(1 + int(kill.after * whole), kill) for kill in plan.kills]
    with _sandbox(plan.seed, (*plan.refusals, *plan.faults), folder) as place:
        ended = _through(kills, _engine(rehearsed, folder, place, pace), course)
        found = _standing(rehearsed, folder, place, ended, course)
    return Outcome(
        plan,
        reference,
        found,
        course.kills,
        course.cuts,
        proof.window_s(course.stall_s),
        tuple(proof.breaches(reference, found, pace)),
    )


def paced(reference: Standing, requests_per_s: int) -> Pace:
    """A pace by which the job takes some REQUESTS, both limits being reached at once."""
    return Pace(requests_per_s, requests_per_s * -(-_operations(reference) // REQUESTS))


@dataclass(slots=True)
class _Course:
    """How a rehearsal went: its processes, kills and cuts, and how long we stood still at most."""

    processes: list[Process] = field(default_factory=list)
    kills: int = 0
    cuts: int = 0
    stall_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Place:
    """A sandbox that is open.

    environ: leads an engine there. requests: how many it has logged. since_s: unix seconds.
    """

    environ: Mapping[str, str] = field(repr=False)
    state: Path
    requests: Callable[[], int]
    since_s: float


def _engine(rehearsed: Rehearsed, folder: Path, place: _Place, pace: Pace | None) -> Engine:
    command = told_to(rehearsed, folder, pace)
    return Engine(command, place.environ, folder, place.requests, rehearsed.quiet_s_max)


def _through(kills: Sequence[tuple[int, Kill]], engine: Engine, course: _Course) -> Ended:
    """Run the engine until it ends by itself, or would not end.

    kills: each with the requests that are made before it, from the start of the process.
    """
    checkpoint = engine.folder / "checkpoint"
    for after, kill in kills:
        ended = _process(engine, course, after)
        if not ended.is_killed:
            return ended
        course.kills += 1
        if kill.cut:
            course.cuts += writeahead.cut(checkpoint, kill.cut)
            time.sleep(_POWERLESS_S)
    return _process(engine, course, None)


def _process(engine: Engine, course: _Course, after: int | None) -> Ended:
    asked = engine.requests()
    course.processes.append(Process(asked, readings.durable(engine.folder / "checkpoint")))
    ended = engine.run(None if after is None else asked + after)
    course.stall_s = max(course.stall_s, ended.stall_s)
    return ended


@contextmanager
def _sandbox(seed: int, faults: tuple[AnyFault, ...], folder: Path) -> Iterator[_Place]:
    state, since_s = folder / "workspace.db", time.time()
    site_id, key, app_key = (secrets.token_hex(16) for _ in range(3))  # nobody else may look
    wanted = sandbox.Sandbox(state, site_id, key, app_key, seed=seed, faults=faults)
    with sandbox.embedded(wanted) as address, readings.counting(state) as requests:
        yield _Place(environ(address, site_id, key), state, requests, since_s)


def _standing(
    rehearsed: Rehearsed, folder: Path, place: _Place, ended: Ended, course: _Course
) -> Standing:
    return Standing(
        ended,
        course.stall_s,
        sandbox.contents(place.state, int(place.since_s), time.time()),
        readings.rejects(rehearsed.job, folder / "rejects"),
        readings.log(place.state),
        tuple(course.processes),
    )


def _operations(reference: Standing) -> int:
    told: dict[str, dict[str, int]] = reference.ended.told or {}
    return max(1, sum(told.get("operations", {}).values()))
