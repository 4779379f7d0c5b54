"""Every row of a block ends in exactly one of operations, rejected, filtered and held."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import trackapi
from backfill.records import Fault, Form
from backfill.sandbox.track.v2_rules import violations
from core.blocks import NOW_S, block, encoded, hostile_text, law, operations, refusals, stream

cell = st.one_of(
    st.none(), st.sampled_from(["1", "2", "a@x", "x" * 1001, "5", "web"]), hostile_text
)
rows_of = st.lists(st.tuples(cell, cell, cell), max_size=12)

MAPPINGS = [
    stream(person={"id": "a", "email": "b"}, attributes={"n": {"column": "c", "type": "number"}}),
    stream(person={"id": "a"}, attributes="*", repeats="fold", where="c != 'web'"),
    stream(
        person={"id": "a"},
        relationships=[{"object": {"type": "1", "id": "b"}}],
        repeats="fold",
        attributes={"c": {"column": "c", "type": "boolean", "on_error": "omit"}},
    ),
    stream(
        person={"id": "a"},
        event={"name": {"column": "b"}, "timestamp": "c", "key": "content"},
        campaigns="hold",
    ),
    stream(person={"id": "a"}, device={"token": "b", "platform": "c"}),
    stream(merge={"primary": {"id": "a"}, "secondary": {"id": "b"}}, where="CAST(c AS INT) < 5"),
    stream(person={"id": "a"}, since={"column": "c", "type": "integer"}, where="b != 'web'"),
    stream(person={"id": "a"}, action="suppress"),
    stream(object={"type": {"column": "c"}, "id": "a"}, relationships=[{"person": {"id": "b"}}]),
    stream(delivery={"id": "a"}, event={"name": {"column": "b"}}, attributes={"device_token": "c"}),
]


@law
@given(rows_of, st.sampled_from(MAPPINGS), st.integers(0, 1000), st.sets(st.integers(0, 15)))
def test_every_row_ends_in_exactly_one_place(rows, mapping, first, faulty):
    faults = tuple(
        Fault(row, "not_utf8", "the line is not UTF-8", b"\xff")
        for row in sorted(first + i for i in faulty if i <= len(rows))
    )
    columns = {name: [row[i] for row in rows] for i, name in enumerate("abc")}
    whole = block(columns, first=first, faults=faults)

    found = encoded(whole, mapping)

    filtered = [row for left_out in found.filtered.values() for row in left_out.tolist()]
    places = [found.piece.rows.tolist(), found.rejected.rows.tolist(), found.held.tolist()]
    everything = sorted(sum(places, filtered))
    assert everything == list(range(whole.start.row, whole.stop.row))
    assert len(operations(found)) == len(found.piece) == len(found.ends) == len(found.keys)
    assert found.rejected.rows.tolist() == sorted(found.rejected.rows.tolist())
    assert len(found.rejected.rules) == len(found.rejected.reasons) == len(found.rejected.rows)


@law
@given(rows_of, st.sampled_from(MAPPINGS))
def test_the_sandbox_refuses_nothing_that_is_sent(rows, mapping):
    columns = {name: [row[i] for row in rows] for i, name in enumerate("abc")}

    sent = operations(encoded(block(columns), mapping))
    assert not [found for operation in sent for found in violations(operation)]


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("form", [Form.TEXT, Form.JSON])
def test_an_empty_block_becomes_nothing(mapping, form):
    found = encoded(block({"a": [], "b": [], "c": []}, form), mapping)

    assert (len(found.ends), len(found.piece), len(found.rejected.rows)) == (0, 0, 0)


def test_a_block_of_faults_only_is_rejected_whole():
    faults = tuple(Fault(row, "not_utf8", "the line is not UTF-8", b"\xff") for row in (0, 1))

    found = encoded(block({"id": []}, faults=faults), stream())

    assert refusals(found) == [(0, "not_utf8"), (1, "not_utf8")]


def test_a_block_of_one_row_becomes_one_operation():
    assert len(operations(encoded(block({"id": ["1"]}), stream()))) == 1


def test_json_records_without_any_member_are_rejected_not_lost():
    empty = block({}, Form.JSON)
    nothing = type(empty)(
        empty.file, empty.form, empty.start, empty.stop._replace(row=2), empty.table, np.arange(2)
    )
    event = {"name": "e", "timestamp": "now", "key": "content"}

    for mapping in (stream(attributes="*"), stream(event=event), stream(where="id = '1'")):
        found = encoded(nothing, mapping)
        assert len(found.rejected.rows) + len(found.filtered.get("where", ())) == 2


def test_all_columns_of_type_null_name_nobody():
    found = encoded(block({"id": pa.nulls(2)}, Form.TYPED), stream(attributes="*"))

    assert refusals(found) == [(0, "no_identifier"), (1, "no_identifier")]


def event_at(times, **keys):
    event = {"name": "e", "timestamp": "t", "key": "id"}
    columns = {"id": [str(i) for i in range(len(times))], "t": times}
    return encoded(block(columns), stream(event=event, **keys))


WINDOW_S = trackapi.CAMPAIGN_WINDOW_S
AGES = [str(NOW_S - WINDOW_S), str(NOW_S - WINDOW_S + 1), str(NOW_S + 1)]


def test_events_younger_than_72_hours_are_counted():
    found = event_at(AGES)

    assert (len(found.piece), found.young, found.future) == (3, 2, 1)


def test_young_events_are_held_where_the_stream_says_so():
    found = event_at(AGES, campaigns="hold")

    assert (found.piece.rows.tolist(), found.held.tolist()) == ([0], [1, 2])
    assert (found.young, found.future) == (0, 0)


def test_young_events_are_refused_where_the_stream_says_so():
    assert refusals(event_at(AGES, campaigns="refuse")) == [(1, "young_event"), (2, "young_event")]


@pytest.mark.parametrize("keys", [{"on_error": "omit"}, {"on_error": "keep"}, {"blank": "keep"}])
def test_an_event_without_a_readable_time_is_refused_whatever_the_stream_says(keys):
    found = event_at([None, "", "soon", "-1", "5"], **keys)

    rules = ["no_event_time", "no_event_time", "not_a_timestamp", "before_1970"]
    assert refusals(found) == list(enumerate(rules))


def test_an_event_now_has_the_time_of_the_run():
    event = {"name": "e", "timestamp": "now", "key": "id"}

    found = encoded(block({"id": ["1"]}), stream(event=event))
    assert operations(found)[0]["timestamp"] == NOW_S
    assert found.young == 1
