"""What a run came to: as text for people and as JSON for programs.

Facts: the API answers before it applies what it took, so no count here says more than accepted.
Rules: every row read stands in exactly one column, or nothing is reported at all; text is ASCII
but for the names of the user's files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backfill.errors import BackfillError, GuardError, SourceError
from backfill.ledger import Counts
from backfill.phrases import PARTS, aligned, counted
from backfill.resumption import Saved, State

DELIVERED_MEANS = (
    "Delivered means accepted by the API, which answers before it applies what it took."
)
#: Parts of `filtered` that a summary tells even where they are none.
_ALWAYS_TOLD = ("where", "unchanged", "folded")
_COLUMNS = ("read", "delivered", "rejected", "filtered", "unprocessed")

_RUN_AGAIN = "run the same command again: it goes on where this run ended"


@dataclass(frozen=True, slots=True)
class Effort:
    """What this process did: requests, bytes of bodies, seconds.

    requests_sent counts every request, also the requests_retried among them.
    """

    requests_sent: int
    requests_retried: int
    bytes_sent: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Closing:
    """What a run came to.

    run_id:  None where no run was ever begun; checkpoint: None where no config could be read.
    counts:  of the whole job, also what earlier processes did; every stream, in order.
    rejects: the files that hold refused rows, for a person to look at.
    error:   what stopped it; signal: what interrupted it.
    is_cut:  whether --limit left rows unread.
    held:    rows read and left unprocessed on purpose: events too young to be sent.
    waiting: files that came while the run was unfinished and are left to the next one.
    was_done: whether an earlier process had done everything.
    report:  the page that tells of it; None where none was written.
    config:  how a command names the job, for people; None where none could be read.
    """

    state: State
    run_id: str | None
    counts: Mapping[str, Counts]
    effort: Effort
    rejects: Sequence[Path]
    checkpoint: Path | None
    error: BackfillError | None = None
    signal: int | None = None
    is_cut: bool = False
    held: int = 0
    waiting: int = 0
    was_done: bool = False
    report: Path | None = None
    config: str | None = None


def total(counts: Iterable[Counts]) -> Counts:
    """All streams together."""
    together = Counts()
    for stream in counts:
        together = together.plus(stream)
    return together


def as_json(closing: Closing) -> dict[str, Any]:
    """The object `run --json` prints. Raises AssertionError where counts do not add up."""
    _lost_nothing(closing)
    effort = closing.effort
    return {
        "state": closing.state,
        "run_id": closing.run_id,
        **sums_as_json(total(closing.counts.values())),
        "requests": {"sent": effort.requests_sent, "retried": effort.requests_retried},
        "bytes_sent": effort.bytes_sent,
        "elapsed_s": round(effort.elapsed_s, 3),
        "streams": [{"name": n, **sums_as_json(c)} for n, c in closing.counts.items()],
        "held": closing.held,
        "files_waiting": closing.waiting,
        "rejects": [str(path) for path in closing.rejects],
        "checkpoint": None if closing.checkpoint is None else str(closing.checkpoint),
        "report": None if closing.report is None else str(closing.report),
        "error": None if closing.error is None else closing.error.as_json(),
    }


def summary_lines(closing: Closing, then: str | None = None) -> list[str]:
    """The closing summary. Raises AssertionError where counts do not add up.

    then: what is next once it completed, where that is not what follows from the counts.
    """
    _lost_nothing(closing)
    effort, together = closing.effort, total(closing.counts.values())
    return [
        _headline(closing),
        "",
        *_table(closing.counts),
        "",
        *_parts(together),
        *([f"Held back: {closing.held:,} events younger than 72 hours."] if closing.held else []),
        DELIVERED_MEANS,
        f"Requests of this process: {effort.requests_sent:,} sent,"
        f" {effort.requests_retried:,} of them retries; {effort.bytes_sent:,} bytes.",
        *(f"Rejected rows: {path}" for path in closing.rejects),
        f"Checkpoint: {closing.checkpoint}",
        *([f"Report: {closing.report}"] if closing.report else []),
        *(["", f"error: {closing.error}"] if closing.error else []),
        f"Next: {(closing.state == 'completed' and then) or _next_step(closing, together)}.",
    ]


def status_as_json(
    saved: Saved | None,
    holder: str | None,
    checkpoint: Path,
    rejects: Sequence[Path] = (),
    reason: str | None = None,
) -> dict[str, Any]:
    """The object `status --json` prints.

    saved: what the checkpoint holds; holder: the process that holds it, None for nobody;
    rejects: the files that hold refused rows; reason: why the run stopped, where it did.
    """
    if saved is None:
        return {"state": "not started", "checkpoint": str(checkpoint), "error": None}
    counts, finished = _by_stream(saved), saved.finished_files
    return {
        "state": _state(saved, holder),
        "reason": reason if _state(saved, holder) == "stopped" else None,
        "run_id": saved.run_id,
        "is_finished": saved.is_finished,
        **sums_as_json(total(counts.values())),
        "streams": [
            {
                "name": stream.name,
                **sums_as_json(counts[stream.name]),
                "files": {"finished": finished[stream.name], "total": len(stream.files)},
            }
            for stream in saved.job.streams
        ],
        "last_request_at": _time(saved.last_request_s),
        "rejects": [str(path) for path in rejects],
        "checkpoint": str(checkpoint),
        "error": None,
    }


def status_lines(
    saved: Saved | None,
    holder: str | None,
    checkpoint: Path,
    rejects: Sequence[Path] = (),
    reason: str | None = None,
) -> list[str]:
    """What `status` says; arguments as of status_as_json."""
    if saved is None:
        return [f"No run has begun: {checkpoint} is not there or empty."]
    counts, state = _by_stream(saved), _state(saved, holder)
    files = sum(len(stream.files) for stream in saved.job.streams)
    return [
        f"Run {saved.run_id} is {state}{f' as {holder}' if state == 'running' else ''}.",
        *([f"Reason: {reason}."] if reason and state == "stopped" else []),
        "",
        *_table(counts),
        "",
        *_parts(total(counts.values())),
        DELIVERED_MEANS,
        f"Files finished: {sum(saved.finished_files.values()):,} of {files:,}.",
        f"Last request: {_time(saved.last_request_s) or 'none yet'}.",
        *(f"Rejected rows: {path}" for path in rejects),
        *([] if state == "running" or saved.is_finished else [_left(state)]),
    ]


def _headline(closing: Closing) -> str:
    if closing.was_done:
        return f"Run {closing.run_id} had completed before: nothing was sent."
    return f"Run {closing.run_id} {closing.state} after {closing.effort.elapsed_s:,.1f} s."


def _lost_nothing(closing: Closing) -> None:
    """A run that completed has come to an end with every row it read and did not hold back."""
    unprocessed = total(closing.counts.values()).unprocessed
    if closing.state in ("completed", "held") and unprocessed != closing.held:
        raise AssertionError(f"rows were read and never done: {dict(closing.counts)}")


def _add_up(counts: Counts) -> None:
    if counts.unprocessed < 0 or min(counts) < 0:
        raise AssertionError(f"the counts do not add up: {counts}")


def sums_as_json(counts: Counts) -> dict[str, Any]:
    """Counts and what they are made of. Raises AssertionError where they do not add up."""
    _add_up(counts)
    return {
        "rows": {column: getattr(counts, column) for column in _COLUMNS},
        "rejected_by": {"us": counts.rejected_by_us, "api": counts.rejected_by_api},
        "filtered_by": counts.filtered_by,
        "operations": {
            "delivered": counts.operations_delivered,
            "rejected": counts.operations_rejected,
        },
    }


def _table(counts: Mapping[str, Counts]) -> list[str]:
    """Rows by stream and in total, in aligned columns."""
    lines: list[tuple[str, ...]] = [("stream", *_COLUMNS)]
    for name, row in [*counts.items(), ("total", total(counts.values()))]:
        _add_up(row)
        lines.append((name, *(f"{getattr(row, column):,}" for column in _COLUMNS)))
    return aligned(lines)


def _parts(counts: Counts) -> list[str]:
    """What `rejected` and `filtered` are made of, where there is anything."""
    lines = []
    if counts.rejected:
        lines.append(
            f"Rejected: {counts.rejected_by_us:,} by us before sending,"
            f" {counts.rejected_by_api:,} by the API."
        )
    if counts.filtered:
        parts = counts.filtered_by.items()
        told = [f"{n:,} {PARTS[part]}" for part, n in parts if n or part in _ALWAYS_TOLD]
        lines.append(f"Filtered: {', '.join(told)}.")
    return lines


def _next_step(closing: Closing, together: Counts) -> str:
    if isinstance(closing.error, SourceError):
        return (
            "put the source back as it was and run again, or mend it and send it anew with"
            " --fresh: events and upserts that were sent are sent again, to the same effect"
        )
    if isinstance(closing.error, GuardError):
        return "decide as the error says"
    if closing.state == "stopped":
        return f"mend what stopped it, then {_RUN_AGAIN}"
    if closing.state == "interrupted":
        return _RUN_AGAIN
    if closing.is_cut:
        return "run without --limit to send the rest"
    if closing.held:
        return "run the same command again when the events held back are 72 hours old"
    if together.rejected:
        config = closing.config or "CONFIG"
        return (
            f"backfill rejects {config} says what would mend the rejected rows; mended, they are"
            f" sent by backfill run {config} --only STREAM --source FILE"
        )
    if closing.waiting:
        return f"run the same command again for the {counted(closing.waiting, 'file')} that waited"
    return "nothing is left to do"


def _left(state: str) -> str:
    if state == "completed":
        return "Next: run again, without --limit, to send the rows that are left."
    return f"Next: {_RUN_AGAIN}."


def _state(saved: Saved, holder: str | None) -> str:
    """What is so now: a process that has just begun, or was killed, could not write it down."""
    if holder is not None:
        return "running"
    return "interrupted" if saved.state == "running" else saved.state


def _by_stream(saved: Saved) -> dict[str, Counts]:
    return {s.name: saved.counts.get(s.name, Counts()) for s in saved.job.streams}


def _time(at_s: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, to the second."""
    return None if at_s is None else f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
