"""`since`: which rows are new, and what is known of the others."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pydantic import ValidationError

from backfill.errors import MappingError
from backfill.ledger import Cursor
from backfill.mapping import Since, Stream
from backfill.operations import Encoded, Surroundings, encode, lowest
from backfill.operations.binding import check
from backfill.records import Block, Extremes, Form
from core.blocks import NOW_S, block, raw, refusals, stream

NUMBERS = {"column": "n", "type": "integer"}


def since(rows: Block, mapping: Stream, least: int | None = None) -> Encoded:
    return encode(rows, mapping, None, Surroundings(NOW_S, "d", since_min=least))


def numbered(*values, form: Form = Form.TEXT) -> Block:
    names = [f'"{i}"' if form is Form.JSON else str(i) for i in range(len(values))]
    return block({"id": names, "n": list(values)}, form)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["9", "10", " 011 ", "12.0"], Form.TEXT),
        (raw(9, "10", 11, 12.0), Form.JSON),
        ([9, 10, 11, 12], Form.TYPED),
    ],
)
def test_integers_are_compared_as_numbers_whatever_the_format(values, form):
    found = since(numbered(*values, form=form), stream(since=NUMBERS), 10)

    assert found.filtered["since"].tolist() == [0]
    assert found.piece.rows.tolist() == [1, 2, 3]
    assert found.extremes == Extremes(12)


def test_times_are_compared_as_moments_however_they_are_written():
    written = [
        "2023-11-14T22:13:19Z",
        "2023-11-14T23:13:20+01:00",
        "1700000000",
        "2023-11-14T22:14",
    ]
    mapping = stream(since={"column": "n", "timezone": "UTC"})

    found = since(numbered(*written), mapping, 1_700_000_000)

    assert found.filtered["since"].tolist() == [0]
    assert found.extremes == Extremes(1_700_000_000)  # the last one lies ahead


def test_times_of_parquet_are_compared_as_they_are():
    moments = [datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 1, 2, tzinfo=UTC)]
    rows = block({"id": ["a", "b"], "n": pa.array(moments, pa.timestamp("us", "UTC"))}, Form.TYPED)

    found = since(rows, stream(since="n"), 1_672_617_600)

    assert found.filtered["since"].tolist() == [0]


def test_rows_without_a_value_are_refused_in_words_that_tell_what_to_do():
    rows = numbered("", "x", "1.5", str(2**63), "7")

    found = since(rows, stream(since=NUMBERS), 8)

    rules = ["no_since", "not_an_integer", "not_an_integer", "not_an_integer"]
    assert refusals(found) == list(enumerate(rules))
    assert found.filtered["since"].tolist() == [4]
    assert found.extremes == Extremes()
    assert found.rejected.reasons[0].startswith("since is blank: fill in the column")


def test_json_records_that_lack_the_key_are_refused():
    found = since(block({"id": ['"a"']}, Form.JSON), stream(since="at"))

    assert refusals(found) == [(0, "no_since")]


def test_a_row_that_is_refused_otherwise_holds_its_value_open():
    rows = block({"id": ["a", "", "c", ""], "n": ["5", "4", "3", "99"]})

    found = since(rows, stream(since=NUMBERS))

    assert found.extremes == Extremes(highest=5, open=4)


def test_what_the_api_refuses_is_found_again_among_the_rows_of_its_block():
    assert (
        lowest(numbered("5", "", "3", "1"), Since(**NUMBERS), numbered("", "", "").rows[[0, 2]])
        == 3
    )


def test_every_column_still_takes_the_one_that_tells_what_is_new():
    found = since(numbered("5"), stream(since=NUMBERS, attributes="*"))

    assert b'"n":"5"' in bytes(found.operations)


@pytest.mark.parametrize(
    ("cursor", "reached"),
    [
        (Cursor(), None),
        (Cursor(base=5), 5),
        (Cursor(highest=7), 7),
        (Cursor(base=5, highest=4), 5),
        (Cursor(base=5, highest=9, open=7), 7),
        (Cursor(base=5, highest=9, open=12), 9),
        (Cursor(highest=9, open=3), 3),
        (Cursor(open=3), None),
        (Cursor(base=5, highest=9, open=4), 4),
    ],
)
def test_a_cursor_ends_at_the_lowest_refused_row_or_the_newest(cursor, reached):
    assert cursor.reached == reached


@pytest.mark.parametrize(
    ("said", "least"),
    [
        ({"column": "at"}, 10_000 - 3_600),
        ({"column": "at", "overlap": 0}, 10_000),
        ({"column": "at", "overlap": "1.5m"}, 10_000 - 90),
        ({"column": "at", "overlap": "0.5s"}, 10_000 - 1),
        ({"column": "at", "type": "integer"}, 10_000),
        ({"column": "at", "type": "integer", "overlap": 500}, 9_500),
    ],
)
def test_the_overlap_is_a_time_or_a_number(said, least):
    assert Since(**said).least(10_000) == least
    assert Since(**said).least(None) is None


@pytest.mark.parametrize(
    "said",
    [
        {"column": "at", "overlap": "soon"},
        {"column": "at", "overlap": -5},
        {"column": "at", "overlap": True},
        {"column": "at", "type": "integer", "overlap": "1h"},
        {"column": "at", "type": "integer", "overlap": -1},
        {"column": "at", "type": "integer", "timezone": "UTC"},
        {"column": "at", "format": ""},
        {"column": ""},
        {"overlap": "1h"},
    ],
)
def test_what_makes_no_sense_is_no_config(said):
    with pytest.raises(ValidationError):
        stream(since=said)


@pytest.mark.parametrize("said", ["at", {"column": "n", "timezone": "Nowhere"}])
def test_a_column_or_zone_that_is_not_there_is_found_before_anything_is_sent(said):
    with pytest.raises(MappingError, match=r"at|Nowhere"):
        check(stream(since=said), ["id", "n"], "x.csv")
