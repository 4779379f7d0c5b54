"""Operations as text: parts of a buffer, what is kept of them, and less what was said before.

An operation is one JSON object, `{"type":…,"action":…,"identifiers":…,"attributes":…,…}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from backfill.arrays import contiguous, flags, slices
from backfill.batches import Slice
from backfill.operations import Encoded
from backfill.records import Bools, Int64s

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])

#: Members that are left out where they are what was sent before; never one that names the entity.
_ATTRIBUTES, _RELATIONSHIPS, _UPDATE = "attributes", "cio_relationships", "_update"
_IDENTIFIERS = "identifiers"


class _Named(msgspec.Struct):
    """An operation, as far as it names its entity."""

    identifiers: dict[str, msgspec.Raw]
    attributes: dict[str, msgspec.Raw] = {}


_NAMED = msgspec.json.Decoder(_Named)


def texts(made: Encoded, names: Sequence[str], *, whole: bool) -> tuple[bytes, ...]:
    """What is kept of each operation: all of it, or the names of its entity alone.

    names: attributes that name it as well.
    """
    if whole:
        return tuple(map(bytes, made.each()))
    found = map(_NAMED.decode, made.each())
    return tuple(
        msgspec.json.encode(
            one.identifiers | {n: one.attributes[n] for n in names if n in one.attributes}
        )
        for one in found
    )


def chosen(made: Encoded, wanted: Bools) -> tuple[memoryview, Int64s]:
    """The operations that are wanted, as `Encoded` has them."""
    every = slices(made.operations, np.append(np.int64(0), made.ends))
    return contiguous(every.filter(flags(wanted)))


def reduced(made: Encoded, acknowledged: Sequence[bytes | None]) -> Encoded:
    """The same operations without the attributes that were acknowledged as they are.

    acknowledged: the last operation that was, of each; None: the operation stays whole.
    """
    if not any(acknowledged):
        return made
    parts = [
        bytes(text if then is None else _difference(text, then)) + b","
        for text, then in zip(made.each(), acknowledged, strict=True)
    ]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return replace(made, operations=memoryview(b"".join(parts)), ends=ends)


def _difference(now: memoryview, then: bytes) -> Slice:
    """An operation less what it says as an earlier one did; whole, where that names another."""
    members, before = _MEMBERS.decode(now), _MEMBERS.decode(then)
    if members[_IDENTIFIERS] != before[_IDENTIFIERS]:
        return now
    if _ATTRIBUTES in members and _ATTRIBUTES in before:
        said = _MEMBERS.decode(before[_ATTRIBUTES])
        left = {
            name: value
            for name, value in _MEMBERS.decode(members[_ATTRIBUTES]).items()
            if name == _UPDATE or said.get(name) != value
        }
        members[_ATTRIBUTES] = msgspec.Raw(msgspec.json.encode(left))
        if not left:
            del members[_ATTRIBUTES]
    if members.get(_RELATIONSHIPS) == before.get(_RELATIONSHIPS):
        members.pop(_RELATIONSHIPS, None)
    return msgspec.json.encode(members)
