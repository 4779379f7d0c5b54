"""What a ledger says of a job: counts by stream, done rows by file, the requests made."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from backfill.ledger.cursor import Cursor
from backfill.records import BlockStart, Part


class Counts(NamedTuple):
    """What became of the rows of one stream; the last two count operations, the others rows.

    read counts the rows that are done and those that are outstanding, each once.
    """

    read: int = 0
    delivered: int = 0
    rejected_by_us: int = 0
    rejected_by_api: int = 0
    filtered_where: int = 0
    filtered_since: int = 0
    filtered_unchanged: int = 0
    filtered_superseded: int = 0
    filtered_folded: int = 0
    operations_delivered: int = 0
    operations_rejected: int = 0

    @property
    def rejected(self) -> int:
        """Rows refused, by us or by the API."""
        return self.rejected_by_us + self.rejected_by_api

    @property
    def filtered(self) -> int:
        """Rows nothing is wrong with that are not sent."""
        return sum(self.filtered_by.values())

    @property
    def filtered_by(self) -> dict[Part, int]:
        """The same by reason."""
        return {
            "where": self.filtered_where,
            "since": self.filtered_since,
            "unchanged": self.filtered_unchanged,
            "superseded": self.filtered_superseded,
            "folded": self.filtered_folded,
        }

    @property
    def done(self) -> int:
        """Rows nothing is left to do for."""
        return self.delivered + self.rejected + self.filtered

    @property
    def unprocessed(self) -> int:
        """Rows read that are not done."""
        return self.read - self.done

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*map(operator.add, self, other))


@dataclass(frozen=True, slots=True)
class FileState:
    """What is done of one file, as the checkpoint keeps it.

    rows:     how many the file has, once it was read to its end.
    frontier: every row below it is done.
    bits:     the rows from `frontier` on, first row in the highest bit, 1 for done; what lies
              beyond the last byte is not done.
    resume:   the block to read on from; None: from the beginning.
    rejected: how many of the rows that are done were refused, by us or by the API.
    """

    stream: str
    index: int
    rows: int | None = None
    frontier: int = 0
    bits: bytes = b""
    resume: BlockStart | None = None
    rejected: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether the file was read to its end and all of its rows are done."""
        return self.rows is not None and self.frontier >= self.rows


class Carried(NamedTuple):
    """Rows of one file that a request carried.

    place: the file's index in its stream; rows: as `ledger.packed` packs them.
    """

    place: int
    rows: bytes


class Request(NamedTuple):
    """One request as it is logged.

    started_at_s: unix time. status: of the answer, 0 where there was none. attempt: 1 for the
    first. failure: why it was tried again, for people; empty where it was not.
    carried: the rows behind its operations.
    """

    started_at_s: float
    stream: str
    operations: int
    body_bytes: int
    status: int
    attempt: int
    elapsed_s: float = 0.0
    failure: str = ""
    carried: tuple[Carried, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """All that changed since the last taking: what one commit makes durable.

    rules:   (stream, rule) to the rows that we refused for it so far.
    remarks: what people were told, in order.
    cursors: of the streams with `since` of which rows were read.
    """

    files: tuple[FileState, ...] = ()
    counts: Mapping[str, Counts] = field(default_factory=dict)
    requests: tuple[Request, ...] = ()
    rules: Mapping[tuple[str, str], int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    cursors: Mapping[str, Cursor] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.files or self.counts or self.requests or self.remarks)
