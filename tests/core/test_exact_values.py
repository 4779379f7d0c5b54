"""Without a type, a value keeps its source form: encode, then `json.loads`, gives it back."""

import datetime as dt
import json
import math
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import MappingError
from backfill.records import Form
from core.blocks import attribute, block, encoded, hostile_text, law, operations, stream

UTC = dt.UTC

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | hostile_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hostile_text, inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


def sent(values, form, data_type=None):
    ids = [json.dumps(str(i)) if form is Form.JSON else str(i) for i in range(len(values))]
    columns = {"id": pa.array(ids, pa.string()), "x": values}
    mapping = stream(
        event={"name": "e", "timestamp": {"value": 5}, "key": "id"}, attributes={"a": "x"}
    )
    types = {} if data_type is None else {"x": data_type}
    result = encoded(block(columns, form, types=types), mapping)
    return [operation["attributes"].get("a", ...) for operation in operations(result)]


@law
@given(st.lists(hostile_text, min_size=1, max_size=8))
def test_cells_of_text_come_back(values):
    assert sent(values, Form.TEXT) == [value or ... for value in values]


@law
@given(st.lists(json_values, min_size=1, max_size=8), st.booleans(), st.sampled_from([None, 1]))
def test_json_members_come_back(values, is_ascii, indent):
    raws = [json.dumps(value, ensure_ascii=is_ascii, indent=indent) for value in values]

    assert sent(raws, Form.JSON) == [... if value in (None, "") else value for value in values]


@law
@given(st.lists(st.dictionaries(st.sampled_from(['a"', "é", "b"]), st.integers(0, 9)), max_size=5))
def test_json_members_are_compact_and_otherwise_as_written(values):
    raws = [json.dumps(value) for value in values]
    compact = [json.dumps(value, separators=(",", ":")) for value in values]

    result = bytes(
        encoded(
            block({"id": ["1"] * len(values), "x": raws}, Form.JSON),
            stream(attributes={"a": "x"}),
        ).operations
    )
    assert all(f'"a":{text}}}'.encode() in result for text in compact)


@law
@given(
    st.lists(
        st.fixed_dictionaries(
            {'n"': hostile_text | st.none(), "l": st.lists(st.integers(-9, 9) | st.none())}
        )
        | st.none(),
        min_size=1,
        max_size=5,
    )
)
def test_nested_values_of_parquet_come_back_with_their_nulls(values):
    kind = pa.struct([('n"', pa.string()), ("l", pa.list_(pa.int8()))])

    assert sent(values, Form.TYPED, kind) == [... if v is None else v for v in values]


@law
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_floats_come_back_to_the_last_bit(values):
    for expected, actual in zip(values, sent(values, Form.TYPED, pa.float64()), strict=True):
        assert actual == expected
        assert math.copysign(1, actual) == math.copysign(1, expected)


CASES = {
    "int8": ([-128, 127], pa.int8(), None),
    "uint64": ([2**64 - 1, 0], pa.uint64(), None),
    "bool": ([True, False], pa.bool_(), None),
    "float16": ([1.5, 2.0], pa.float16(), None),
    "float32": ([0.1, 1e22], pa.float32(), None),
    "large_string": (['a"', "b"], pa.large_string(), None),
    "string_view": (['a"', "x" * 20], pa.string_view(), None),
    "date": ([dt.date(2020, 2, 29)], pa.date32(), ["2020-02-29"]),
    "date64": ([dt.date(2020, 2, 29)], pa.date64(), ["2020-02-29"]),
    "time": ([dt.time(1, 2, 3)], pa.time32("s"), ["01:02:03"]),
    "time_us": ([dt.time(1, 2, 3, 4)], pa.time64("us"), ["01:02:03.000004"]),
    "timestamp_s": ([5], pa.timestamp("s", "UTC"), [5]),
    "timestamp_ms": ([1_500], pa.timestamp("ms", "+02:00"), [1]),
    "timestamp_us": ([-1_500_000], pa.timestamp("us", "Europe/Berlin"), [-2]),
    "timestamp_ns": ([5_000_000_001], pa.timestamp("ns", "Z"), [5]),
    "list": ([[1, None], []], pa.list_(pa.int64()), None),
    "fixed_list": ([[1, 2]], pa.list_(pa.int8(), 2), None),
    "map": ([[("a", 1)]], pa.map_(pa.string(), pa.int64()), [{"a": 1}]),
    "nested_float": ([[1.5, None]], pa.list_(pa.float64()), None),
    "nested_time": (
        [{"t": dt.datetime(2020, 1, 1, tzinfo=UTC)}, {"t": None}],
        pa.struct([("t", pa.timestamp("us", "UTC"))]),
        [{"t": 1577836800}, {"t": None}],
    ),
    "nested_date": ([[dt.date(2020, 1, 1)]], pa.list_(pa.date32()), [["2020-01-01"]]),
}


