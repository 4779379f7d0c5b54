"""A small job of people who change and of their orders, and engines that break a promise."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from backfill.chaos import Plan, Rehearsed
from backfill.sandbox.faults.kinds import Choice, Refusal
from tests.end_to_end.command import write_job

#: Values too long for an attribute, among the first rows of the changes: rejected by us.
TOO_LONG = 4

#: What stands in every attribute, and in no message.
PRIVATE = "private"

_CHANGES = {"name": "changes", "source": "changes.csv", "person": {"id": "id"}, "attributes": "*"}
_ORDERS = {
    "name": "orders",
    "source": "orders.jsonl",
    "person": {"id": "id"},
    "event": {"name": "ordered", "timestamp": "at", "key": "number"},
    "campaigns": "allow",
}

#: Nothing goes wrong but that most orders are refused, so that rejects are written all the time.
CALM = Plan(1, ("nothing",), 150, (Refusal(share=0.8, only=Choice(action="event")),), (), ())


def write(folder: Path, people: int, versions: int, orders: int) -> None:
    """Write the job, each person's versions one after the other's."""
    changes = [
        f"p{n},{PRIVATE}-{version}-{n}{'x' * 1_001 if version == 0 and n < TOO_LONG else ''}\n"
        for version in range(versions)
        for n in range(people)
    ]
    (folder / "changes.csv").write_text("".join(["id,state\n", *changes]))
    rows = [{"id": f"p{n % people}", "at": 1_500_000_000 + n, "number": n} for n in range(orders)]
    (folder / "orders.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    write_job(folder, _CHANGES, _ORDERS)


def broken(job: Rehearsed, name: str) -> Rehearsed:
    """The job, run by an engine that breaks something: see its file."""
    script = Path(__file__).parent / "broken" / f"{name}.py"
    return replace(job, command=[sys.executable, str(script)])
