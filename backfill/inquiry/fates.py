"""What became of rows: told by the checkpoint, its log of requests and the rejects, in that order.

A row that none of them names went through no request: what it became is found by encoding it again,
as the config is now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np

from backfill.checkpoint import peek_log
from backfill.errors import BackfillError
from backfill.inquiry import refusals
from backfill.inquiry.hits import Hits
from backfill.inquiry.runs import Run
from backfill.inquiry.sources import Asked
from backfill.ledger import Ledger, Request, Taken, unpacked
from backfill.logbook import Log
from backfill.mapping import Stream
from backfill.operations import Encoded, encode, where_of
from backfill.phrases import PARTS
from backfill.records import Block, Rejected
from backfill.rejects import places
from backfill.verdict import ACCEPTING

Outcome = Literal["delivered", "rejected", "filtered", "not sent", "unknown"]


class Attempt(NamedTuple):
    """A request that carried a row. number: its place in the log of its run, from 1."""

    number: int
    request: Request


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one row.

    by:       of a rejected one: "us" or "api"; rule, reason: as in the rejects.
    part:     of a filtered one: a `records.Part`.
    into_row: of a folded one: the row it was folded into, from 0.
    says:     what else a person should know.
    attempts: the requests that carried it, in order.
    """

    outcome: Outcome
    by: Literal["", "us", "api"] = ""
    rule: str = ""
    reason: str = ""
    part: str = ""
    into_row: int | None = None
    says: str = ""
    attempts: tuple[Attempt, ...] = ()


class Evidence:
    """What one run left: its ledger, its log and its rejects.

    now_s: unix seconds, by which events are young.
    """

    def __init__(self, run: Run, now_s: int) -> None:
        self._run, self._now_s = run, now_s
        self._ledger = Ledger(run.saved.files, run.saved.counts) if run.saved else Ledger()
        self._as_left: dict[str, bool] = {}
        self._refused: dict[tuple[str, str, int], tuple[str, str]] = {}

    @cached_property
    def _log(self) -> Log:
        return peek_log(self._run.checkpoint)

    @cached_property
    def _carriers(self) -> Mapping[tuple[str, int], list[tuple[int, bytes]]]:
        """(stream, place of a file) to the requests that carried rows of it."""
        found: dict[tuple[str, int], list[tuple[int, bytes]]] = defaultdict(list)
        for i, request in enumerate(self._log.requests):
            for place, rows in request.carried:
                found[request.stream, place].append((i, rows))
        return found

    def look_up(self, every: list[Hits]) -> list[str]:
        """Read what the rejects say of these rows; to be called before `fates`.

        Returns what kept a file from being read.
        """
        remarks = []
        for stream in self._run.streams:
            rows = {
                place
                for hits in every
                if hits.asked.stream is stream
                for place in _places(hits).values()
            }
            try:
                self._read_rejects(stream, rows)
            except BackfillError as error:
                remarks.append(f"{error.where}: {error.what}")
        return remarks

    def _read_rejects(self, stream: Stream, rows: set[tuple[str, int]]) -> None:
        if not rows:
            return
        name, numbers = stream.name, sorted({row + 1 for _, row in rows})
        parts = refusals.parts(self._run, name)
        for some in chain.from_iterable(refusals.read(part, stream) for part in parts):
            frame = some.frame.filter(some.frame["row"].is_in(numbers))
            for file, row, rule, reason in frame.select("file", "row", "rule", "reason").rows():
                if (file, row - 1) in rows:
                    self._refused[name, file, row - 1] = rule or "", reason or ""

    def fates(self, hits: Hits) -> dict[int, Fate]:
        """What became of the rows that mention somebody."""
        asked, rows = hits.asked, list(hits.mentions)
        attempts, places = self._attempts(asked, rows), _places(hits)
        again = _encoded(asked, hits.block, self._now_s)
        into = self._folded(hits)
        found = {}
        for row in rows:
            if asked.is_changed:
                says = "the file changed since the run: its rows may be others now"
                found[row] = Fate("unknown", says=says)
            elif asked.taken is not None:
                found[row] = _taken_before(asked.taken, again.get(row, Fate("unknown")))
            elif self._is_done(asked, row):
                told = self._refused.get((asked.stream.name, *places[row]))
                found[row] = self._done(asked, row, attempts[row], again, into, told)
            else:
                found[row] = self._left(asked, attempts[row], again.get(row, Fate("unknown")))
        return found

    def _may_be_refused(self, stream: str) -> bool:
        """Whether a row that was taken with its request may have been refused all the same."""
        if not self._ledger.counts(stream).rejected_by_api:
            return False
        if stream not in self._as_left:  # proved by a digest of all that stands there
            self._as_left[stream] = refusals.are_as_left(self._run, stream)
        return not self._as_left[stream]

    def _is_done(self, asked: Asked, row: int) -> bool:
        return asked.is_known and bool(self._ledger.is_done(asked.file, row, row + 1)[0])

    def _attempts(self, asked: Asked, rows: list[int]) -> dict[int, tuple[Attempt, ...]]:
        found: dict[int, list[Attempt]] = {row: [] for row in rows}
        if asked.is_known and not asked.is_changed:
            for i, packed in self._carriers[asked.stream.name, asked.file.index]:
                spans = unpacked(packed)
                behind = np.searchsorted(spans[:, 0], rows, side="right") - 1
                for row, span in zip(rows, behind.tolist(), strict=True):
                    if span >= 0 and row < spans[span, 1]:
                        found[row].append(Attempt(i + 1, self._log.requests[i]))
        return {row: tuple(some) for row, some in found.items()}

    def _done(
        self,
        asked: Asked,
        row: int,
        attempts: tuple[Attempt, ...],
        again: Mapping[int, Fate],
        into: Mapping[int, int],
        told: tuple[str, str] | None,
    ) -> Fate:
        if told is not None:
            by: Literal["us", "api"] = "api" if told[0] == "api" else "us"
            return Fate("rejected", by=by, rule=told[0], reason=told[1], attempts=attempts)
        if any(attempt.request.status in ACCEPTING for attempt in attempts):
            if row in into:
                return Fate("filtered", part="folded", into_row=into[row], attempts=attempts)
            if self._may_be_refused(asked.stream.name):
                says = "the API took it, or refused it: the rejects that tell were edited or moved"
                return Fate("unknown", says=says, attempts=attempts)
            return Fate("delivered", attempts=attempts)
        if attempts:
            says = "its line is no longer in the rejects, which tell why"
            return Fate("rejected", by="api", rule="api", says=says, attempts=attempts)
        found = again.get(row, Fate("unknown"))
        if found.outcome == "rejected":
            says = "its line is no longer in the rejects; told as the config is now"
            return Fate("rejected", by="us", rule=found.rule, reason=found.reason, says=says)
        if found.outcome == "filtered":
            return found
        if asked.stream.changes is not None:
            says = "what it says was acknowledged before, or a later row has its key"
            return Fate("filtered", part="unchanged", says=says)
        return Fate("unknown", says="it is done, and no request in the log carried it")

    def _folded(self, hits: Hits) -> dict[int, int]:
        """Rows to the later row that took them in, if one request carried both."""
        carried = self._attempts(hits.asked, sorted({*hits.into, *hits.into.values()}))
        return {row: last for row, last in hits.into.items() if {*carried[row]} & {*carried[last]}}

    def _left(self, asked: Asked, attempts: tuple[Attempt, ...], as_now: Fate) -> Fate:
        """A row that is not done."""
        if self._run.saved is None:
            says = "no run has begun"
        elif not asked.is_known:
            says = "the file is new since the run"
        elif attempts:
            says = "no answer that settles it is known: the next run sends it again"
        else:
            says = ""
        says = "; ".join(text for text in (says, _prospect(as_now)) if text)
        return Fate("not sent", says=says, attempts=attempts)


