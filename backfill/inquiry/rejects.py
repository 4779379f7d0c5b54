"""What was refused, of every run of a job: for people and for programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from backfill.config import Job
from backfill.errors import BackfillError
from backfill.inquiry import refusals
from backfill.inquiry.groups import Group, grouped
from backfill.inquiry.runs import Run, runs
from backfill.ledger import Counts
from backfill.mapping import Stream
from backfill.phrases import counted
from backfill.rejects import refused

#: Groups that text for people lists; the JSON object holds all.
_LISTED_MAX = 40


@dataclass(frozen=True, slots=True)
class Refused:
    """What one run refused of one stream.

    counts: what the run's checkpoint knows of the stream; None without one.
    unread: what kept a file from being read, where something did.
    """

    run: Run
    stream: Stream
    files: list[Path]
    groups: list[Group]
    counts: Counts | None
    unread: str = ""

    @property
    def rows(self) -> int:
        """How many refused rows stand in the files."""
        return sum(group.rows for group in self.groups)

    @property
    def remark(self) -> str:
        """What is odd about the files; empty where nothing is."""
        if self.unread:
            return self.unread
        if self.counts is None:
            return "no checkpoint tells which run these are of" if self.rows else ""
        if self.counts.rejected == self.rows:
            return ""
        told = f"the run rejected {self.counts.rejected:,} rows, its files hold {self.rows:,}"
        return f"{told}: they were edited, moved or removed"


def found(job: Job) -> list[Refused]:
    """What stands in the rejects of a job, run by run and stream by stream, where anything does."""
    everything = [_refused(run, stream) for run in runs(job) for stream in run.streams]
    return [each for each in everything if each.rows or each.remark]


def _refused(run: Run, stream: Stream) -> Refused:
    parts = refusals.parts(run, stream.name)
    groups, unread = list[Group](), run.unread
    rows = chain.from_iterable(refusals.read(part, stream) for part in parts)
    try:
        groups = grouped(rows, stream)
    except BackfillError as error:
        unread = f"{error.where}: {error.what}"
    counts = run.saved.counts.get(stream.name, Counts()) if run.saved else None
    shown = refused(run.rejects, stream.name)
    files = shown or [part.path for part in parts]
    return Refused(run, stream, files, groups, counts, unread)


def as_json(job: Job, every: list[Refused]) -> dict[str, Any]:
    """The object `rejects --json` prints.

    {"state": "ok", "rejected": rows, "groups": […], "streams": […], "error": null}, groups with the
    most rows first: {"run", "stream", "rule", "field", "by": "us" or "api", "rows", "reason",
    "samples": [{"file", "row", "values": {column: mask}}], "remedy", "files", "next"}. run: "" or
    `only-…`. streams: {"run", "stream", "rows", "counted": rows its checkpoint says, or null,
    "files", "remark"}.
    """
    return {
        "state": "ok",
        "rejected": sum(each.rows for each in every),
        "groups": [_group_as_json(job, each, group) for each, group in _largest(every)],
        "streams": [
            {
                "run": each.run.name,
                "stream": each.stream.name,
                "rows": each.rows,
                "counted": each.counts.rejected if each.counts else None,
                "files": [str(path) for path in each.files],
                "remark": each.remark,
            }
            for each in every
        ],
        "error": None,
    }


def _group_as_json(job: Job, each: Refused, group: Group) -> dict[str, Any]:
    return {
        "run": each.run.name,
        "stream": each.stream.name,
        "rule": group.rule,
        "field": group.field,
        "by": "api" if group.rule == "api" else "us",
        "rows": group.rows,
        "reason": group.reason,
        "samples": [
            {"file": s.file, "row": s.row, "values": dict(s.values)} for s in group.samples
        ],
        "remedy": group.remedy(each.stream),
        "files": [str(path) for path in each.files],
        "next": [_again(job, each.stream.name, path) for path in each.files],
    }


def lines(job: Job, every: list[Refused]) -> list[str]:
    """What `rejects` says."""
    if not any(each.rows or each.remark for each in every):
        return ["No row is rejected."]
    listed = _largest(every)
    by_api = sum(group.rows for _, group in listed if group.rule == "api")
    rows = sum(group.rows for _, group in listed)
    told = f"Rejected: {rows:,} rows in {len(listed):,} groups, {by_api:,} of them by the API."
    left = len(listed) - _LISTED_MAX
    more = [f"And {left:,} smaller groups: --json tells all.", ""] if left > 0 else []
    shown = chain.from_iterable(_group_lines(*each) for each in listed[:_LISTED_MAX])
    odd = [f"Mind: {_title(each)}: {each.remark}." for each in every if each.remark]
    return [told, "", *shown, *more, *odd, *_next_lines(job, every)]


def _group_lines(each: Refused, group: Group) -> Iterator[str]:
    about = f", {group.field}" if group.field else ""
    yield f"{_title(each)}: {group.rule}{about}: {counted(group.rows, 'row')}"
    if group.reason:
        yield f"  reason: {group.reason}"
    for sample in group.samples:
        yield f"  row:    {sample.row} of {sample.file}{_shown(sample.values)}"
    yield f"  change: {group.remedy(each.stream)}"
    yield ""


def _shown(values: Mapping[str, str]) -> str:
    return "".join(f", {name} like '{value}'" for name, value in values.items())


def _title(each: Refused) -> str:
    return f"{each.stream.name} ({each.run.name})" if each.run.name else each.stream.name


def _next_lines(job: Job, every: list[Refused]) -> list[str]:
    commands = [
        _again(job, each.stream.name, path) for each in every if each.rows for path in each.files
    ]
    if not commands:
        return []
    return [
        "Next: paste a change into its stream (an attribute beside the others), or mend the rows in"
        " their file,",
        "whose columns _file, _row, _rule and _reason may stay; then send just those rows:",
        *(f"  {command}" for command in commands),
    ]


def _again(job: Job, stream: str, path: Path) -> str:
    return shlex.join(["backfill", "run", str(job.path), "--only", stream, "--source", str(path)])


def _largest(every: list[Refused]) -> list[tuple[Refused, Group]]:
    pairs = [(each, group) for each in every for group in each.groups]
    return sorted(pairs, key=lambda pair: -pair[1].rows)
