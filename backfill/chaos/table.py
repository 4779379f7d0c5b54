"""What rehearsals came to: as text for people and as JSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, get_args

from backfill.chaos.proof import Promise, sent_again
from backfill.chaos.rehearsal import Outcome
from backfill.chaos.settings import Rehearsed

_ROWS: Final = ("delivered", "rejected", "filtered", "unprocessed")
_PROMISES: Final[tuple[Promise, ...]] = get_args(Promise)
_COUNTS: Final = ("kills", "torn", "requests", "retried", *_ROWS, "sent again")
_HEADER: Final = ("seed", "what went wrong", *_COUNTS, *_PROMISES)


def holds(outcomes: Sequence[Outcome]) -> bool:
    """Whether no promise was broken."""
    return not any(outcome.breaches for outcome in outcomes)


def lines(outcomes: Sequence[Outcome], job: Rehearsed, kept: Path | None) -> list[str]:
    """One table with a line a seed, then each breach and how to see it again.

    kept: the folder in which everything is as it was found; None: it is gone.
    """
    table = [_HEADER, *map(_cells, outcomes)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    found = [f"{job.job.path}, the first {job.limit:,} rows of each stream", ""]
    found += [
        "  ".join(
            [row[0].rjust(widths[0]), row[1].ljust(widths[1]), *map(str.rjust, row[2:], widths[2:])]
        )
        for row in table
    ]
    for outcome in outcomes:
        found += _told(outcome, job.job.path)
    if kept is not None:
        found += ["", f"Kept as it was found, people's data included: {kept}"]
    return [*found, "", _verdict(outcomes)]


def as_json(outcomes: Sequence[Outcome], job: Rehearsed, kept: Path | None) -> dict[str, Any]:
    """The object `chaos --json` prints."""
    return {
        "state": "completed",
        "holds": holds(outcomes),
        "limit": job.limit,
        "seeds": [_seed_as_json(outcome) for outcome in outcomes],
        "kept": kept and str(kept),
        "error": None,
    }


def _seed_as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "seed": outcome.plan.seed,
        "faults": list(outcome.plan.kinds),
        "kills": outcome.kills,
        "torn": outcome.cuts,
        "requests": _requests(outcome),
        "rows": _rows(outcome),
        "operations_sent_again": sent_again(outcome.reference, outcome.found),
        "holds": {name: _state(outcome, name) for name in _PROMISES},
        "breaches": [breach._asdict() for breach in outcome.breaches],
    }


def _cells(outcome: Outcome) -> tuple[str, ...]:
    rows = _rows(outcome)
    return (
        str(outcome.plan.seed),
        " ".join(outcome.plan.kinds),
        *(f"{count:,}" for count in (outcome.kills, outcome.cuts, *_requests(outcome).values())),
        *(f"{rows[name]:,}" if name in rows else "-" for name in _ROWS),
        f"{sent_again(outcome.reference, outcome.found):,}",
        *(_word(outcome, name) for name in _PROMISES),
    )


def _told(outcome: Outcome, config: Path) -> list[str]:
    if not outcome.breaches:
        return []
    return [
        "",
        f"Seed {outcome.plan.seed}, again by: backfill chaos {config} --seed {outcome.plan.seed}",
        *(f"  {breach.promise}: {breach.what}" for breach in outcome.breaches),
    ]


def _verdict(outcomes: Sequence[Outcome]) -> str:
    broken = [str(outcome.plan.seed) for outcome in outcomes if outcome.breaches]
    if broken:
        return f"Promises are broken, by seed {', '.join(broken)}."
    told = ["Every promise holds."]
    if any(outcome.window_s is None for outcome in outcomes):
        told.append("Of the pace nothing can be said where it has `?`: the machine stood still.")
    if idle := sorted({name for outcome in outcomes for name in _idle(outcome)}):
        told.append(
            f"Nothing is proven of {', '.join(idle)}: none of these rows is delivered, also when"
            " nothing goes wrong; see the rejects of `run` against a sandbox."
        )
    return " ".join(told)


def _idle(outcome: Outcome) -> list[str]:
    """The streams of which an undisturbed run delivers nothing."""
    told = outcome.reference.ended.told or {}
    return [s["name"] for s in told.get("streams", ()) if not s["rows"]["delivered"]]


def _word(outcome: Outcome, promise: Promise) -> str:
    words = {True: "ok", False: "BREACH", None: "?" if promise == "pace" else "-"}
    return words[_state(outcome, promise)]


def _state(outcome: Outcome, promise: Promise) -> bool | None:
    """Whether a promise held; None: nothing can be said, or there is nothing it is about."""
    if any(breach.promise == promise for breach in outcome.breaches):
        return False
    things = outcome.reference.contents.things
    is_told = {
        "rows": True,
        "events": bool(things["events"]),
        "values": any(found for kind, found in things.items() if kind != "events"),
        "pace": outcome.window_s is not None and len(outcome.found.log) > 1,
    }
    return True if is_told[promise] else None


def _requests(outcome: Outcome) -> dict[str, int]:
    batches = [request for request in outcome.found.log if request.is_batch]
    return {"sent": len(batches), "retried": sum(request.is_repeat for request in batches)}


def _rows(outcome: Outcome) -> dict[str, int]:
    rows: dict[str, int] = (outcome.found.ended.told or {}).get("rows", {})
    return rows
