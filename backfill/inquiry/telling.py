"""The answer about an identifier, for people and for programs.

It quotes the identifier as it was given, and no value of a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from backfill.inquiry.fates import Attempt, Fate
from backfill.inquiry.hits import Link, Mention
from backfill.inquiry.why import Answer, Told
from backfill.masks import masked
from backfill.phrases import PARTS, counted
from backfill.report import DELIVERED_MEANS

#: Rows that text for people tells one by one.
_LISTED_MAX = 50

_TRIED_AGAIN = "; tried again: "


def as_json(found: Answer) -> dict[str, Any]:
    """The object `why --json` prints.

    {"state": "found" or "not found", "id", "rows": […], "left_out": rows not listed, "outcomes":
    {outcome: rows, also those of mended files}, "remarks": [text], "near": [{"stream", "file",
    "row", "column", "how"}], "error"}.
    A row: {"run": "" or `only-…`, "stream", "file", "row": 1 is the first, "mended_from":
    {"file", "row"} or null, "fields": [{"path", "as_written", "via"}], "outcome": "delivered",
    "rejected", "filtered", "not sent" or "unknown", "by": "us", "api" or "", "rule", "reason",
    "part": "where", "since", "unchanged", "superseded", "folded" or "", "into_row": row or null,
    "says", "requests": [{"number", "started_at", "started_at_local", "attempt", "status",
    "elapsed_s", "operations", "failure"}]}.
    via: null, or {"path", "stream", "file", "row", "like": mask} of the row that tells the
    identifier. status: 0 where no answer came.
    """
    return {
        "state": "found" if found.outcomes else "not found",
        "id": found.identifier,
        "rows": [_row_as_json(told) for told in found.rows],
        "left_out": found.left_out,
        "outcomes": dict(found.outcomes),
        "remarks": found.remarks,
        "near": [
            {
                "stream": near.asked.stream.name,
                "file": near.asked.file.label,
                "row": near.row + 1,
                "column": near.column,
                "how": near.how,
            }
            for near in found.near
        ],
        "error": None if found.outcomes else _not_found(found),
    }


def _not_found(found: Answer) -> dict[str, str]:
    where = "the sources of the config"
    fix = "look at what is nearly so, above" if found.near else "check how the sources write it"
    return {"what": f"no row names '{found.identifier}'", "where": where, "fix": fix}


def _row_as_json(told: Told) -> dict[str, Any]:
    fate, mended = told.fate, told.mended_from
    return {
        "run": told.asked.run.name,
        "stream": told.asked.stream.name,
        "file": told.asked.file.label,
        "row": told.row + 1,
        "mended_from": mended and {"file": mended[0], "row": mended[1]},
        "fields": [
            {"path": m.path, "as_written": m.as_written, "via": m.via and _via_as_json(m.via)}
            for m in told.mentions
        ],
        "outcome": fate.outcome,
        "by": fate.by,
        "rule": fate.rule,
        "reason": fate.reason,
        "part": fate.part,
        "into_row": None if fate.into_row is None else fate.into_row + 1,
        "says": fate.says,
        "requests": [_attempt_as_json(attempt) for attempt in fate.attempts],
    }


def _via_as_json(link: Link) -> dict[str, Any]:
    return {
        "path": link.path,
        "stream": link.asked.stream.name,
        "file": link.asked.file.label,
        "row": link.row + 1,
        "like": masked(link.value),
    }


def _attempt_as_json(attempt: Attempt) -> dict[str, Any]:
    request = attempt.request
    started = _started(attempt)
    return {
        "number": attempt.number,
        "started_at": _iso(started),
        "started_at_local": _iso(started.astimezone()),
        "attempt": request.attempt,
        "status": request.status,
        "elapsed_s": round(request.elapsed_s, 3),
        "operations": request.operations,
        "failure": request.failure,
    }


def lines(found: Answer) -> list[str]:
    """What `why` says."""
    remarks = [f"Mind: {remark}." for remark in found.remarks]
    if not found.outcomes:
        return [f"No row names '{found.identifier}'.", *remarks, *_near_lines(found)]
    listed = found.rows[:_LISTED_MAX]
    total = found.finals.total()
    counts = ", ".join(f"{rows:,} {outcome}" for outcome, rows in found.finals.most_common())
    more = found.outcomes.total() - len(listed)
    rest = f"{more:,} more row{'' if more == 1 else 's'}"
    return [
        f"'{found.identifier}': {counted(total, 'row')}, {counts}.",
        "",
        *(line for told in listed for line in _row_lines(told)),
        *([f"And {rest}: --json tells more of them.", ""] if more else []),
        *remarks,
        DELIVERED_MEANS,
    ]


def _near_lines(found: Answer) -> list[str]:
    return [
        f"Nearly so: {near.asked.stream.name}, row {near.row + 1} of {near.asked.file.label},"
        f" column {near.column}: {near.how}."
        for near in found.near
    ]


def _row_lines(told: Told) -> Iterator[str]:
    run = f" ({told.asked.run.name})" if told.asked.run.name else ""
    named = "; ".join(map(_mention, told.mentions))
    yield f"{told.asked.stream.name}{run}, row {told.row + 1} of {told.asked.file.label}: {named}"
    if told.mended_from:
        yield f"  mended from row {told.mended_from[1]} of {told.mended_from[0]}"
    yield f"  {_outcome(told.fate)}"
    for attempt in told.fate.attempts:
        yield f"  {_attempt(attempt)}"
    yield ""


def _mention(mention: Mention) -> str:
    written = f" {mention.as_written}" if mention.as_written else ""
    if mention.via is None:
        return mention.path + written
    link = mention.via
    place = f"row {link.row + 1} of {link.asked.stream.name}"
    return f"{mention.path}, via {link.path} of {place}, of the shape '{masked(link.value)}'"


def _outcome(fate: Fate) -> str:
    """One line: the outcome, who or what made it, and what else there is to say."""
    text: str = fate.outcome
    if fate.outcome == "rejected":
        who = "by the API" if fate.by == "api" else f"by us, {fate.rule}"
        text = f"rejected {who}{f': {fate.reason}' if fate.reason else ''}"
    elif fate.into_row is not None:
        text = f"filtered: folded into row {fate.into_row + 1}, which was sent"
    elif fate.outcome == "filtered":
        text = f"filtered: {PARTS[fate.part]}"
    return f"{text}; {fate.says}" if fate.says else text


def _attempt(attempt: Attempt) -> str:
    request, started = attempt.request, _started(attempt)
    status = f"answered {request.status}" if request.status else "no answer"
    failure = f"{_TRIED_AGAIN}{request.failure}" if request.failure else ""
    return (
        f"request {attempt.number} at {_iso(started)}{_here(started)}, attempt"
        f" {request.attempt}, of {request.operations:,} operations: {status} after"
        f" {request.elapsed_s:,.3f} s{failure}"
    )


def _started(attempt: Attempt) -> datetime:
    return datetime.fromtimestamp(attempt.request.started_at_s, UTC)


def _here(moment: datetime) -> str:
    """The same moment by the clock of this machine, where that differs."""
    local = moment.astimezone()
    return f" ({_iso(local)} here)" if local.utcoffset() else ""


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
