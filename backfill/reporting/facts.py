"""All that a report says of a run, from what its checkpoint holds. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from backfill.ledger import Counts
from backfill.logbook import History
from backfill.phrases import PARTS
from backfill.report import total
from backfill.reporting import batches
from backfill.reporting.axis import Axis, axis
from backfill.reporting.course import Band, Course, bands, course
from backfill.reporting.requests import Requests, columns
from backfill.resumption import Saved, State


class Part(NamedTuple):
    """Rows of a stream that share a reason; share: of the most frequent one."""

    stream: str
    reason: str
    rows: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """A run as its checkpoint tells it.

    state:    what is so now: of a process that was killed "interrupted".
    is_cut:   whether it completed and rows were left, because of --limit.
    counts:   of every stream, in order.
    remarks:  what was said, and how often.
    """

    state: State
    run_id: str
    is_cut: bool
    counts: Mapping[str, Counts]
    rejected: tuple[Part, ...]
    filtered: tuple[Part, ...]
    remarks: Mapping[str, int]
    requests: Requests
    axis: Axis
    course: Course
    bands: tuple[Band, ...]
    answers: tuple[batches.Answers, ...]
    attempts: batches.Attempts
    failures: tuple[batches.Failures, ...]

    @property
    def total(self) -> Counts:
        """All streams together."""
        return total(self.counts.values())

    @property
    def work_s(self) -> float:
        """Seconds in which a process was at work."""
        return sum(stretch.long_s for stretch in self.axis.stretches)


def facts(saved: Saved, history: History, *, is_running: bool = False) -> Facts:
    """Make a report's facts.

    Raises AssertionError where counts do not add up: nothing is reported then.
    """
    names = [stream.name for stream in saved.job.streams]
    counts = {name: saved.counts.get(name, Counts()) for name in names}
    state = "running" if is_running else _ended(saved.state)
    _check(state, counts, saved.rules)
    requests = columns(history.requests)
    laid_out = axis(requests, history.sittings)
    remarks = dict(Counter(history.remarks))
    return Facts(
        state,
        saved.run_id,
        state == "completed" and not saved.is_finished,
        counts,
        _ranked(_rejected(counts, saved.rules)),
        _ranked(_filtered(counts)),
        remarks,
        requests,
        laid_out,
        course(requests, laid_out),
        tuple(bands(requests, laid_out)),
        tuple(batches.answers(requests)),
        batches.attempts(requests),
        tuple(batches.failures(history.failures)),
    )


def _ended(state: State) -> State:
    """A process that was killed could not write it down."""
    return "interrupted" if state == "running" else state


def _check(
    state: State, counts: Mapping[str, Counts], rules: Mapping[tuple[str, str], int]
) -> None:
    for name, one in counts.items():
        broken = sum(rows for (stream, _), rows in rules.items() if stream == name)
        if min(one) < 0 or one.unprocessed < 0 or broken != one.rejected_by_us:
            raise AssertionError(f"the counts of {name} do not add up: {one}, {broken}")
        if state == "completed" and one.unprocessed:
            raise AssertionError(f"rows of {name} were read and never done: {one}")


def _rejected(
    counts: Mapping[str, Counts], rules: Mapping[tuple[str, str], int]
) -> Iterator[tuple[str, str, int]]:
    for (stream, rule), rows in rules.items():
        yield stream, rule, rows
    for name, one in counts.items():
        yield name, "refused by the API", one.rejected_by_api


def _filtered(counts: Mapping[str, Counts]) -> Iterator[tuple[str, str, int]]:
    for name, one in counts.items():
        for part, rows in one.filtered_by.items():
            yield name, PARTS[part], rows


def _ranked(parts: Iterator[tuple[str, str, int]]) -> tuple[Part, ...]:
    """The largest first; none of no rows."""
    found = sorted((part for part in parts if part[2]), key=lambda part: -part[2])
    return tuple(Part(*part, part[2] / found[0][2]) for part in found)
