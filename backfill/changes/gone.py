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

from backfill.changes import texts as kept
from backfill.changes.entries import RECORD, Records, gone
from backfill.changes.memory import Memory
from backfill.columns import columns_of
from backfill.mapping import Field, ObjectRef, Source, Stream, VanishedSet
from backfill.operations import Encoded
from backfill.private import writing_whole
from backfill.records import Int64s, Marks
from backfill.trackapi import PersonKind

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
    told, source = stream.vanished, Source(path=str(listed), format="jsonl")
    action = told if isinstance(told, str) else "identify"
    shape: dict[str, object] = {"name": stream.name + SUFFIX, "source": source, "action": action}
    if stream.person is not None:
        shape["person"] = {kind: Field(column=kind) for kind in stream.person}
    else:
        shape["object"] = ObjectRef(
            type=Field(column="object_type_id"), id=Field(column="object_id")
        )
    if isinstance(told, VanishedSet):
        shape["attributes"] = {name: Field(value=value) for name, value in told.set.items()}
        shape["existing_only"] = stream.person is not None
    return Stream.model_construct(**{**_DEFAULTS, **shape})


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
    kinds: dict[PersonKind, None] = dict.fromkeys(stream.person or ())
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


def _line(key: bytes, text: bytes, kinds: Mapping[PersonKind, None]) -> bytes:
    members = msgspec.json.decode(text)
    named = members.get("identifiers", members)
    return msgspec.json.encode({**kinds, **named, KEY_COLUMN: key.hex()}) + b"\n"


@dataclass(frozen=True, slots=True)
class Departures:
    """Marks the operations on who is gone, so that they are forgotten once acknowledged."""

    memory: Memory

    def sift(self, made: Encoded) -> Encoded:
        """The same operations."""
        piece, block = made.piece, made.block
        if not len(piece):
            return made
        keys = columns_of(block)[KEY_COLUMN].text
        wanted = keys.gather(np.searchsorted(block.rows, piece.rows)).to_list()
        records = np.zeros(len(piece), RECORD)
        parts = np.frombuffer(
            bytes.fromhex("".join(wanted)), np.dtype([("hi", ">u8"), ("lo", ">u4")])
        )
        records["hi"], records["lo"] = parts["hi"], parts["lo"] << np.uint32(8)
        texts = (None,) * len(piece) if self.memory.texts else None
        marks = Marks(gone(records), np.zeros(len(piece), np.int64), texts)
        return replace(made, piece=replace(piece, marks=marks))
