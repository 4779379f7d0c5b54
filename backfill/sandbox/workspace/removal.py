"""What takes people out of the workspace: delete, suppress, merge; and unsuppress."""

from __future__ import annotations

from typing import Final

from backfill import trackapi
from backfill.sandbox.workspace import preferences
from backfill.sandbox.workspace.people import Person, find, is_blocked, key, number_of, save
from backfill.sandbox.workspace.state import Work
from backfill.sandbox.workspace.wire import Merge, Named, sole

#: Of the secondary person's events, a merge brings over those of the last 30 days.
#: [docs: merge people]
MERGED_EVENTS_S: Final = 30 * 24 * 3600


def delete(work: Work, told: Named) -> None:
    """Remove a person and all that hangs on them; an unknown one is no error.  [observed: GRP]"""
    number = number_of(work, *sole(told.identifiers))
    if number is not None:
        _remove(work, number)
        work.note("profile_delete", number)


def _remove(work: Work, number: int) -> None:
    for table in ("devices", "relationships", "events", "memberships", "recognised"):
        work.database.execute(f"DELETE FROM {table} WHERE person = ?", (number,))  # noqa: S608
    work.database.execute("DELETE FROM people WHERE number = ?", (number,))


def suppress(work: Work, told: Named) -> None:
    """Delete the person and block every identifier they have, or the one given.  [spec: v1]"""
    kind, value = sole(told.identifiers)
    person = find(work, kind, value)
    names: dict[str, str | None] = {kind: value} if person is None else dict(person.names)
    if person is not None:
        delete(work, told)
    elif kind == "cio_id" or is_blocked(work, names):
        return
    ((suppression,),) = work.database.execute(
        "SELECT coalesce(max(suppression), 0) + 1 FROM suppressed"
    )
    work.database.executemany(
        "INSERT OR IGNORE INTO suppressed (kind, value, suppression) VALUES (?, ?, ?)",
        [(kind, key(kind, name), suppression) for kind, name in names.items() if name is not None],
    )
    work.blocks = True


def unsuppress(work: Work, told: Named) -> None:
    """Lift the block from all the identifiers that were suppressed together; restores nobody."""
    kind, value = sole(told.identifiers)
    work.database.execute(
        "DELETE FROM suppressed WHERE suppression ="
        " (SELECT suppression FROM suppressed WHERE kind = ? AND value = ?)",
        (kind, key(kind, value)),
    )


def merge(work: Work, told: Merge) -> None:
    """Fold the secondary person into the primary, whose own values win.

    The primary must exist.  [spec] Their identifiers fill the primary's gaps.
    """
    primary, secondary = (find(work, *sole(end)) for end in (told.primary, told.secondary))
    if primary is None or secondary is None or primary.number == secondary.number:
        number = primary.number if primary else None
        work.note("failed_attribute_change", number, detail="no two people to merge")
        return
    _move(work, primary.number, secondary.number)
    ((left,),) = work.database.execute(
        "SELECT count(*) FROM events WHERE person = ?", (secondary.number,)
    )
    _remove(work, secondary.number)
    _fill(primary, secondary)
    save(work, primary)
    work.note("profile_merge", primary.number, detail=f"{left} events are too old to move")


def _move(work: Work, primary: int, secondary: int) -> None:
    """Give the primary what hangs on the secondary; what both have stays the primary's."""
    for table in ("devices", "relationships", "memberships", "recognised"):
        work.database.execute(
            f"UPDATE OR IGNORE {table} SET person = ? WHERE person = ?",  # noqa: S608
            (primary, secondary),
        )
    work.database.execute(
        "UPDATE events SET person = ? WHERE person = ? AND timestamp >= ?",
        (primary, secondary, work.now - MERGED_EVENTS_S),
    )


def _fill(primary: Person, secondary: Person) -> None:
    room = trackapi.ATTRIBUTES_MAX - len(primary.attributes)
    gaps = [name for name in secondary.attributes if name not in primary.attributes][:room]
    topics = [name for name in secondary.times if name.startswith(preferences.TOPIC)]
    primary.attributes |= {name: secondary.attributes[name] for name in gaps}
    timed = gaps + (topics if preferences.NAME in gaps else [])
    primary.times |= {name: secondary.times[name] for name in timed if name in secondary.times}
    for kind, name in secondary.names.items():
        primary.names[kind] = primary.names[kind] or name
