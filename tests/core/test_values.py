"""The types of values, blanks, and what becomes of values that do not convert."""

import pyarrow as pa
import pytest

from backfill.records import Form
from core.blocks import attribute, block, encoded, operations, raw, refusals, stream


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("integer", "42", 42),
        ("integer", "-7", -7),
        ("integer", "+7", 7),
        ("integer", "007", 7),
        ("integer", "-0", 0),
        ("integer", "5.0", 5),
        ("integer", " 5 ", 5),
        ("integer", "12345678901234567890123", 12345678901234567890123),
        ("number", "1.50", 1.5),
        ("number", ".5", 0.5),
        ("number", "-.5", -0.5),
        ("number", "5.", 5),
        ("number", "00.5", 0.5),
        ("number", "5.e3", 5000),
        ("number", "1E5", 100000),
        ("number", "+1e-3", 0.001),
        ("boolean", "Yes", True),
        ("boolean", "N", False),
        ("boolean", "T", True),
        ("boolean", "0", False),
        ("boolean", " TRUE ", True),
        ("text", "00123", "00123"),
        ("json", '{ "a" : [1, "x y"] }', {"a": [1, "x y"]}),
        ("json", " null ", None),
        ("timestamp", "1600000000", 1600000000),
        (None, "00123", "00123"),
        (None, "NA", "NA"),
        (None, "1e5", "1e5"),
        (None, " padded ", " padded "),
        (None, "1234567890123456789", "1234567890123456789"),
    ],
)
def test_text_becomes_what_its_type_says(kind, text, expected):
    assert attribute([text], type=kind) == [expected]


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("integer", "5.5", "not_an_integer"),
        ("integer", "1e5", "not_an_integer"),
        ("integer", "+-5", "not_an_integer"),
        ("integer", "٣", "not_an_integer"),
        ("integer", "9" * 400, "not_an_integer"),
        ("number", "\uff11\uff12", "not_a_number"),
        ("number", "1,5", "not_a_number"),
        ("number", "NaN", "not_a_number"),
        ("number", "inf", "not_a_number"),
        ("number", "1e400", "not_a_number"),
        ("number", "1e", "not_a_number"),
        ("number", ".", "not_a_number"),
        ("number", "0x10", "not_a_number"),
        ("boolean", "ja", "not_a_boolean"),
        ("boolean", "2", "not_a_boolean"),
        ("json", "{", "not_json"),
        ("json", "NaN", "not_json"),
        ("json", "[1e400]", "not_json"),
        ("json", '"\\ud800"', "not_json"),
        ("json", "[" * 3000, "not_json"),
        ("timestamp", "yesterday", "not_a_timestamp"),
    ],
)
def test_text_that_is_not_of_its_type_rejects_its_row(kind, text, rule):
    assert attribute(["1" if kind != "timestamp" else "5", text], type=kind)[1] == {rule}


def test_a_number_keeps_every_digit_it_was_written_with():
    columns = {"id": ["1"], "x": ["0.1000000000000000055511151231257827"]}
    mapping = stream(attributes={"a": {"column": "x", "type": "number"}})

    assert b'"a":0.1000000000000000055511151231257827}' in bytes(
        encoded(block(columns), mapping).operations
    )


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("integer", "12", 12),
        ("integer", 12.0, 12),
        ("boolean", True, True),
        ("boolean", 1, True),
        ("text", 1, "1"),
        ("text", {"a": 1}, '{"a": 1}'),
        ("json", '{"a":1}', {"a": 1}),
        ("json", {"a": None}, {"a": None}),
        ("number", True, {"not_a_number"}),
    ],
)
def test_json_members_become_what_their_type_says(kind, value, expected):
    assert attribute(raw(value), Form.JSON, type=kind) == [expected]


def test_a_blank_cell_is_left_out_by_default():
    assert attribute([None, "", "x"]) == [..., ..., "x"]


@pytest.mark.parametrize(("blank", "expected"), [("omit", ...), ("unset", None), ("keep", "")])
@pytest.mark.parametrize("kind", [None, "text", "integer", "boolean", "timestamp", "json"])
def test_a_blank_becomes_what_the_stream_says_whatever_the_type(blank, expected, kind):
    assert attribute([None, "1"], blank=blank, type=kind)[0] == expected


