"""What the history says of one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec

from backfill.ledger import Counts
from backfill.logbook import Work
from backfill.report import total
from backfill.resumption import Saved, State

#: What a run came to; "killed": it never said how it ended, and no process works at it.
Ending = State | Literal["killed"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A run, or a start that began none: it found nothing new, or was stopped before.

    run_id:      empty where none began.
    began_at, ended_at: of its first and its last process; seconds: those they worked, together.
    reason:      what stopped it.
    is_cut:      whether --limit left rows unread.
    nothing_new: whether everything had been done before, by the run of this id.
    held:        rows left unprocessed on purpose: events too young to be sent.
    streams:     name to counts, as `Counts` names them; those without any are left out.
    requests:    every one, also those retried among them.
    """

    run_id: str
    state: Ending
    began_at: datetime
    ended_at: datetime
    seconds: float = 0.0
    sittings: int = 1
    reason: str | None = None
    is_cut: bool = False
    nothing_new: bool = False
    held: int = 0
    streams: dict[str, dict[str, int]] = {}
    requests: int = 0
    retried: int = 0
    bytes_sent: int = 0

    @property
    def counts(self) -> dict[str, Counts]:
        """What became of the rows, by stream; what another version counted is passed over."""
        return {
            name: Counts(**{n: rows for n, rows in counts.items() if n in Counts._fields})
            for name, counts in self.streams.items()
        }

    @property
    def rows(self) -> Counts:
        """All streams together."""
        return total(self.counts.values())

    @property
    def is_whole(self) -> bool:
        """Whether it is a run to compare others with: it read all there was, to the end."""
        is_through = self.state in ("completed", "held")
        return is_through and not self.is_cut and not self.nothing_new


def made(run_id: str, state: Ending, counts: Mapping[str, Counts], work: Work) -> Entry:
    """An entry of what a checkpoint knows of a run."""
    sittings = work.sittings
    return Entry(
        run_id=run_id,
        state=state,
        began_at=_at(sittings[0].began_s),
        ended_at=_at(sittings[-1].ended_s),
        seconds=round(work.seconds, 3),
        sittings=len(sittings),
        streams={name: _told(each) for name, each in counts.items()},
        requests=work.requests,
        retried=work.retried,
        bytes_sent=work.body_bytes,
    )


def as_of(
    entries: Iterable[Entry], saved: Saved | None, work: Work, holder: str | None
) -> list[Entry]:
    """The entries as it is now: of a run that did not say how it ended, what is known of it.

    saved, work: what the checkpoint holds; holder: the process that holds it, None for nobody.
    """
    return [
        each if each.state != "running" else _unended(each, saved, work, holder) for each in entries
    ]


def _unended(entry: Entry, saved: Saved | None, work: Work, holder: str | None) -> Entry:
    if saved is None or saved.run_id != entry.run_id or not work.sittings:
        return msgspec.structs.replace(entry, state="killed")
    state: Ending = saved.state
    if state == "running" and holder is None:
        state = "killed"
    return msgspec.structs.replace(
        made(entry.run_id, state, saved.counts, work), is_cut=entry.is_cut
    )


def _told(counts: Counts) -> dict[str, int]:
    return {name: rows for name, rows in counts._asdict().items() if rows}


def _at(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)