def _taken_before(taken: Taken, as_now: Fate) -> Fate:
    """A row of a file that an earlier run took: it is done, one way or the other."""
    says = f"run {taken.run_id} took the file; its requests are no longer on record"
    if as_now.outcome in ("rejected", "filtered"):
        return replace(as_now, says=says)
    if not taken.rejected:
        return Fate("delivered", says=says)
    return Fate("unknown", says=f"{says}: delivered, or among the {taken.rejected:,} rejected")


def _places(hits: Hits) -> dict[int, tuple[str, int]]:
    """Where the rejects say that each row stands, rows from 0: of one refused before, at first."""
    rows = np.array(sorted(hits.mentions), np.int64)
    again = Rejected(hits.block, rows, [""] * len(rows), [""] * len(rows))
    told = zip(rows.tolist(), places(again), strict=True)
    return {row: (place.file, place.row - 1) for row, place in told}


def _prospect(as_now: Fate) -> str:
    """What will become of a row that is not done."""
    if as_now.outcome == "rejected":
        return f"it will be rejected: {as_now.rule}, {as_now.reason}"
    if as_now.outcome == "filtered":
        return "`where` leaves it out" if as_now.part == "where" else f"it is {PARTS[as_now.part]}"
    return as_now.says


def _encoded(asked: Asked, block: Block, now_s: int) -> dict[int, Fate]:
    """What rows become as the config is now."""
    stream, held = asked.stream, "held until it is 72 hours old; the run then sends it"
    if stream.is_event and stream.campaigns is None:
        stream = stream.model_copy(update={"campaigns": "hold"})  # tells which of them are young
        held = "younger than 72 hours: a run to a workspace stops until `campaigns` is said"
    found = encode(block, stream, where_of(stream), asked.surroundings(now_s))
    fates: dict[int, Fate] = {row: Fate("not sent") for row in found.piece.rows.tolist()}
    fates |= {row: Fate("not sent", says=held) for row in found.held.tolist()}
    return fates | _settled(found)


def _settled(found: Encoded) -> dict[int, Fate]:
    fates: dict[int, Fate] = {}
    for part, rows in found.filtered.items():
        fates |= {row: Fate("filtered", part=part) for row in rows.tolist()}
    refused = zip(
        found.rejected.rows.tolist(), found.rejected.rules, found.rejected.reasons, strict=True
    )
    return fates | {row: Fate("rejected", by="us", rule=u, reason=r) for row, u, r in refused}
