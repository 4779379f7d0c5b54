"""Which refused rows were sent again since, by a run of mended rows.

A mended file keeps the columns _file and _row, which say of each row where it was refused. What a
run of it has done with such a row, delivered, refused again or left out, is the row's later fate.

Memory: 24 bytes for each row that was sent again, and its label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from backfill import readers
from backfill.config import Job
from backfill.dialect import FILE_COLUMN, ROW_COLUMN
from backfill.errors import BackfillError
from backfill.inquiry import refusals
from backfill.inquiry.refusals import Refusals
from backfill.inquiry.runs import Run
from backfill.inquiry.sources import Asked, held_against, known_of, labelled
from backfill.ledger import Ledger
from backfill.mapping import Stream
from backfill.phrases import counted

_PLACE = ["file", "row"]
_NOTHING = pl.DataFrame(schema={"file": pl.String(), "row": pl.Int64()})

_COUNTED = "what it sent again is counted as open"


@dataclass(slots=True)
class Resent:
    """What one run of mended rows has done.

    places:  file and row (from 1) where its rows were refused.
    whole:   sources of the first run that it sent anew, as they are.
    remarks: what could not be told.
    """

    places: pl.DataFrame = field(default_factory=_NOTHING.clone)
    whole: list[tuple[Asked, Ledger]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def others(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of the frame, by its file and row, that it has not done anything with."""
        frame = frame.join(self.places, on=_PLACE, how="anti", maintain_order="left")
        for asked, ledger in self.whole:
            own = pl.col("file").eq_missing(asked.file.label) & (pl.col("row") >= 1)
            rows = frame.filter(own)["row"].to_numpy() - 1
            top = int(rows.max(initial=-1)) + 1
            done = rows[ledger.is_done(asked.file, 0, top)[rows]] + 1
            frame = frame.filter(~(own & pl.col("row").is_in(done.tolist())))
        return frame


def resent(job: Job, run: Run, stream: Stream, first: Run) -> Resent:
    """What a run of mended rows has done; of the first run nothing."""
    found = Resent()
    known = known_of(run, stream) if run.name else None
    if known is None or run.saved is None:
        return found
    ledger = Ledger(run.saved.files, run.saved.counts)
    whole = known_of(first, stream)
    labels = {file.label for file in whole.files} if whole else set()
    places = {file.label: i for i, file in enumerate(known.files)}
    for file, identity in zip(labelled(job, stream, known), known.files, strict=True):
        try:
            asked = held_against(run, stream, file, places, identity)
            if asked.is_changed:
                found.remarks.append(f"its source {file.label} changed since: {_COUNTED}")
            elif file.label in labels:
                found.whole.append((asked, ledger))
            else:
                _add(found, asked, ledger)
        except BackfillError as error:
            found.remarks.append(f"its source {file.label}: {error.what}: {_COUNTED}")
    return found


def _add(found: Resent, asked: Asked, ledger: Ledger) -> None:
    """Read one mended file."""
    places = pl.concat([_NOTHING, *_places(asked, ledger)])
    unplaced = places.filter(pl.any_horizontal(pl.col(_PLACE).is_null())).height
    if unplaced:
        told_by = f"{FILE_COLUMN} and {ROW_COLUMN}"
        found.remarks.append(
            f"{counted(unplaced, 'row')} of its source {asked.file.label} came without {told_by},"
            " which tell what they mend: that is counted as open"
        )
    found.places = pl.concat([found.places, places.drop_nulls()]).unique()


def _places(asked: Asked, ledger: Ledger) -> Iterator[pl.DataFrame]:
    source = asked.stream.source
    for block in readers.open_file(asked.file, source, as_rejects=True).blocks():
        own = refusals.told(block, source).frame.select(_PLACE)
        start = block.start.row
        rows = np.concatenate([block.rows, [fault.row for fault in block.faults]]).astype(np.int64)
        done = ledger.is_done(asked.file, start, block.stop.row)[rows - start]
        yield own.filter(pl.Series(done, dtype=pl.Boolean))


@dataclass(slots=True)
class Sifted:
    """Refused rows less those that later runs have done something with; counts all of them."""

    later: list[Resent]
    rows: int = 0

    def still_open(self, every: Iterable[Refusals]) -> Iterator[Refusals]:
        """The same with the rows that nothing was done with."""
        for some in every:
            self.rows += some.frame.height
            frame = some.frame
            for run in self.later:
                frame = run.others(frame)
            yield replace(some, frame=frame)
