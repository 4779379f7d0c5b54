"""The rows that will not be sent: refused, by rule, and left out by `where`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from backfill.mapping import Field, Stream
from backfill.operations.binding import where_of
from backfill.planning.looking import SAMPLES_MAX, Sample, Seen, Tally
from backfill.records import Rejected
from backfill.remedies import columns_of, field_of, remedy


@dataclass(slots=True)
class Refusals:
    """Rows refused for one rule in one field.

    field: its path in the stream, empty for the whole row. reason: of the first of them.
    """

    rule: str
    field: str
    reason: str
    tally: Tally

    def remedy(self, stream: Stream, rows: int) -> str:
        """The change of the config that would mend them, or what else to do.

        rows: how many the stream has in all.
        """
        shape = self.tally.samples[0].value if self.tally.samples else ""
        are_few = 2 * self.tally.rows < rows
        return remedy(self.rule, self.field, stream, shape, are_few=are_few)


class Refused:
    """The refused rows of a stream, grouped."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], Refusals] = {}

    def look(self, seen: Seen) -> None:
        """Note those of a block."""
        rejected = seen.encoded.rejected
        rows: dict[tuple[str, str], list[int]] = defaultdict(list)
        fields: dict[tuple[str, str], str] = {}
        for i, told in enumerate(zip(rejected.rules, rejected.reasons, strict=True)):
            if told not in fields:
                fields[told] = field_of(*told)
            rows[told[0], fields[told]].append(i)
        for (rule, path), places in rows.items():
            reason = rejected.reasons[places[0]]
            group = self._groups.setdefault((rule, path), Refusals(rule, path, reason, Tally()))
            group.tally.rows += len(places)
            missing = SAMPLES_MAX - len(group.tally.samples)
            group.tally.samples += _samples(seen, rejected, places[:missing], path)

    def groups(self) -> list[Refusals]:
        """The largest first."""
        return sorted(self._groups.values(), key=lambda group: -group.tally.rows)


class LeftOut:
    """The first rows of a stream that `where` leaves out; what stands in its columns."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def look(self, seen: Seen) -> None:
        """Note those of a block, until there are enough: each time the condition is parsed."""
        rows = seen.encoded.filtered.get("where")
        if rows is None or len(self.samples) == SAMPLES_MAX:
            return
        where = where_of(seen.stream)
        columns = sorted(where.columns) if where else []
        source = Field(column=columns[0]) if columns else None
        found = seen.samples(np.isin(seen.rows, rows), source)
        self.samples = [*self.samples, *found][:SAMPLES_MAX]


def _samples(seen: Seen, rejected: Rejected, places: list[int], path: str) -> list[Sample]:
    columns = [name for name in columns_of(path, seen.stream) if name in seen.columns]
    source = Field(column=columns[0]) if columns else None
    found = []
    for row in rejected.rows[places].tolist():
        shown = seen.samples(seen.rows == row, source)  # none where the row could not be read
        found += shown or [Sample(rejected.block.file.label, row + 1)]
    return found
