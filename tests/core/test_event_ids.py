"""Event ids: the same row, the same id, in every run, on every machine, for ever."""

import datetime as dt
import hashlib

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.event_ids import ulids
from backfill.records import Form
from core.blocks import block, encoded, hostile_text, law, operations, raw, refusals, stream

#: Ids that have been sent: a change here sends events of every customer a second time.
GOLDEN = [
    "0000000000H6H0H1KC59XTBX53",
    "01D9SM82G0YYZECFSYPBA96TS7",
    "0XHZD4SQ0RKNHZMMXXE17DA7YY",
    "00000004W85C62YPSGHK5YG62Y",
]

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ids(rows, key, digest="d", now_s=1_700_000_000, **event):
    given_event = {"name": "e", "timestamp": {"value": 5}, "key": key} | event
    result = encoded(rows, stream(event=given_event), digest=digest, now_s=now_s)
    return [operation["id"] for operation in operations(result)]


def number(ulid):
    return sum(CROCKFORD.index(char) * 32**i for i, char in enumerate(reversed(ulid)))


def test_ids_never_change_between_versions():
    parts = [pl.Series(["o1", 'o"2\n', None, "ü😀"]), pl.Series(["a", None, "c", ""])]

    found = ulids(np.array([0, 1556712000, 32503679999, 5]), "orders", parts)

    assert found.to_list() == GOLDEN


@law
@given(st.integers(0, 32_503_679_999))
def test_an_id_begins_with_its_time_in_milliseconds(seconds):
    ulid = ulids(np.array([seconds]), "s", [pl.Series(["k"])])[0]

    assert len(ulid) == 26
    assert number(ulid) >> 80 == seconds * 1000


def test_ids_sort_by_time():
    seconds = np.array([0, 1, 31, 32, 1023, 1024, 10**9, 10**10])
    found = ulids(seconds, "s", [pl.Series(["k"] * 8)]).to_list()

    assert found == sorted(found)


def test_the_hash_is_blake2b_of_the_canonical_json():
    ulid = ulids(np.array([5]), 's"', [pl.Series(['a"é']), pl.Series([None], dtype=pl.String)])[0]

    digest = hashlib.blake2b('["s\\"","a\\"é",null]'.encode(), digest_size=10).digest()
    assert number(ulid) & (2**80 - 1) == int.from_bytes(digest, "big")


@law
@given(st.lists(st.tuples(hostile_text, hostile_text), min_size=1, max_size=6, unique=True))
def test_different_keys_give_different_ids(keys):
    parts = [pl.Series([a for a, _ in keys]), pl.Series([b for _, b in keys])]

    assert ulids(np.zeros(len(keys), np.int64), "s", parts).n_unique() == len(keys)


def test_the_scope_tells_streams_apart_unless_they_share_one():
    rows, event = block({"id": ["1"]}), {"name": "e", "timestamp": {"value": 5}, "key": "id"}
    names = [stream(event=event), stream(event=event, name="t")]
    shared = [stream(event=event, id_scope="x"), stream(event=event, name="t", id_scope="x")]

    assert len({operations(encoded(rows, of))[0]["id"] for of in names}) == 2
    assert len({operations(encoded(rows, of))[0]["id"] for of in shared}) == 1


@law
@given(
    st.lists(st.tuples(hostile_text, hostile_text), min_size=1, max_size=8),
    st.integers(0, 8),
    st.sampled_from(["a", "content", "row", ["a", "b"]]),
    st.sampled_from([Form.TEXT, Form.JSON]),
)
def test_ids_are_equal_however_the_rows_are_cut_into_blocks(rows, cut, key, form):
    columns = {
        "id": [str(i) for i in range(len(rows))],
        "a": [a or "-" for a, _ in rows],
        "b": [b or None for _, b in rows],
    }
    if form is Form.JSON:
        columns = {name: raw(*(v if v else ... for v in cs)) for name, cs in columns.items()}

    def part(first, stop):
        kept = {name: values[first:stop] for name, values in columns.items()}
        if form is Form.JSON and stop > first:  # a reader makes no column that no record has
            kept = {name: values for name, values in kept.items() if any(values)}
        return ids(block(kept, form, first=first), key) if stop > first else []

    cut = min(cut, len(rows))
    assert part(0, len(rows)) == part(0, cut) + part(cut, len(rows))


def test_equal_rows_are_one_event_under_key_content():
    columns = {"id": ["1", "1", "1"], "b": ["x", "x", "y"]}

    first, second, third = ids(block(columns), "content")
    assert first == second != third


def test_rows_that_differ_by_a_fraction_of_a_second_are_two_events_under_key_content():
    moments = [dt.datetime(2020, 1, 1, 0, 0, 0, us, dt.UTC) for us in (1, 2)]

    found = ids(block({"id": ["1", "1"], "t": moments}, Form.TYPED), "content")
    assert len(set(found)) == 2


def test_a_row_that_was_rejected_and_mended_is_the_same_event_under_key_content():
    own = {"_file": ["a.csv"], "_row": ["7"], "_rule": ["r"], "_reason": ["why"]}

    mended = ids(block({"id": ["1"], "b": ["x"]} | own), "content")
    assert mended == ids(block({"id": ["1"], "b": ["x"]}), "content")


def test_a_row_is_told_by_its_file_and_its_place_under_key_row():
    rows = block({"id": ["1", "1"]}, first=7)

    first, second = ids(rows, "row")
    assert first != second
    assert ids(rows, "row", digest="other")[0] != first
    assert ids(block({"id": ["1"]}, first=8), "row") == [second]


def test_columns_named_content_and_row_are_columns_in_a_list():
    rows = block({"id": ["1", "1"], "row": ["a", "a"]})

    assert len(set(ids(rows, ["row"]))) == 1
    assert len(set(ids(rows, "row"))) == 2


def test_an_event_that_happens_now_has_the_same_id_in_every_run():
    rows = block({"id": ["1"]})

    assert ids(rows, "id", now_s=1, timestamp="now") == ids(rows, "id", now_s=9, timestamp="now")


def test_a_row_whose_whole_key_is_blank_is_refused():
    rows = block({"id": ["1", "2"], "a": [None, "x"], "b": [None, None]})
    event = {"name": "e", "timestamp": {"value": 5}, "key": ["a", "b"]}

    assert refusals(encoded(rows, stream(event=event))) == [(0, "no_event_key")]


@pytest.mark.parametrize("key", ["content", ["id", "x"]])
def test_a_key_that_has_no_form_as_text_refuses_the_row(key):
    rows = block({"id": ["1", "2"], "x": [b"a", None]}, Form.TYPED)
    event = {"name": "e", "timestamp": {"value": 5}, "key": key}

    assert refusals(encoded(rows, stream(event=event))) == [(0, "no_text_form")]
