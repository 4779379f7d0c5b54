"""Manual segments: who is in which.

No call of the Track API makes a segment, so the first that names one does.
"""

from __future__ import annotations

from collections.abc import Iterable

from backfill.sandbox.workspace import people
from backfill.sandbox.workspace.state import Work


def add(work: Work, segment: int, kind: str, ids: Iterable[str]) -> None:
    """Put people into a segment; who is not known is passed over.

    kind: what the ids are: id, email or cio_id; those of another kind name nobody.  [spec]
    """
    work.database.execute("INSERT OR IGNORE INTO segments VALUES (?, ?)", (segment, work.now))
    work.database.executemany(
        "INSERT OR IGNORE INTO memberships VALUES (?, ?)",
        [(segment, person) for person in _known(work, kind, ids)],
    )


def remove(work: Work, segment: int, kind: str, ids: Iterable[str]) -> None:
    """Take people out of a segment; kind as in `add`."""
    work.database.execute("INSERT OR IGNORE INTO segments VALUES (?, ?)", (segment, work.now))
    work.database.executemany(
        "DELETE FROM memberships WHERE segment = ? AND person = ?",
        [(segment, person) for person in _known(work, kind, ids)],
    )


def _known(work: Work, kind: str, ids: Iterable[str]) -> list[int]:
    found = (people.number_of(work, kind, value) for value in ids)
    return [person for person in found if person is not None]
