"""What a run will do: exact counts, and what a person should know before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backfill.config import Job
from backfill.mapping import Stream
from backfill.planning.forecast import Forecast
from backfill.planning.looking import Finding, Sample
from backfill.planning.looks.refused import Refusals
from backfill.resumption import Start, State


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What becomes of the rows of one stream; each row read is in exactly one of the parts.

    filtered: by part, as of `records.Part`. held: events kept until they are 72 hours old.
    rows_done: rows that earlier processes of the run did, which are in no other number.
    left_out:  the first rows that `where` leaves out; superseded: those that a later row does.
    taken_before, waiting: files that came and are not among `files`: those that an earlier run
               took, those that are left to the run after this one.
    """

    stream: Stream
    files: int
    read: int
    deliverable: int
    rejected: int
    filtered: Mapping[str, int]
    held: int
    operations: int
    requests: int
    body_bytes: int
    refusals: tuple[Refusals, ...]
    left_out: tuple[Sample, ...]
    superseded: tuple[Sample, ...] = ()
    rows_done: int = 0
    taken_before: int = 0
    waiting: int = 0

    @property
    def name(self) -> str:
        """The stream's name."""
        return self.stream.name


@dataclass(frozen=True, slots=True)
class Standing:
    """What the job's checkpoint holds.

    start:   what a run of the job makes of it; None: it is refused, for what `refusal` says.
    """

    run_id: str
    state: State
    rows_done: int
    start: Start | None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of the job will do.

    address:  of the Track API; a sandbox's state file.
    identity: digest of the job, to tell whether a run is of the same one.
    arrived:  what there is to say of the files that came to folders and globs.
    """

    job: Job
    address: str
    identity: str
    streams: tuple[StreamPlan, ...]
    findings: tuple[Finding, ...]
    forecast: Forecast
    standing: Standing | None
    arrived: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The object `plan --json` prints."""
        from backfill.planning.told import as_json

        return as_json(self)

    def __str__(self) -> str:
        from backfill.planning.told import lines

        return "\n".join(lines(self))

    def total(self, column: str) -> int:
        """The sum of a number over all streams."""
        return sum(getattr(stream, column) for stream in self.streams)

    @property
    def is_done(self) -> bool:
        """Whether earlier processes left nothing to do."""
        return self.standing is not None and self.standing.start is Start.FINISHED

    @property
    def filtered(self) -> int:
        """Rows nothing is wrong with that will not be sent."""
        return sum(sum(stream.filtered.values()) for stream in self.streams)
