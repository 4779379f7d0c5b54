"""What became of everything that rows say of one person, object, device or delivery."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from backfill.columns import columns_of
from backfill.config import Job
from backfill.dialect import FILE_COLUMN, ROW_COLUMN
from backfill.errors import UsageError
from backfill.inquiry.fates import Evidence, Fate
from backfill.inquiry.hits import Hits, Mention, linked, merged, search
from backfill.inquiry.identifiers import Sought
from backfill.inquiry.near import Near, near
from backfill.inquiry.runs import runs
from backfill.inquiry.sources import Asked, sources

#: Rows that are told one by one; of more, only how many there are.
ROWS_MAX = 1_000

#: Other identifiers of one person that are followed.
LINKS_MAX = 20


class Told(NamedTuple):
    """A row, and what became of it.

    row: from 0. mended_from: of a row that was mended, the file and row (from 1) it was rejected
    from, as its own columns say.
    """

    asked: Asked
    row: int
    mentions: list[Mention]
    fate: Fate
    mended_from: tuple[str, int] | None = None


@dataclass(slots=True)
class Answer:
    """All that is found about an identifier.

    rows:     in the order of runs, streams, files and rows; left_out: how many more there are.
    outcomes: of all of them, how many of each.
    finals:   the same with a row that was mended counted once, by what became of it last.
    near:     where nothing was found: what is nearly so.
    """

    identifier: str
    rows: list[Told] = field(default_factory=list)
    left_out: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    finals: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)
    near: list[Near] = field(default_factory=list)


def answer(job: Job, identifier: str, now_s: int) -> Answer:
    """Look through every source of a job, and of the runs of mended rows.

    now_s: unix seconds. Raises UsageError for an identifier of no characters, and what reading a
    checkpoint raises.
    """
    bare = identifier.strip()
    if not bare:
        raise UsageError("an identifier of no characters", "the command line", "name one")
    every = runs(job)
    places = sources(job, every)
    unknown = [run.unread for run in every if run.unread]
    found = Answer(identifier, remarks=[*unknown, *places.remarks])
    sought = Sought({None: (bare,)})
    hits, unread = search(places.files, sought)
    found.remarks += unread
    links = linked(hits, sought, LINKS_MAX)
    if links:
        values: dict[str | None, tuple[str, ...]] = {}
        for kind, value in links:
            values[kind] = (*values.get(kind, ()), value)
        more, _ = search(places.files, Sought(values), links)
        hits = merged(hits, more)
    _tell(found, hits, places.files, now_s)
    if not found.outcomes:
        found.near = near(places.files, bare)
    return found


def _tell(found: Answer, hits: list[Hits], files: list[Asked], now_s: int) -> None:
    """What became of each row."""
    evidence: dict[str, Evidence] = {}
    for asked in files:
        if asked.run.name not in evidence:
            evidence[asked.run.name] = Evidence(asked.run, now_s)
            own = [each for each in hits if each.asked.run is asked.run]
            found.remarks += evidence[asked.run.name].look_up(own)
    labels = {asked.file.label for asked in files if not asked.run.name}
    last: dict[tuple[str, str, str, int], str] = {}
    order = {id(asked): i for i, asked in enumerate(files)}
    for each in sorted(hits, key=lambda hits: (order[id(hits.asked)], hits.block.start.row)):
        fates = evidence[each.asked.run.name].fates(each)
        found.outcomes.update(fate.outcome for fate in fates.values())
        for row, fate in fates.items():
            told = Told(each.asked, row, each.mentions[row], fate, _mended_from(each, row, labels))
            _add_final(last, told)
            if len(found.rows) < ROWS_MAX:
                found.rows.append(told)
            else:
                found.left_out += 1
    found.finals.update(last.values())


def _add_final(last: dict[tuple[str, str, str, int], str], told: Told) -> None:
    """Put what became of a row in the place of what became of the row that it mends."""
    stream, outcome = told.asked.stream.name, told.fate.outcome
    if told.mended_from is None:
        last[told.asked.run.name, stream, told.asked.file.label, told.row + 1] = outcome
        return
    place = ("", stream, *told.mended_from)
    if outcome == "delivered":
        last[place] = "mended and delivered"
    elif outcome in ("rejected", "filtered"):
        last[place] = outcome
    else:
        last.setdefault(place, outcome)


def _mended_from(hits: Hits, row: int, labels: set[str]) -> tuple[str, int] | None:
    """What the row's own columns say, as far as it is a place in a source."""
    if not hits.asked.run.name:
        return None
    columns, at = columns_of(hits.block), hits.block.rows.tolist()
    if row not in at or not {FILE_COLUMN, ROW_COLUMN} <= columns.keys():
        return None
    file, number = (columns[name].text[at.index(row)] or "" for name in (FILE_COLUMN, ROW_COLUMN))
    return (file, int(number)) if file in labels and number.isdecimal() else None
