"""What was written held against the engine itself: does it load, what would a run refuse?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from backfill.config.document import parse
from backfill.config.rules import broken
from backfill.discovery.profile import listed
from backfill.discovery.sampling import Sample
from backfill.errors import BackfillError
from backfill.mapping import Stream
from backfill.operations import Surroundings, check, encode, where_of
from backfill.records import Block, BlockStart, SourceFile


@dataclass(frozen=True, slots=True)
class Proof:
    """What a run would make of the rows that were looked at.

    fault:   why the stream does not hold; "" where it does.
    refused: how many rows it would refuse, and the rules they break, for people.
    """

    fault: str = ""
    refused: int = 0
    rules: tuple[str, ...] = ()


def proved(text: str, sample: Sample, now_s: int) -> Proof:
    """Load a stream as it was written and encode the rows that were looked at by it.

    text: the stream as an entry of a YAML list. now_s: the time of the run, unix seconds.
    """
    try:
        stream = _stream(text)
        known = tuple(sample.table.column_names)
        check(stream, known, "the file")
        return _encoded(stream, sample, now_s)
    except BackfillError as error:
        return Proof(fault=f"{error.what} ({error.fix})")
    except ValidationError as error:
        return Proof(fault=str(error.errors()[0]["msg"]))


def _stream(text: str) -> Stream:
    document = parse(text, "the config")
    content: Any = document.content
    stream = Stream.model_validate(content[0])
    for complaint in [*document.complaints, *broken([stream])]:
        raise BackfillError(complaint.what, "the config", complaint.fix)
    return stream


def _encoded(stream: Stream, sample: Sample, now_s: int) -> Proof:
    refused: dict[str, list[int]] = {}
    first = 0
    for batch in sample.table.to_batches():
        rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
        first += batch.num_rows
        file = SourceFile(stream.name, 0, Path(), "", "")
        start, stop = BlockStart(int(first - batch.num_rows), 0), BlockStart(first, 0)
        block = Block(file, sample.form, start, stop, batch, rows)
        found = encode(block, stream, where_of(stream), Surroundings(now_s, "")).rejected
        for row, rule in zip(found.rows.tolist(), found.rules, strict=True):
            refused.setdefault(rule, []).append(int(sample.rows[row]))
    if sample.broken:
        refused["unreadable"] = list(sample.broken)
    return Proof("", sum(map(len, refused.values())), tuple(_told(refused)))


def _told(refused: dict[str, list[int]]) -> list[str]:
    return [f"{rule}: {listed(rows)}" for rule, rows in refused.items()]
