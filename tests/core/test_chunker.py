"""Batches: every operation once, in order, none over the room, none cut short without need."""

import json
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backfill import trackapi
from backfill.batches import ENVELOPE_BYTES, Piece
from backfill.chunker import Chunker
from backfill.operations import Encoded
from backfill.records import Rejected
from core.blocks import block, encoded, law, stream

EVENT = {"name": "e", "timestamp": {"value": 5}, "key": "row"}

#: What the operations of one block are: their bytes and the entities they are about.
operation = st.tuples(st.integers(2, 40), st.tuples(st.integers(0, 6), st.integers(10, 16)))
blocks = st.lists(st.lists(operation, max_size=25), max_size=5)


def made(number, operations, keys_each):
    """An encoded block whose operations are runs of one letter."""
    widths = [width for width, _ in operations]
    text = b"".join(bytes([97 + i % 26]) * (w - 1) + b"," for i, w in enumerate(widths))
    rows = block({"id": ["x"] * len(operations)}, first=1000 * number)
    keys = np.array([keys[:keys_each] for _, keys in operations], np.uint64)
    return Encoded(
        Piece(rows, rows.rows),
        memoryview(text),
        np.cumsum(widths, dtype=np.int64),
        keys.reshape(len(operations), keys_each),
        Rejected(rows, np.empty(0, np.int64), [], []),
    )


def cut(encoded_blocks, **limits):
    chunker = Chunker("s", **limits)
    batches = [batch for each in encoded_blocks for batch in chunker.add(each)]
    return [*batches, *chunker.flush()]


def rows_of(batch):
    return [row for piece in batch.pieces for row in piece.rows.tolist()]


def texts_of(batch):
    return [b"".join(batch.part(i, i + 1).slices) for i in range(len(batch))]


@law
@given(blocks, st.integers(0, 2), st.integers(40, 200), st.none() | st.integers(1, 9))
def test_batches_hold_every_operation_once_and_in_order(given_blocks, keys_each, room, most):
    made_blocks = [made(i, each, keys_each) for i, each in enumerate(given_blocks)]

    batches = cut(made_blocks, room_bytes=room, operations_max=most)

    assert b"".join(piece for batch in batches for piece in batch.slices) == b"".join(
        bytes(each.operations) for each in made_blocks
    )
    sent = [row for batch in batches for row in rows_of(batch)]
    assert sent == [row for each in made_blocks for row in each.piece.rows.tolist()]


@law
@given(blocks, st.integers(0, 2), st.integers(40, 200), st.none() | st.integers(1, 9))
def test_no_batch_breaks_a_rule_and_none_could_take_the_next_operation(
    given_blocks, keys_each, room, most
):
    operations = [(w, set(k[:keys_each])) for each in given_blocks for w, k in each]
    made_blocks = [made(i, each, keys_each) for i, each in enumerate(given_blocks)]

    at = 0
    for batch in cut(made_blocks, room_bytes=room, operations_max=most):
        mine, later = operations[at : at + len(batch)], operations[at + len(batch) :]
        held = [key for _, keys in mine for key in keys]
        assert 0 < len(batch) <= (most or room)
        assert len(b"".join(batch.slices)) == batch.size == sum(width for width, _ in mine) <= room
        assert len(held) == len(set(held))
        assert set(batch.keys.tolist()) == set(held)
        if later:
            width, keys = later[0]
            assert batch.size + width > room or len(batch) == most or not keys.isdisjoint(held)
        at += len(batch)
    assert at == len(operations)


@law
@given(blocks.filter(any), st.integers(0, 2), st.data())
def test_a_part_of_a_batch_is_the_batch_of_its_operations(given_blocks, keys_each, data):
    made_blocks = [made(i, each, keys_each) for i, each in enumerate(given_blocks)]
    batch = cut(made_blocks, room_bytes=500)[0]
    first = data.draw(st.integers(0, len(batch) - 1))
    stop = data.draw(st.integers(first + 1, len(batch)))

    part = batch.part(first, stop)

    assert texts_of(part) == texts_of(batch)[first:stop]
    assert rows_of(part) == rows_of(batch)[first:stop]
    assert sum(len(piece) for piece in part.pieces) == len(part) == stop - first
    assert b"".join(part.body()) == b'{"batch":[' + b"".join(texts_of(part))[:-1] + b"]}"


@law
@given(st.lists(st.integers(1, 4), min_size=1, max_size=10), st.data())
def test_a_part_of_a_piece_keeps_the_rows_folded_into_each_operation(counts, data):
    firsts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    piece = Piece(block({"id": ["x"]}), np.arange(firsts[-1]), firsts)
    first = data.draw(st.integers(0, len(counts)))
    stop = data.draw(st.integers(first, len(counts)))

    part = piece.part(first, stop)

    def behind(of):
        return [of.rows[a:b].tolist() for a, b in pairwise(of.firsts)]

    assert behind(part) == behind(piece)[first:stop]
    assert len(part) == stop - first


def test_a_body_reaches_500000_bytes_and_never_passes_them():
    sizes = [1000, 997, 31_000, 5_000]
    texts = ["x" * sizes[i % 4] for i in range(400)]
    columns = {"id": [str(i) for i in range(400)], "x": texts}
    found = encoded(block(columns), stream(event=EVENT, attributes={"a": "x"}))

    bodies = [b"".join(batch.body()) for batch in cut([found])]

    assert all(len(body) <= trackapi.BODY_BYTES_MAX for body in bodies)
    assert sum(len(json.loads(body)["batch"]) for body in bodies) == 400
    widest = max(len(body) for body in bodies)
    assert widest > trackapi.BODY_BYTES_MAX - 33_000


def test_a_body_of_exactly_500000_bytes_is_one_batch_and_one_byte_more_are_two():
    bare = len(encoded(block({"id": ["1"] * 20, "x": ["x"] * 20}), EVENTS).operations) - 20
    for spare, count in ((0, 1), (1, 2)):
        wanted = trackapi.BODY_BYTES_MAX - ENVELOPE_BYTES - bare + spare
        texts = ["x" * (wanted // 20)] * 19 + ["x" * (wanted // 20 + wanted % 20)]
        found = encoded(block({"id": ["1"] * 20, "x": texts}), EVENTS)

        batches = cut([found])
        assert len(batches) == count
        if count == 1:
            assert (
                len(b"".join(batches[0].body())) == batches[0].body_bytes == trackapi.BODY_BYTES_MAX
            )


EVENTS = stream(event=EVENT, attributes={"a": "x"})


def test_a_change_log_sorted_by_person_still_fills_its_batches():
    columns = {"id": [str(i // 4) for i in range(400)]}

    batches = cut([encoded(block(columns), stream(action="suppress"))])
    assert [len(batch) for batch in batches] == [100, 100, 100, 100]


def test_what_is_left_of_a_block_opens_the_next_batch_of_the_stream():
    parts = [encoded(block({"id": [str(i)]}, first=i), stream()) for i in range(5)]

    batches = cut(parts, operations_max=2)
    assert [rows_of(batch) for batch in batches] == [[0, 1], [2, 3], [4]]


def test_an_entity_of_the_open_batch_opens_another_one():
    parts = [encoded(block({"id": ids}), stream()) for ids in (["a", "b"], ["c", "a", "d"])]

    batches = cut(parts)
    assert [len(batch) for batch in batches] == [3, 2]
    assert [rows_of(batch) for batch in batches] == [[0, 1, 0], [1, 2]]