@pytest.mark.parametrize(("values", "kind", "expected"), CASES.values(), ids=CASES)
def test_every_type_of_parquet_has_its_form(values, kind, expected):
    assert attribute(pa.array(values, kind), Form.TYPED) == (expected or values)


def test_a_dictionary_of_texts_is_text():
    values = pa.array(['a"', None, "b", 'a"']).dictionary_encode()

    assert attribute(values, Form.TYPED) == ['a"', ..., "b", 'a"']


def test_a_uuid_is_written_as_people_write_it():
    uuid = UUID("01234567-89ab-cdef-0123-456789abcdef")
    values = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.bytes, None], pa.binary(16)))

    assert attribute(values, Form.TYPED) == [str(uuid), ...]


@pytest.mark.parametrize(
    ("values", "kind", "written"),
    [
        (["1.10", "-0.05"], pa.decimal128(38, 2), [b"1.10", b"-0.05"]),
        (["12345678901234567890.123456"], pa.decimal128(38, 6), [b"12345678901234567890.123456"]),
        (["1.10"], pa.decimal32(5, 2), [b"1.10"]),
        (["1.10"], pa.decimal256(60, 2), [b"1.10"]),
        (["1200"], pa.decimal128(5, -2), [b"1200"]),
    ],
)
def test_decimals_are_exact_numbers(values, kind, written):
    array = pa.array([Decimal(value) for value in values], kind)
    columns = {"id": pa.array([str(i) for i in range(len(values))]), "x": array}

    result = encoded(block(columns, Form.TYPED), stream(attributes={"a": "x"}))

    assert all(b'"a":' + text + b"}" in bytes(result.operations) for text in written)


def test_a_decimal_that_no_type_holds_exactly_stops_the_stream():
    array = pa.array([Decimal("1" * 50)], pa.decimal256(60, 2))

    with pytest.raises(MappingError, match=r"decimal256\(60, 2\)"):
        attribute(array, Form.TYPED)


NO_FORM = {
    "nan": ([float("nan"), 1.0], pa.float64()),
    "infinity": ([float("-inf"), 1.0], pa.float32()),
    "half_nan": ([float("nan"), 1.0], pa.float16()),
    "nested_nan": ([[float("nan")], [1.0]], pa.list_(pa.float64())),
    "binary": ([b"a", None], pa.binary()),
    "nested_binary": ([[b"a"], None], pa.list_(pa.binary())),
    "duration": ([dt.timedelta(1), None], pa.duration("s")),
    "nested_local_time": ([[dt.datetime(2020, 1, 1)], None], pa.list_(pa.timestamp("s"))),
}


@pytest.mark.parametrize(("values", "kind"), NO_FORM.values(), ids=NO_FORM)
def test_what_has_no_form_in_json_rejects_its_row_only(values, kind):
    found = attribute(pa.array(values, kind), Form.TYPED)

    assert found[0] == {"no_json_form"}
    assert found[1] != {"no_json_form"}


@pytest.mark.parametrize(
    "text",
    ["1e400", "-1E999", "9" * 400, '{"a":[1e400]}', '"\\ud800"', '{"a":"\\udc00x"}', "[[1e309]]"],
)
def test_json_that_servers_cannot_read_rejects_its_row(text):
    assert attribute([text, "1"], Form.JSON) == [{"no_json_form"}, 1]


def test_json_that_only_looks_unreadable_is_sent():
    values = ['"1e400"', '"\\ud83d\\ude00"', "1e300", '{"a":"9e999"}', "1e-400", "3" * 300]

    assert attribute(values, Form.JSON) == [json.loads(value) for value in values]


def test_a_local_time_of_parquet_is_refused_until_it_has_a_zone():
    values = pa.array([dt.datetime(2020, 1, 1)], pa.timestamp("us"))

    assert attribute(values, Form.TYPED) == [{"no_timezone"}]
    assert attribute(values, Form.TYPED, timezone="Europe/Berlin") == [1577833200]


def test_a_time_as_text_is_iso_8601_with_its_fractions():
    values = pa.array([1_500, 2_000], pa.timestamp("ms", "Europe/Berlin"))

    expected = ["1970-01-01T00:00:01.500Z", "1970-01-01T00:00:02Z"]
    assert attribute(values, Form.TYPED, type="text") == expected


def test_names_of_attributes_are_escaped():
    names = ['a"b', "back\\slash", "new\nline", "${1}", "{}", "ü"]
    mapping = stream(attributes=dict.fromkeys(names, "x"))

    operation = operations(encoded(block({"id": ["1"], "x": ["v"]}), mapping))[0]
    assert operation["attributes"] == dict.fromkeys(names, "v")
