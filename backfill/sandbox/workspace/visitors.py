"""Visitors: what is known of an anonymous id, and how it becomes a person's.

[docs: anonymous events] An identify with an anonymous id merges the events of its last 30 days,
and those that come within five minutes after it.
"""

from __future__ import annotations

from typing import Final

from backfill.sandbox.workspace.state import Work

#: Anonymous events are kept for merging this long.  [spec; docs: anonymous events]
KEPT_S: Final = 30 * 24 * 3600

#: Events that come so soon after the identify are merged too.  [docs: anonymous events]
LATE_S: Final = 300


def person_of(work: Work, anonymous_id: str, happened: float) -> int | None:
    """The person a visitor was just recognised as, for an event of this moment."""
    if happened < work.now - KEPT_S:
        return None
    row = work.database.execute(
        "SELECT person FROM recognised WHERE anonymous_id = ? AND at >= ?",
        (anonymous_id, work.now - LATE_S),
    ).fetchone()
    return None if row is None else int(row[0])


def recognise(work: Work, person: int, anonymous_id: str) -> None:
    """Give a person what hangs on an anonymous id; what both have stays the person's."""
    moved = work.database.execute(
        "UPDATE events SET person = ? WHERE anonymous_id = ? AND person IS NULL AND timestamp >= ?",
        (person, anonymous_id, work.now - KEPT_S),
    ).rowcount
    ties = work.database.execute(
        "INSERT OR IGNORE INTO relationships"
        " SELECT ?, object, attributes, times FROM visitors WHERE anonymous_id = ?"
        " RETURNING object",
        (person, anonymous_id),
    ).fetchall()
    work.database.execute("DELETE FROM visitors WHERE anonymous_id = ?", (anonymous_id,))
    work.database.execute(
        "INSERT OR REPLACE INTO recognised VALUES (?, ?, ?)", (anonymous_id, person, work.now)
    )
    if moved or ties:
        work.note("anon_merge", person, detail=f"{moved} events of a visitor")
    for (number,) in ties:
        work.note("add_relationship", person, number)
