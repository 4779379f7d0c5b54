"""What was refused and is still open, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from backfill.config import Job
from backfill.inquiry import going_on
from backfill.inquiry.going_on import Way, ways
from backfill.inquiry.groups import Group
from backfill.inquiry.refused import Refused
from backfill.masks import BLANK
from backfill.phrases import counted

#: Groups that text for people lists; the JSON object holds all.
_LISTED_MAX = 40


def as_json(job: Job, every: list[Refused]) -> dict[str, Any]:
    """The object `rejects --json` prints.

    {"state": "ok", "rows", "sent_again", "refused_again", "open", "groups": [...], "streams":
    [...], "error": null}. Of the first run: rows it rejected, and how many of them a later run has
    delivered, refused or left out; of the later ones: rows that they refused and that are open; and
    all that is open, rows - sent_again + refused_again.
    groups, of open rows, with the most first: {"run", "stream", "rule", "field", "by": "us" or
    "api", "rows", "reason", "samples": [{"file", "row", "values": {column: mask}}], "remedy",
    "files", "next": [command]}. run: "" or `only-…`.
    streams: {"run", "stream", "rows", "sent_again", "open", "counted": rows its checkpoint says, or
    null, "files", "remark"}.
    """
    commands = {id(way.of): way.commands for way in ways(job, every)}
    return {
        "state": "ok",
        **_sums(every),
        "groups": [
            _group_as_json(each, group, commands[id(each)]) for each, group in _largest(every)
        ],
        "streams": [
            {
                "run": each.run.name,
                "stream": each.stream.name,
                "rows": each.rows,
                "sent_again": each.sent_again,
                "open": each.open,
                "counted": each.counts.rejected if each.counts else None,
                "files": [str(path) for path in each.files],
                "remark": "; ".join(each.remarks),
            }
            for each in every
        ],
        "error": None,
    }


def _sums(every: list[Refused]) -> dict[str, int]:
    return {
        "rows": sum(each.rows for each in every if not each.run.name),
        "sent_again": sum(each.sent_again for each in every if not each.run.name),
        "refused_again": sum(each.open for each in every if each.run.name),
        "open": sum(each.open for each in every),
    }


def _group_as_json(each: Refused, group: Group, commands: list[str]) -> dict[str, Any]:
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
        "remedy": group.remedy(each.stream, each.read),
        "files": [str(path) for path in each.files],
        "next": commands,
    }


def lines(job: Job, every: list[Refused]) -> list[str]:
    """What `rejects` says."""
    if not every:
        return ["No row is rejected."]
    listed = _largest(every)
    left = len(listed) - _LISTED_MAX
    smaller = f"And {counted(left, 'smaller group')}: --json tells all."
    shown = chain.from_iterable(_group_lines(*each) for each in listed[:_LISTED_MAX])
    odd = [f"Mind: {_title(each)}: {remark}." for each in every for remark in each.remarks]
    found: list[Way] = ways(job, every)
    return [
        *_headlines(every, [group for _, group in listed]),
        "",
        *shown,
        *([smaller, ""] if left > 0 else []),
        *odd,
        *going_on.lines(job, every, found),
    ]


def _headlines(every: list[Refused], groups: list[Group]) -> Iterator[str]:
    sums = _sums(every)
    again = f"{sums['sent_again']:,} sent again since"
    if sums["refused_again"]:
        again += f", {sums['refused_again']:,} refused again"
    yield f"Rejected: {counted(sums['rows'], 'row')}; {again}; {sums['open']:,} open."
    if groups:
        by_api = sum(group.rows for group in groups if group.rule == "api")
        yield f"Open: {counted(len(groups), 'group')}, {counted(by_api, 'row')} by the API."
    if any(mask != BLANK for g in groups for s in g.samples for mask in s.values.values()):
        yield "Values are shown by their shape: letters as a or A, digits as 9."


def _group_lines(each: Refused, group: Group) -> Iterator[str]:
    about = f", {group.field}" if group.field else ""
    yield f"{_title(each)}: {group.rule}{about}: {counted(group.rows, 'row')}"
    if group.reason:
        yield f"  reason: {group.reason}"
    for sample in group.samples:
        yield f"  row:    {sample.row} of {sample.file}{_shown(sample.values)}"
    yield f"  change: {group.remedy(each.stream, each.read)}"
    yield ""


def _shown(values: Mapping[str, str]) -> str:
    return "".join(
        f"; {name} is blank" if value == BLANK else f"; {name} has the shape '{value}'"
        for name, value in values.items()
    )


def _title(each: Refused) -> str:
    return f"{each.stream.name} ({each.run.name})" if each.run.name else each.stream.name


def _largest(every: list[Refused]) -> list[tuple[Refused, Group]]:
    pairs = [(each, group) for each in every for group in each.groups]
    return sorted(pairs, key=lambda pair: -pair[1].rows)
