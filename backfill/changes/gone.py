"""Who was in the export before and is not any more: a source of its own, and what it becomes.

A line of JSON each: the identifier that names the entity to the API, and `_key`, what it is known
by. It is written once when a run begins and stands beside the checkpoint until the next one: a run
that broke goes on with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from backfill.batches import Marks
from backfill.changes import texts as kept
from backfill.changes.entries import Records, gone
from backfill.changes.memory import Memory
from backfill.columns import columns_of
from backfill.mapping import Field, ObjectRef, Source, Stream
from backfill.operations import Encoded
from backfill.private import writing_whole
from backfill.records import Int64s

#: In no stream's name, so that none is taken for another.
SUFFIX = "+vanished"

KEY_COLUMN = "_key"

#: How many are looked up at once.
_AT_ONCE = 10_000


def path_of(known: Path) -> Path:
    """Where the list of who is gone stands; known: the file of what is known."""
    return known.with_name(f"{known.name}{SUFFIX}.jsonl")


def stream_of(stream: Stream, listed: Path) -> Stream:
    """What becomes of who is gone from a stream.

    An attribute is set without bringing anybody back to life.
    """
    told = stream.vanished
    if isinstance(told, str):
        return stream_over(stream, SUFFIX, listed, told)
    attributes = {name: Field(value=value) for name, value in told.set.items()}
    return stream_over(stream, SUFFIX, listed, "identify", attributes)


def stream_over(
    stream: Stream,
    suffix: str,
    listed: Path,
    action: str,
    attributes: Mapping[str, Field] | None = None,
) -> Stream:
    """What becomes of those of a stream's entities that a file lists by their identifiers.

    attributes: of an identify; it creates no person.
    """
    source = Source(path=str(listed), format="jsonl")
    shape: dict[str, object] = {"name": stream.name + suffix, "source": source, "action": action}
    if stream.person is not None:
        shape["person"] = {kind: Field(column=kind) for kind in stream.person}
        shape["existing_only"] = action == "identify"
    else:
        assert stream.object is not None
        shape["object"] = _AN_OBJECT if stream.object.id else _OBJECT_OF_THE_API
    shape["attributes"] = dict(attributes or {})
    return Stream.model_construct(**{**_DEFAULTS, **shape})


_AN_OBJECT = ObjectRef(type=Field(column="object_type_id"), id=Field(column="object_id"))
_OBJECT_OF_THE_API = ObjectRef(cio_object_id=Field(column="cio_object_id"))

_DEFAULTS = {
    name: given.get_default(call_default_factory=True)
    for name, given in Stream.model_fields.items()
}


def named(memory: Memory, places: Int64s) -> Int64s:
    """Those of some entities that are known of which it is kept how the API names them."""
    parts = [np.empty(0, np.int64)]
    for some, _, texts in _looked_up(memory, places):
        parts.append(some[[text is not None for text in texts]])
    return np.concatenate(parts)


def write(path: Path, stream: Stream, memory: Memory, places: Int64s) -> None:
    """List entities that are named."""
    kinds: dict[str, None] = dict.fromkeys(stream.person or ())
    with writing_whole(path) as file:
        for _, records, texts in _looked_up(memory, places):
            for key, text in zip(kept.keys(records), texts, strict=True):
                assert text is not None
                file.write(_line(key, text, kinds))


def _looked_up(
    memory: Memory, places: Int64s
) -> Iterator[tuple[Int64s, Records, Sequence[bytes | None]]]:
    for first in range(0, len(places), _AT_ONCE):
        some = places[first : first + _AT_ONCE]
        records = memory.known.at(some)
        yield some, records, memory.texts.of(records) if memory.texts else [None] * len(records)


def _line(key: bytes, text: bytes, kinds: Mapping[str, None]) -> bytes:
    members = msgspec.json.decode(text)
    names = members.get("identifiers", members)
    first = next(iter(kinds), "")
    return line(key, {**kinds, **({first: names[first]} if first in names else names)})


def namesakes(texts: kept.Texts, removed: Records) -> Records:
    """Those who have another name of somebody who is removed, ordered by key.

    The API may have given it to that one alone, and what they were told to nobody.
    """
    taken = {name for text in texts.of(removed) if text for name in _names(text, texts.names)}
    going = set(kept.keys(removed))
    return kept.records_of(
        [
            key
            for key, text in texts.each()
            if key not in going and any(name in taken for name in _names(text, texts.names))
        ]
    )


def _names(text: bytes, kinds: Sequence[str]) -> list[tuple[str, str]]:
    members = msgspec.json.decode(text)
    names = {**members.get("attributes", {}), **members.get("identifiers", members)}
    return [(kind, str(names[kind]).casefold()) for kind in kinds if names.get(kind)]


def listed_keys(path: Path) -> Records:
    """Records with nothing but the keys of a list, ordered by them."""
    with path.open("rb") as file:
        return kept.records_of(
            sorted(bytes.fromhex(msgspec.json.decode(line)[KEY_COLUMN]) for line in file)
        )


def line(key: bytes, identifiers: Mapping[str, str | None], **more: msgspec.Raw) -> bytes:
    """One entity of a list.

    identifiers: of a person each kind that the stream has, so that none looks misspelled.
    more: further members, each a JSON value.
    """
    return msgspec.json.encode({**identifiers, KEY_COLUMN: key.hex(), **more}) + b"\n"


def listed_of(made: Encoded) -> tuple[Records, dict[str, pl.Series]]:
    """Behind each operation: the entity's key as a record has it, and the columns of its line."""
    piece, block = made.piece, made.block
    at = np.searchsorted(block.rows, piece.rows)
    columns = columns_of(block)
    wanted = columns[KEY_COLUMN].text.gather(at).to_list()
    records = kept.records_of([bytes.fromhex(key) for key in wanted])
    return records, {name: column.series.gather(at) for name, column in columns.items()}


@dataclass(frozen=True, slots=True)
class Departures:
    """Marks the operations on who is gone, so that they are forgotten once acknowledged."""

    memory: Memory

    def sift(self, made: Encoded) -> Encoded:
        """The same operations."""
        piece = made.piece
        if not len(piece):
            return made
        records, _ = listed_of(made)
        texts = (None,) * len(piece) if self.memory.texts else None
        marks = Marks(gone(records), np.zeros(len(piece), np.int64), texts)
        return replace(made, piece=replace(piece, marks=marks))
