"""A plan as text for people and as JSON for programs. Text is ASCII but for names of files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from backfill.phrases import PARTS, aligned, counted
from backfill.planning.looking import STOPPING, Finding, Sample, listed
from backfill.planning.plan import Plan, StreamPlan
from backfill.resumption import Start

_COLUMNS = ("rows", "operations", "requests", "bytes", "rejected", "filtered", "held")

#: Groups of rejected rows, and findings, that the question before a run names.
_ESSENCE_MAX = 6

_UNITS = ((3600, "h"), (60, "min"), (1, "s"))


def as_json(plan: Plan) -> dict[str, Any]:
    """The object `plan --json` prints.

    `warnings` are the findings as sentences; `rows`, `operations`, `requests` and `bytes` are those
    of a run that has nothing to send again; `seconds` is a whole number, rounded up.
    """
    expected = plan.forecast
    return {
        "state": "planned",
        "address": plan.address,
        "rows": {
            **{name: plan.total(name) for name in ("read", "deliverable", "rejected")},
            "filtered": plan.filtered,
            "held": plan.total("held"),
        },
        "operations": plan.total("operations"),
        "requests": plan.total("requests"),
        "bytes": plan.total("body_bytes"),
        "seconds": math.ceil(expected.total_s),
        "forecast": {
            "pace_s": round(expected.pace_s, 3),
            "latency_s": round(expected.latency_s, 3),
            "reading_s": round(expected.reading_s, 3),
            "if_operations_count_s": round(expected.operations_counted_s, 3),
            "assumed_latency_s": expected.assumed_latency_s,
        },
        "streams": [_stream_as_json(stream) for stream in plan.streams],
        "findings": [_finding_as_json(finding) for finding in plan.findings],
        "warnings": [str(finding) for finding in plan.findings],
        "checkpoint": _standing_as_json(plan),
        "job": plan.identity,
        "error": None,
    }


def lines(plan: Plan) -> list[str]:
    """What `plan` says."""
    return [
        f"Plan of {plan.job.path}, to {plan.address}. Nothing is sent.",
        *_stops(plan),
        *([] if plan.standing is None else ["", *_standing(plan)]),
        *(["", *plan.arrived] if plan.arrived else []),
        "",
        *_table(plan.streams),
        *_rejects(plan),
        *_left_out(plan),
        *_findings(plan),
        "",
        *_time(plan),
        "",
        f"Next: {_next(plan)}",
    ]


def essence(plan: Plan) -> list[str]:
    """What is said before a run asks whether to begin."""
    found = [f"- {finding}" for finding in plan.findings[:_ESSENCE_MAX]]
    more = len(plan.findings) - _ESSENCE_MAX
    found += [f"- and {more} more: backfill plan {plan.job.typed}"] if more > 0 else []
    return [
        *([] if plan.standing is None else _standing(plan)),
        *plan.arrived,
        *_table(plan.streams),
        *(
            [f"{_rejected(plan)}; backfill plan {plan.job.typed} says why."]
            if plan.total("rejected")
            else []
        ),
        *(["To know before it is sent:", *found] if found else []),
        _time(plan)[0],
    ]


def _stream_as_json(stream: StreamPlan) -> dict[str, Any]:
    return {
        "name": stream.name,
        "files": stream.files,
        "files_taken_before": stream.taken_before,
        "files_waiting": stream.waiting,
        "rows": {
            "read": stream.read,
            "deliverable": stream.deliverable,
            "rejected": stream.rejected,
            "filtered": sum(stream.filtered.values()),
            "held": stream.held,
            "done_before": stream.rows_done,
        },
        "filtered_by": {part: stream.filtered.get(part, 0) for part in PARTS},
        "operations": stream.operations,
        "requests": stream.requests,
        "bytes": stream.body_bytes,
        "rejects": [
            {
                "rule": group.rule,
                "field": group.field,
                "rows": group.tally.rows,
                "reason": group.reason,
                "samples": _samples_as_json(group.tally.samples),
                "remedy": group.remedy(stream.stream, stream.read),
            }
            for group in stream.refusals
        ],
        "left_out_by_where": _samples_as_json(stream.left_out),
    }


def _finding_as_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "stream": finding.stream,
        "rows": finding.rows,
        "text": finding.text,
        "samples": _samples_as_json(finding.samples),
    }


def _samples_as_json(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    return [sample._asdict() for sample in samples]


def _standing_as_json(plan: Plan) -> dict[str, Any] | None:
    if plan.standing is None:
        return None
    known = plan.standing
    return {
        "path": str(plan.job.checkpoint),
        "run_id": known.run_id,
        "state": known.state,
        "rows_done": known.rows_done,
        "a_run": "is refused" if known.start is None else known.start.name.lower(),
        "refusal": known.refusal or None,
    }


def _table(streams: Sequence[StreamPlan]) -> list[str]:
    """The numbers of each stream and of all, in aligned columns."""
    cells: list[tuple[str, ...]] = [("stream", *_COLUMNS)]
    numbers = [_numbers(stream) for stream in streams]
    cells += [
        (stream.name, *(f"{number:,}" for number in row))
        for stream, row in zip(streams, numbers, strict=True)
    ]
    cells.append(("total", *(f"{sum(column):,}" for column in zip(*numbers, strict=True))))
    return aligned(cells)


def _numbers(stream: StreamPlan) -> tuple[int, ...]:
    return (
        stream.read,
        stream.operations,
        stream.requests,
        stream.body_bytes,
        stream.rejected,
        sum(stream.filtered.values()),
        stream.held,
    )


def _rejects(plan: Plan) -> list[str]:
    found = [
        line
        for stream in plan.streams
        for group in stream.refusals
        for line in (
            f"  {stream.name}: {counted(group.tally.rows, 'row')}, {group.rule}: {group.reason}",
            f"      {listed(group.tally.samples)}",
            *(f"      {line}" for line in group.remedy(stream.stream, stream.read).splitlines()),
        )
    ]
    return ["", f"{_rejected(plan)}. By rule, with what would mend them:", *found] if found else []


def _rejected(plan: Plan) -> str:
    return f"Rejected: {counted(plan.total('rejected'), 'row')}"


def _left_out(plan: Plan) -> list[str]:
    found = [
        f"  {s.name}: {counted(s.filtered['where'], 'row')}, by {s.stream.where}:"
        f" {listed(s.left_out)}"
        for s in plan.streams
        if s.left_out
    ]
    parts = [
        f"{stream.name}: {', '.join(f'{rows:,} {PARTS[part]}' for part, rows in told)}"
        for stream in plan.streams
        if (told := [(p, n) for p, n in stream.filtered.items() if n and p != "where"])
    ]
    return [
        *(["", "Left out by `where`:", *found] if found else []),
        *(["", "Not sent, though nothing is wrong with them:", *parts] if parts else []),
    ]


def _stops(plan: Plan) -> list[str]:
    """What a run ends with before it has sent anything."""
    found = [f"  - {finding}" for finding in plan.findings if finding.kind in STOPPING]
    return ["", "A run stops before it sends anything:", *found] if found else []


def _findings(plan: Plan) -> list[str]:
    found = [f"  - {finding}" for finding in plan.findings if finding.kind not in STOPPING]
    return ["", "To know before it is sent:", *found] if found else []


def _time(plan: Plan) -> list[str]:
    expected, to = plan.forecast, plan.job.destination
    operations = f" and {to.operations_per_s:,} operations" if to.operations_per_s else ""
    milliseconds = expected.assumed_latency_s * 1000
    return [
        f"Expected time: {_duration(expected.total_s)}.",
        f"  the pace, {to.requests_per_s:,} requests{operations} a second:"
        f" {_duration(expected.pace_s)}",
        f"  answers after {milliseconds:,.0f} ms (--latency): {_duration(expected.latency_s)}",
        f"  reading and encoding on this machine: {_duration(expected.reading_s)}",
        f"  if the API counts operations, not requests, against its 1,000 a second:"
        f" {_duration(expected.operations_counted_s)}",
    ]


def _duration(seconds: float) -> str:
    """Seconds as people say it, in two units at most."""
    if seconds < 1:
        return "less than a second"
    whole = math.ceil(seconds)
    for (unit_s, unit), (lower_s, lower) in pairwise(_UNITS):
        if whole >= unit_s:
            number, rest = divmod(whole, unit_s)
            more = rest // lower_s
            return f"{number:,} {unit}" + (f" {more} {lower}" if more else "")
    return f"{whole} s"


#: What a run does with what stands at the checkpoint.
_STARTS = {
    Start.RESUME: "a run goes on with the rest",
    Start.FINISHED: "a run sends nothing; this is what --fresh does",
    Start.NEW_RUN: "sources changed since, and a run begins anew over it",
}


def _standing(plan: Plan) -> list[str]:
    known = plan.standing
    assert known is not None
    said = f"a run is refused: {known.refusal}" if known.start is None else _STARTS[known.start]
    if plan.is_done and plan.arrived:
        said += ", but for the files that were taken before"
    done = f"{counted(known.rows_done, 'row')} done"
    return [f"Run {known.run_id} stands at the checkpoint, {known.state}, {done}: {said}."]


def _next(plan: Plan) -> str:
    run = f"backfill run {plan.job.typed}"
    if _stops(plan):
        return "see what stops a run, above"
    if plan.total("rejected"):
        return f"mend what can be mended, then {run}"
    return f"see what there is to know, then {run}" if plan.findings else run
