"""What people and programs are told of an undo: counts, reasons and names, and no value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from backfill.phrases import aligned
from backfill.undoing.survey import StreamUndo, Undo

#: What is next once an undo completed.
NEXT = (
    "mend the export: the next run of the job sends again what it says otherwise of who was set"
    " back or deleted"
)

#: Attributes that are named one by one.
_NAMED_MAX = 20


def lines(undo: Undo) -> list[str]:
    """What undoing the run comes to."""
    said = [
        *(line for one in undo.streams for line in _of_stream(one)),
        *(f"{stream}: {why}" for stream, why in undo.irreversible.items()),
        *(f"warning: {text}" for text in warnings(undo)),
    ]
    return [
        f"Undoing run {undo.run_id}: {undo.set_back:,} to set back, {undo.delete:,} to delete,"
        f" {undo.left:,} left alone"
        + (f"; {undo.undone:,} undone already." if undo.undone else "."),
        "",
        *_table(undo),
        *(["", *said] if said else []),
    ]


def warnings(undo: Undo) -> list[str]:
    """What is to be minded before it is done."""
    found = []
    if undo.is_unfinished:
        found.append(
            "the run is not finished: what it had under way when it broke is not known and not"
            " undone, and the same run may go on"
        )
    if undo.delete:
        found.append(
            f"{undo.delete:,} to delete, with all that came to them since: people who by the App"
            " API were created while the run went on"
        )
    return found


def as_json(undo: Undo) -> dict[str, Any]:
    """The object `undo --plan --json` prints."""
    return {
        "run_id": undo.run_id,
        "set_back": undo.set_back,
        "delete": undo.delete,
        "undone": undo.undone,
        "left": undo.left,
        "streams": [
            {
                "name": one.stream.name,
                "set_back": one.set_back,
                "delete": one.delete,
                "undone": one.overtaken.undone,
                "attributes": dict(one.names.most_common()),
                "left": _reasons(one.left_alone),
                "stays": _reasons(one.stays),
            }
            for one in undo.streams
        ],
        "irreversible": dict(undo.irreversible),
        "warnings": warnings(undo),
        "error": None,
    }


def _table(undo: Undo) -> list[str]:
    rows = [("stream", "set back", "deleted", "left alone")]
    for one in undo.streams:
        left = sum(one.left_alone.values())
        rows.append((one.stream.name, f"{one.set_back:,}", f"{one.delete:,}", f"{left:,}"))
    return aligned(rows)


def _of_stream(one: StreamUndo) -> Iterator[str]:
    name = one.stream.name
    if one.names:
        named = [f"{attribute} ({n:,})" for attribute, n in one.names.most_common(_NAMED_MAX)]
        more = len(one.names) - len(named)
        rest = [f"{more:,} more"] if more else []
        yield f"{name}: attributes set back: {', '.join([*named, *rest])}"
    for why, n in sorted(one.left_alone.items(), key=lambda each: -each[1]):
        yield f"{name}: left alone: {n:,} {why}"
    for what, n in one.stays.most_common():
        yield f"{name}: of {n:,}: {what}"


def _reasons(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"why": why, "entities": n} for why, n in counts.items()]
