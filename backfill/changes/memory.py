"""What a run learns of a stream's entities, made durable with its commits.

Rules: an entity is put in doubt before an operation on it that changes something may leave, so that
one whose answer never came is sent again whatever the next export says. It leaves doubt when it is
acknowledged, or when the API says that it did not take the operation.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from backfill.batches import Marks, Piece
from backfill.changes import entries
from backfill.changes.entries import RECORD, Records
from backfill.changes.known import Known
from backfill.changes.texts import Texts
from backfill.records import Bools

#: Of records that stand for no row of an export: where they are among what is known is not told.
_TELL_NOTHING = (entries.GONE, entries.DOUBT)


@dataclass(slots=True)
class News:
    """What is to be made durable: records, and what is kept as text."""

    records: list[Records] = field(default_factory=list)
    texts: list[Marks] = field(default_factory=list)


class Memory:
    """Takes what became of operations in one thread; is written in any, by one at a time.

    texts: where what was sent is kept; None: it is not. names_first: whether who is new is known,
    in doubt and by name, before an operation on them may leave: so whoever is created by one that
    was never answered, and is gone from the next export, is seen to vanish. files: how many the
    export has had, as far as anybody vanished.
    are_unsure: whether what is acknowledged may not be applied, for another entity that is removed
    later has a name of theirs still: it is told once more in the next run.
    """

    def __init__(
        self, known: Known, texts: Texts | None, *, names_first: bool = False, files: int = 0
    ) -> None:
        self.known, self.texts, self.files = known, texts, files
        self.are_unsure = False
        self._removed = np.empty(0, RECORD)  # by other streams in this run, ordered by key
        self._names_first = names_first and texts is not None
        self._news = News()
        self._has_doubts = False
        self._writing = threading.Lock()

    def confirm(self, marks: Marks) -> None:
        """Rows say what was acknowledged before."""
        self._news.records.append(self._as_told(marks.records))

    def answered(self, piece: Piece, is_refused: Bools) -> None:
        """The operations of a piece have their verdict; bool[n]: which the API refused."""
        marks = piece.marks
        if marks is None:
            return
        taken = marks.part(~is_refused)
        self._news.records.append(self._as_told(taken.records))
        if taken.texts is not None:
            is_named = self._names_first & (taken.entries < 0)
            self._news.texts.append(taken.part(~is_named))
        if self._names_first:
            never_told = marks.part(is_refused & (marks.entries < 0))
            self._news.records.append(entries.gone(never_told.records))
        refused = marks.part(is_refused & (marks.entries >= 0))
        if self._has_doubts or not len(refused):
            return  # what was acknowledged before counts no more: they stay in doubt
        if not np.isin(refused.records["line"], _TELL_NOTHING).any():
            self._news.records.append(self._as_told(self.known.at(refused.entries)))

    def _as_told(self, records: Records) -> Records:
        is_open = entries.find(self._removed, entries.keys(records)) >= 0
        is_open |= self.are_unsure
        is_open &= records["line"] != entries.GONE
        if not is_open.any():
            return records
        return np.concatenate([records[~is_open], entries.in_doubt(records[is_open])])

    def take(self) -> News:
        """All since the last call, for `write`."""
        news, self._news = self._news, News()
        return news

    def write(self, news: News) -> None:
        """Make it durable."""
        with self._writing:
            for marks in news.texts:
                self._put(marks)
            self.known.append(np.concatenate([np.empty(0, RECORD), *news.records]))

    def doubt(self, marks: Marks) -> None:
        """Operations on these entities may leave from now on; durable when it returns."""
        is_known = marks.entries >= 0
        with self._writing:
            if self._names_first:
                self._put(marks.part(~is_known))
            doubtful = marks.records if self._names_first else marks.records[is_known]
            self.known.append(entries.in_doubt(doubtful))

    def doubt_those(self, removed: Records) -> None:
        """Entities that another stream removes are to be told everything; durable when it returns.

        Also what is acknowledged of them from now on, for it may have been before they are removed.
        removed: ordered by key.
        """
        self._removed = entries.latest(np.concatenate([self._removed, removed]))
        found = [np.empty(0, RECORD)]
        for piece in self.known.pieces():
            at = entries.find(piece, entries.keys(removed))
            found.append(piece[at[at >= 0]])
        with self._writing:
            self.known.append(entries.in_doubt(np.concatenate(found)))

    def doubt_all(self) -> None:
        """Nothing that was acknowledged counts any more; durable when it returns."""
        self._has_doubts = True
        with self._writing:
            self.known.append(entries.everybody_in_doubt())

    def _put(self, marks: Marks) -> None:
        assert self.texts is not None
        assert marks.texts is not None
        if len(marks):
            self.texts.put(marks.records, marks.texts, (marks.entries < 0).tolist())

    def close(self) -> None:
        """Let go of the files."""
        self.known.close()
        if self.texts:
            self.texts.close()


def refused(piece: Piece, rejected: Collection[int], first: int) -> Bools:
    """bool[n]: which operations of a piece the API refused; first: the place of its first one."""
    found = np.zeros(len(piece), np.bool_)
    found[[i - first for i in rejected if first <= i < first + len(piece)]] = True
    return found