def test_a_field_overrides_the_blank_of_its_stream():
    mapping = stream(blank="unset", attributes={"a": {"column": "x", "blank": "keep"}})

    operation = operations(encoded(block({"id": ["1"], "x": [None]}), mapping))[0]

    assert operation["attributes"] == {"a": ""}


def test_only_null_and_empty_text_are_blank_in_json():
    values = raw(None, "", [], {}, 0, False, " ")

    assert attribute(values, Form.JSON) == [..., ..., [], {}, 0, False, " "]


@pytest.mark.parametrize("blank", ["unset", "keep"])
def test_a_member_that_a_json_record_does_not_have_is_never_sent(blank):
    assert attribute(raw(..., 1), Form.JSON, blank=blank) == [..., 1]


def test_a_null_in_parquet_is_blank():
    assert attribute([1, None], Form.TYPED, pa.int64(), blank="unset") == [1, None]


def test_a_nested_null_is_no_blank():
    assert attribute(raw({"a": None}), Form.JSON) == [{"a": None}]


def test_a_column_of_type_null_is_all_blank():
    assert attribute(pa.nulls(2), Form.TYPED, blank="unset") == [None, None]


@pytest.mark.parametrize(
    ("on_error", "expected"),
    [("reject", {"not_a_number"}), ("omit", ...), ("keep", "many")],
)
def test_a_misfit_becomes_what_on_error_says(on_error, expected):
    values = ["5", "many", None]

    assert attribute(values, type="number", on_error=on_error) == [5, expected, ...]


def test_a_kept_misfit_stays_exact_among_blanks_that_are_unset():
    values = ['say "no"', None, "7"]

    expected = ['say "no"', None, 7]
    assert attribute(values, type="integer", on_error="keep", blank="unset") == expected


def test_a_misfit_that_has_no_form_in_json_cannot_be_kept():
    values = [float("nan"), 1.5]

    found = attribute(values, Form.TYPED, pa.float64(), type="integer", on_error="keep")
    assert found == [{"no_json_form"}, 1.5]


@pytest.mark.parametrize("name", ["unsubscribed", "cio_subscription_preferences.topics.topic_1"])
def test_an_unknown_word_of_consent_rejects_its_row_whatever_on_error_says(name):
    columns = {"id": ["1", "2", "3"], "x": ["perhaps", "yes", None]}
    mapping = stream(attributes={name: "x"}, on_error="omit", blank="unset")

    result = encoded(block(columns), mapping)

    assert refusals(result) == [(0, "not_a_boolean")]
    assert [operation["attributes"] for operation in operations(result)] == [{name: True}, {}]


def test_preferences_that_are_no_json_reject_their_row_whatever_on_error_says():
    mapping = stream(attributes={"cio_subscription_preferences": "x"}, on_error="keep")

    result = encoded(block({"id": ["1"], "x": ["{topics"]}), mapping)

    assert refusals(result) == [(0, "not_json")]


def test_created_at_is_a_timestamp_without_being_told():
    mapping = stream(attributes={"created_at": "x"})

    operation = operations(encoded(block({"id": ["1"], "x": ["2020-01-01T00:00:00Z"]}), mapping))[0]
    assert operation["attributes"] == {"created_at": 1577836800}


def test_constants_are_sent_as_they_are_written_in_the_config():
    values = {"a": 1.5, "b": True, "c": "x", "d": {"e": [None]}, "f": 12345678901234567890}
    mapping = stream(attributes={name: {"value": value} for name, value in values.items()})

    operation = operations(encoded(block({"id": ["1"]}), mapping))[0]
    assert operation["attributes"] == values


def test_saying_how_a_time_is_written_says_that_it_is_a_time():
    assert attribute(["31/12/2020"], format="%d/%m/%Y", timezone="UTC") == [1609372800]


def test_a_reason_never_holds_the_value():
    mapping = stream(attributes={"a": {"column": "x", "type": "integer"}})

    result = encoded(block({"id": ["1"], "x": ["s3cr3t"]}), mapping)

    assert result.rejected.reasons == ["attributes.a is not an integer"]
