"""`where`: which rows take part."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.columns import columns_of
from backfill.errors import MappingError
from backfill.filters import Where
from backfill.records import Form
from core.blocks import block, encoded, hostile_text, law, raw, refusals, stream

TEXT = block({"status": ["deleted", "active", None, "x"], "n": ["1", "20", None, "abc"]})
JSON = block({"j": raw(5, "a", None, ...), "status": raw("x", "x", "y", "y")}, Form.JSON)
TYPED = block(
    {
        "k": pa.array([1, None, 3, 4]),
        "b": pa.array([True, False, None, True]),
        "t": pa.array([0, 86400, None, 1], pa.timestamp("s", "UTC")),
        "a b": pa.array(["x", "y", None, ""]),
    },
    Form.TYPED,
)
yes, no, unreadable = True, False, None


@pytest.mark.parametrize(
    ("rows", "condition", "expected"),
    [
        (TEXT, "status = 'deleted'", [yes, no, no, no]),
        (TEXT, "status != 'deleted'", [no, yes, yes, yes]),
        (TEXT, "status <> 'deleted'", [no, yes, yes, yes]),
        (TEXT, "NOT status = 'deleted'", [no, yes, yes, yes]),
        (TEXT, "status < 'b'", [no, yes, yes, no]),
        (TEXT, "status = ''", [no, no, yes, no]),
        (TEXT, "status IS BLANK", [no, no, yes, no]),
        (TEXT, "status IS NULL", [no, no, yes, no]),
        (TEXT, "status IS NOT BLANK", [yes, yes, no, yes]),
        (TEXT, "status IN ('x', 'deleted')", [yes, no, no, yes]),
        (TEXT, "status NOT IN ('x', 'deleted')", [no, yes, yes, no]),
        (TEXT, "status LIKE '%e%'", [yes, yes, no, no]),
        (TEXT, "status NOT LIKE '_'", [yes, yes, yes, no]),
        (TEXT, "status ILIKE 'DEL%'", [yes, no, no, no]),
        (TEXT, "n BETWEEN '1' AND '2'", [yes, no, no, no]),
        (TEXT, "n = '1' OR status = 'x' AND n = 'abc'", [yes, no, no, yes]),
        (TEXT, "(n = '1' OR status = 'x') AND n = 'abc'", [no, no, no, yes]),
        (TEXT, "CAST(n AS INTEGER) > 5", [no, yes, no, unreadable]),
        (TEXT, "CAST(n AS DOUBLE) <= 1.0", [yes, no, no, unreadable]),
        (TEXT, "CAST(n AS INT) > 5 AND status = 'x'", [no, no, no, unreadable]),
        (TEXT, "CAST(n AS INT) > 5 AND status = 'y'", [no, no, no, no]),
        (TEXT, "CAST(n AS INT) > 5 OR status = 'x'", [no, yes, no, yes]),
        (TEXT, "1 = 1", [yes, yes, yes, yes]),
        (JSON, "j > 3", [yes, unreadable, no, no]),
        (JSON, "j = 'a'", [no, yes, no, no]),
        (JSON, "j IS BLANK", [no, no, yes, yes]),
        (JSON, "absent > 3", [no, no, no, no]),
        (JSON, "absent = ''", [yes, yes, yes, yes]),
        (TYPED, "k > 2", [no, no, yes, yes]),
        (TYPED, "k != 3", [yes, yes, no, yes]),
        (TYPED, "k = ''", [no, yes, no, no]),
        (TYPED, "k > -1", [yes, no, yes, yes]),
        (TYPED, "k IN (1, 3)", [yes, no, yes, no]),
        (TYPED, "CAST(k AS TEXT) = '1'", [yes, no, no, no]),
        (TYPED, "b", [yes, no, no, yes]),
        (TYPED, "b = false", [no, yes, no, no]),
        (TYPED, "t >= '1970-01-02'", [no, yes, no, no]),
        (TYPED, "\"a b\" = 'x'", [yes, no, no, no]),
        (TYPED, '"a b" IS BLANK', [no, no, yes, yes]),
    ],
)
def test_a_condition_matches_as_documented(rows, condition, expected):
    matches = Where(condition, "stream s, where").judge(columns_of(rows), 4)

    assert matches.to_list() == expected


@pytest.mark.parametrize(
    "condition",
    [
        "status = ",
        "upper(status) = 'X'",
        "status || 'a' = 'b'",
        "k IN (SELECT 1)",
        "EXISTS (SELECT 1)",
        "status = NULL",
        "k IS TRUE",
        "k + 1 = 2",
        "CAST(n AS DATE) = '2020-01-01'",
        "status LIKE other",
        "a; b",
    ],
)
def test_what_is_not_understood_is_refused_before_any_row_is_read(condition):
    with pytest.raises(MappingError) as caught:
        Where(condition, "stream s, where")

    assert condition in caught.value.where


def test_text_is_not_compared_with_numbers_by_guessing():
    with pytest.raises(MappingError, match="CAST"):
        Where("n > 5", "stream s, where").judge(columns_of(TEXT), 4)


@law
@given(hostile_text, st.lists(hostile_text, min_size=1, max_size=5))
def test_like_without_wildcards_is_equality(pattern, values):
    plain = "".join(char for char in pattern if char not in "%_'\\")
    columns = columns_of(block({"a": [*values, plain]}))

    like = Where(f"a LIKE '{plain}'", "w").judge(columns, len(values) + 1)
    assert like.to_list() == [value == plain for value in [*values, plain]]


def test_rows_that_do_not_match_are_filtered_and_unreadable_ones_rejected():
    columns = {"id": ["1", "2", "3", None], "n": ["1", "9", "x", "1"]}

    result = encoded(block(columns, first=10), stream(where="CAST(n AS INT) > 5"))

    assert result.piece.rows.tolist() == [11]
    assert result.filtered["where"].tolist() == [10, 13]
    assert refusals(result) == [(12, "where_unreadable")]


def test_a_batch_keeps_no_more_of_a_block_than_the_few_rows_it_takes():
    columns = {"id": [str(n) for n in range(100)], "n": [str(n % 50) for n in range(100)]}

    result = encoded(block(columns, first=10), stream(where="n = '7'"))

    assert result.piece.rows.tolist() == [17, 67]
    assert result.piece.block.table["id"].to_pylist() == ["7", "57"]
    assert (result.block.start.row, result.block.table.num_rows) == (10, 100)
