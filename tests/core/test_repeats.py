"""Several rows about one entity: their order, and their folding into one operation."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backfill.operations import has_repeats
from core.blocks import block, encoded, law, operations, stream

people = st.lists(st.sampled_from("abcde"), min_size=1, max_size=20)


@law
@given(people)
def test_operations_on_one_entity_stay_in_source_order(ids):
    rows = encoded(block({"id": ids}), stream(action="suppress")).piece.rows.tolist()

    for person in set(ids):
        mine = [row for row in rows if ids[row] == person]
        assert mine == sorted(mine)
    assert sorted(rows) == list(range(len(ids)))


@law
@given(people)
def test_first_operations_come_first_then_the_second_ones_each_in_source_order(ids):
    rows = encoded(block({"id": ids}), stream(action="suppress")).piece.rows.tolist()

    ranks = [(ids[:row].count(ids[row]), row) for row in rows]
    assert ranks == sorted(ranks)


@law
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("efgh")), max_size=15))
def test_merges_that_share_a_side_stay_in_source_order(pairs):
    columns = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    mapping = stream(merge={"primary": {"id": "a"}, "secondary": {"id": "b"}})

    rows = encoded(block(columns), mapping).piece.rows.tolist()

    for person in "abcdefgh":
        mine = [row for row in rows if person in pairs[row]]
        assert mine == sorted(mine)


def test_merges_that_share_a_side_stand_apart_so_that_batches_fill():
    columns = {"a": ["1", "1", "4", "1"], "b": ["2", "3", "5", "6"]}
    mapping = stream(merge={"primary": {"id": "a"}, "secondary": {"id": "b"}})

    assert encoded(block(columns), mapping).piece.rows.tolist() == [0, 2, 1, 3]


def test_events_stay_in_source_order_whoever_they_are_about():
    event = {"name": "e", "timestamp": {"value": 5}, "key": "row"}

    found = encoded(block({"id": ["a", "b", "a", "a"]}), stream(event=event))
    assert found.piece.rows.tolist() == [0, 1, 2, 3]
    assert found.keys.shape == (4, 0)


@law
@given(st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=2), max_size=8))
def test_has_repeats_finds_a_key_in_any_two_places(keys):
    flat = [key for row in keys for key in row]

    assert has_repeats(np.array(keys, np.uint64).reshape(-1, 2)) == (len(set(flat)) < len(flat))


@law
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.none() | st.sampled_from("xyz"), st.none() | st.just("q")
        ),
        min_size=1,
        max_size=15,
    )
)
def test_folding_keeps_the_last_value_of_every_attribute(rows):
    columns = {name: [row[i] for row in rows] for i, name in enumerate(["id", "m", "n"])}

    found = encoded(block(columns), stream(attributes="*", repeats="fold"))

    expected = {}
    for person, m, n in rows:
        known = expected.setdefault(person, {})
        known |= {name: value for name, value in (("m", m), ("n", n)) if value is not None}
    sent = {op["identifiers"]["id"]: op["attributes"] for op in operations(found)}
    assert sent == expected
    assert len(found.ends) == len(expected)


@law
@given(people)
def test_folded_rows_stand_behind_their_operation_the_last_one_giving_the_place(ids):
    found = encoded(block({"id": ids}), stream(repeats="fold"))
    piece = found.piece
    firsts = np.arange(len(piece) + 1) if piece.firsts is None else piece.firsts

    behind = [piece.rows[a:b].tolist() for a, b in pairwise(firsts)]
    named = [operation["identifiers"]["id"] for operation in operations(found)]
    assert [rows[-1] for rows in behind] == sorted(rows[-1] for rows in behind)
    assert behind == [[i for i, each in enumerate(ids) if each == name] for name in named]


def test_an_unset_value_wins_over_an_earlier_one():
    columns = {"id": ["a", "a"], "m": ["x", None]}

    found = encoded(block(columns), stream(attributes="*", repeats="fold", blank="unset"))
    assert operations(found)[0]["attributes"] == {"m": None}


TIES = {"relationships": [{"object": {"type": "1", "id": "o"}}], "repeats": "fold"}


@law
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("kl")), min_size=1, max_size=12))
def test_rows_with_other_relationships_are_not_folded(rows):
    columns = {"id": [person for person, _ in rows], "o": [o for _, o in rows]}

    found = operations(encoded(block(columns), stream(**TIES)))

    for person in {person for person, _ in rows}:
        mine = [o for each, o in rows if each == person]
        runs = [o for i, o in enumerate(mine) if i == 0 or mine[i - 1] != o]
        sent = [
            operation["cio_relationships"][0]["identifiers"]["object_id"]
            for operation in found
            if operation["identifiers"]["id"] == person
        ]
        assert sent == runs


def test_a_row_refused_is_not_folded():
    columns = {"id": ["a", "a", "a"], "m": ["1", "x", "3"]}
    mapping = stream(attributes={"m": {"column": "m", "type": "integer"}}, repeats="fold")

    found = encoded(block(columns), mapping)
    assert found.piece.rows.tolist() == [0, 2]
    assert found.rejected.rows.tolist() == [1]
