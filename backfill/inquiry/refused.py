"""What was refused and is still open, run by run and stream by stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from backfill import readers
from backfill.config import Job
from backfill.errors import BackfillError, UsageError
from backfill.inquiry import refusals
from backfill.inquiry.again import Resent, Sifted, resent
from backfill.inquiry.groups import Group, grouped
from backfill.inquiry.runs import Run, runs
from backfill.ledger import Counts
from backfill.mapping import Stream
from backfill.phrases import counted
from backfill.rejects import earlier, refused


@dataclass(frozen=True, slots=True)
class Refused:
    """What one run refused of one stream.

    rows:   how many refused rows stand in the files.
    groups: of those that are open: no later run has done anything with them.
    counts: what the run's checkpoint knows of the stream; None without one.
    unread: what kept a file from being read, where something did.
    untold: why it is not known what the run sent again, where something kept it; and where the
            rows stand that earlier runs refused.
    """

    run: Run
    stream: Stream
    files: list[Path]
    rows: int
    groups: list[Group]
    counts: Counts | None
    unread: str = ""
    untold: tuple[str, ...] = ()

    @property
    def open(self) -> int:
        """How many of the rows were not sent again."""
        return sum(group.rows for group in self.groups)

    @property
    def read(self) -> int:
        """How many rows the run read of the stream, or as many as are known of."""
        return self.counts.read if self.counts else self.rows

    @property
    def sent_again(self) -> int:
        """How many of the rows a later run has delivered, refused or left out."""
        return self.rows - self.open

    @property
    def remarks(self) -> list[str]:
        """What is odd about the files."""
        odd = self._odd
        return [*([odd] if odd else []), *self.untold]

    @property
    def _odd(self) -> str:
        if self.unread:
            return self.unread
        if self.counts is None:
            return "no checkpoint tells which run these are of" if self.rows else ""
        if self.counts.rejected == self.rows:
            return ""
        told = f"the run rejected {self.counts.rejected:,} rows, its files hold {self.rows:,}"
        return f"{told}: they were edited, moved or removed"


def found(job: Job) -> list[Refused]:
    """What stands in the rejects of a job, where anything does.

    Raises UsageError where no run has begun and nothing stands there, and what reading a
    checkpoint raises.
    """
    every = runs(job)
    known = {
        (run.name, stream.name): resent(job, run, stream, every[0])
        for run in every
        for stream in run.streams
    }
    everything = [
        _refused(run, stream, every, known)
        for run in every
        for stream in run.streams
        if not _is_read_again(job, run, stream, every[0])
    ]
    left = [each for each in everything if each.rows or each.remarks]
    if not left and every[0].saved is None:
        raise UsageError(
            f"there is no run at {job.checkpoint}",
            "checkpoint",
            f"run the job first (backfill run {job.path}), or give the same --set as the run had",
        )
    return left


def _is_read_again(job: Job, run: Run, stream: Stream, first: Run) -> bool:
    """Whether the whole job has read all of the stream since a run of a part of it."""
    takes_files = stream.takes_files_once and readers.is_open(stream.source, job.base)
    return bool(run.name) and 0 < run.began_s < first.began_s and not takes_files


def _refused(
    run: Run, stream: Stream, every: list[Run], known: dict[tuple[str, str], Resent]
) -> Refused:
    later = [
        known[other.name, stream.name]
        for other in every
        if other.began_s > run.began_s and (other.name, stream.name) in known
    ]
    parts, sifted = refusals.parts(run, stream.name), Sifted(later)
    groups, unread = list[Group](), run.unread
    rows = chain.from_iterable(refusals.read(part, stream) for part in parts)
    try:
        groups = grouped(sifted.still_open(rows), stream)
    except BackfillError as error:
        unread = f"{error.where}: {error.what}"
        sifted.rows = 0
    return Refused(
        run,
        stream,
        refused(run.rejects, stream.name) or [part.path for part in parts],
        sifted.rows,
        groups,
        run.saved.counts.get(stream.name, Counts()) if run.saved else None,
        unread,
        (*known[run.name, stream.name].remarks, *_of_earlier_runs(run, stream)),
    )


def _of_earlier_runs(run: Run, stream: Stream) -> Iterator[str]:
    """Where the refused rows stand of files that no later run reads again."""
    saved = run.saved if not run.name and stream.takes_files_once else None
    of_stream = [taken for taken in (saved.taken if saved else ()) if taken.stream == stream.name]
    rows = sum(taken.rejected for taken in of_stream if saved and taken.run_id != saved.run_id)
    kept = [path.name for path in earlier(run.rejects, stream.name)] if rows else []
    if kept:
        yield (
            f"earlier runs rejected {counted(rows, 'row')} of files that are not read again; they"
            f" are kept in {run.rejects} as {', '.join(kept)}"
        )
