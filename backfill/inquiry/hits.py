"""The rows that mention somebody: files searched side by side, of each no more than is needed.

Measured on 1,000,000 people of 12 columns, two cores: see `tests/bench/why.py`. A text without the
identifier is not cut into cells; of Parquet only the columns that name somebody are read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from backfill import dialect, readers
from backfill.columns import columns_of
from backfill.errors import BackfillError
from backfill.inquiry.identifiers import (
    Naming,
    Sought,
    as_written,
    matching,
    namings,
    sought_in,
)
from backfill.inquiry.sources import Asked
from backfill.operations import encode, where_of
from backfill.readers import Reader
from backfill.readers.delimited import CsvReader
from backfill.readers.jsonl import JsonlReader
from backfill.readers.parquet import ParquetReader
from backfill.records import Block, BlockStart, Bools, Fault, Form

#: Files that are searched at once: reading waits little, and there are seldom more cores free.
_THREADS = 2

_UNREADABLE = "a row that cannot be read"


@dataclass(frozen=True, slots=True)
class Link:
    """The row through which an identifier is known to be of whom was asked for.

    row: from 0; path: of the identifier that was followed; value: it, never to be shown.
    """

    asked: Asked
    row: int
    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A field of a row that names whom was asked for. as_written: see `identifiers`."""

    path: str
    as_written: str = ""
    via: Link | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Rows of one block that mention somebody.

    block:    of the file as it is, less all other rows.
    mentions: row to the fields that do.
    into:     of a stream that folds: rows to the later row of the block that takes them in.
    """

    asked: Asked
    block: Block
    mentions: dict[int, list[Mention]]
    into: dict[int, int]


def search(
    files: list[Asked], sought: Sought, links: dict[tuple[str, str], Link] | None = None
) -> tuple[list[Hits], list[str]]:
    """The rows of all files that mention what is sought, and what could not be searched.

    links: what each value of a kind is known through, where it was not asked for itself.
    """

    def searched(asked: Asked) -> tuple[list[Hits], list[str]]:
        try:
            return list(_of_file(asked, sought, links or {})), []
        except BackfillError as error:
            return [], [f"{error.where}: {error.what}"]

    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(searched, files))
    return [hits for some, _ in found for hits in some], [r for _, said in found for r in said]


def opened(asked: Asked) -> Reader:
    """The reader of a file. Raises what `readers.open_file` does."""
    return readers.open_file(asked.file, asked.stream.source)


def _of_file(asked: Asked, sought: Sought, links: dict[tuple[str, str], Link]) -> Iterator[Hits]:
    wanted = {naming: values for naming in namings(asked.stream) if (values := sought.of(naming))}
    if not wanted:
        return
    reader = opened(asked)
    found: Iterator[tuple[Block, dict[int, list[Mention]]]] = (
        (block, mentions)
        for block in _blocks(asked, reader, wanted)
        if (mentions := _mentions(asked, block, sought, links))
    )
    if isinstance(reader, ParquetReader):
        found = _whole(reader, {block.start: mentions for block, mentions in found})
    for block, mentions in found:
        yield Hits(asked, only(block, mentions), mentions, _folded(asked, block, mentions))


def _whole(
    reader: ParquetReader, found: dict[BlockStart, dict[int, list[Mention]]]
) -> Iterator[tuple[Block, dict[int, list[Mention]]]]:
    """The same blocks with all their columns, in one reading."""
    left = dict(found)
    for block in reader.blocks(min(left)) if left else ():
        if mentions := left.pop(block.start, None):
            yield block, mentions
        if not left:
            return


def _folded(asked: Asked, block: Block, mentions: dict[int, list[Mention]]) -> dict[int, int]:
    if asked.stream.repeats != "fold":
        return {}
    around = asked.surroundings(0)  # of an identify the time of the run is no part
    piece = encode(block, asked.stream, where_of(asked.stream), around).piece
    if piece.firsts is None:
        return {}
    lasts = piece.rows[piece.firsts[1:] - 1].repeat(np.diff(piece.firsts))
    pairs = zip(piece.rows.tolist(), lasts.tolist(), strict=True)
    return {row: last for row, last in pairs if row in mentions and row != last}


def only(block: Block, rows: dict[int, list[Mention]]) -> Block:
    """The block less all rows but these."""
    is_other: Bools = np.ones(block.stop.row - block.start.row, np.bool_)
    is_other[[row - block.start.row for row in rows]] = False
    return block.without(is_other)


def _blocks(asked: Asked, reader: Reader, wanted: dict[Naming, tuple[str, ...]]) -> Iterator[Block]:
    if isinstance(reader, ParquetReader):
        names = {naming.column for naming in wanted} & set(reader.columns or ())
        return reader.blocks(columns=sorted(names)) if names else iter(())
    values = {value for some in wanted.values() for value in some}
    ignores_case = any(naming.kind == "email" for naming in wanted)
    return holding(asked, reader, values, ignores_case=ignores_case)


def holding(
    asked: Asked, reader: Reader, values: Iterable[str], *, ignores_case: bool
) -> Iterator[Block]:
    """The blocks of a file that may hold one of the values: of text few others, of Parquet all."""
    if not isinstance(reader, CsvReader | JsonlReader):
        return reader.blocks()
    quote = None if reader.form is Form.JSON else asked.stream.source.quote
    return reader.blocks(None, sought_in(values, ignores_case=ignores_case, quote=quote))


def _mentions(
    asked: Asked,
    block: Block,
    sought: Sought,
    links: dict[tuple[str, str], Link],
) -> dict[int, list[Mention]]:
    found: dict[int, list[Mention]] = defaultdict(list)
    columns = columns_of(block)
    for naming in namings(asked.stream):
        column, values = columns.get(naming.column), sought.of(naming)
        if column is None or not values:
            continue
        at = matching(column, naming, values).arg_true()
        for i, text in zip(at, column.text.gather(at), strict=True):
            link = links.get((naming.kind, _key(naming, text)))
            written = "" if link else as_written(text, sought.given)
            found[int(block.rows[i])].append(Mention(naming.path, written, link))
    for fault in block.faults:
        if any(_holds(asked, fault, value) for value in sought.given):
            found[fault.row].append(Mention(_UNREADABLE))
    return dict(sorted(found.items()))


def _key(naming: Naming, text: str) -> str:
    return text.strip().lower() if naming.kind == "email" else text.strip()


def _holds(asked: Asked, fault: Fault, value: str) -> bool:
    """Whether a record that cannot be read holds a value: as a cell, or where JSON may have one."""
    source = asked.stream.source
    text = dialect.decode(fault.raw, source.encoding).lower()
    if asked.file.format == "jsonl":
        return bool(re.search(rf'[":,\[]\s*{re.escape(value.lower())}\s*(?:[",\]}}]|$)', text))
    cells = dialect.dialect_of(source, asked.file.path).cells(text)
    return value.lower() in (cell.strip() for cell in cells)


def linked(found: list[Hits], sought: Sought, links_max: int) -> dict[tuple[str, str], Link]:
    """The other identifiers that rows about the same person tell, by kind and value.

    One step, and only through rows that identify a person; at most `links_max`.
    """
    asked_for = {*sought.given, *map(str.lower, sought.given)}
    links: dict[tuple[str, str], Link] = {}
    for hits in found:
        if hits.asked.stream.operation != ("person", "identify"):
            continue
        own = [n for n in namings(hits.asked.stream) if n.path.startswith("person.")]
        columns = columns_of(hits.block)
        for i, row in enumerate(hits.block.rows.tolist()):
            if not any(m.path.startswith("person.") for m in hits.mentions[row]):
                continue
            for naming in own:
                column = columns.get(naming.column)
                value = _key(naming, column.text[i] or "") if column is not None else ""
                if value and value not in asked_for and len(links) < links_max:
                    link = Link(hits.asked, row, naming.path, value)
                    links.setdefault((naming.kind, value), link)
    return links


def merged(first: list[Hits], second: list[Hits]) -> list[Hits]:
    """Both, each row once: what was asked for itself goes before what is linked."""
    known = {(id(hits.asked), row) for hits in first for row in hits.mentions}
    left = []
    for hits in second:
        fresh = {r: m for r, m in hits.mentions.items() if (id(hits.asked), r) not in known}
        if fresh:
            left.append(replace(hits, block=only(hits.block, fresh), mentions=fresh))
    return [*first, *left]
