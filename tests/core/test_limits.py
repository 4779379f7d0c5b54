"""No limit is ever passed, and nothing that fits is refused: bytes, inclusive."""

import json

import pyarrow as pa
import pytest

from backfill import trackapi
from backfill.records import Form
from core.blocks import attribute, block, encoded, operations, refusals, stream

EVENT = {"name": "e", "timestamp": {"value": 5}, "key": "id"}
TIE = {"object": {"type": "1", "id": "o"}}


def wide(size, char):
    """Text of `size` bytes; two-byte characters as far as they go."""
    return char * (size // len(char.encode())) + "x" * (size % len(char.encode()))


def rules(columns, form=Form.TEXT, **keys):
    return [rule for _, rule in refusals(encoded(block(columns, form), stream(**keys)))]


@pytest.mark.parametrize("char", ["x", "é", '"', "\x01"])
@pytest.mark.parametrize(("size", "rule"), [(149, []), (150, []), (151, ["identifier_too_long"])])
@pytest.mark.parametrize(
    "keys",
    [
        {"person": {"id": "x"}},
        {"person": {"email": "x"}},
        {"person": {"id": "id", "email": "x"}},
        {"object": {"type": "1", "id": "x"}},
        {"object": {"cio_object_id": "x"}},
        {"relationships": [{"object": {"type": "1", "id": "x"}}]},
        {"object": {"type": "1", "id": "id"}, "relationships": [{"person": {"id": "x"}}]},
        {"merge": {"primary": {"id": "id"}, "secondary": {"id": "x"}}},
    ],
    ids=str,
)
def test_an_identifier_has_at_most_150_bytes(char, size, rule, keys):
    assert rules({"id": ["1"], "x": [wide(size, char)]}, **keys) == rule


@pytest.mark.parametrize("char", ["x", "é", '"', "\n"])
@pytest.mark.parametrize(("size", "rule"), [(999, []), (1000, []), (1001, ["value_too_long"])])
def test_a_text_has_at_most_1000_bytes_of_utf8_quotes_and_escapes_not_counted(char, size, rule):
    text = wide(size, char)
    tie = {"attributes": {"a": "x"}} | TIE

    assert rules({"id": ["1"], "x": [text]}, attributes={"a": "x"}) == rule
    assert rules({"id": ["1"], "x": [text], "o": ["k"]}, relationships=[tie]) == rule
    assert rules({"id": ["1"], "x": [text]}, attributes={"a": {"value": text}}) == rule
    member = {"id": ['"1"'], "x": [json.dumps(text)]}
    assert rules(member, Form.JSON, attributes={"a": "x"}) == rule
    literal = {"id": ["1"], "x": [json.dumps(text)]}
    assert rules(literal, attributes={"a": {"column": "x", "type": "json"}}) == rule


@pytest.mark.parametrize(("size", "rule"), [(999, []), (1000, []), (1001, ["value_too_long"])])
def test_nested_values_have_at_most_1000_bytes_of_compact_json(size, rule):
    text = json.dumps({"a": "x" * (size - 8)}, indent=8)
    member = {"id": ['"1"'], "x": [text]}

    assert rules(member, Form.JSON, attributes={"a": "x"}) == rule


@pytest.mark.parametrize(("size", "rule"), [(99, []), (100, []), (101, ["event_name_too_long"])])
@pytest.mark.parametrize("char", ["x", "é"])
def test_an_events_name_has_at_most_100_bytes(size, rule, char):
    event = EVENT | {"name": {"column": "x"}}

    assert rules({"id": ["1"], "x": [wide(size, char)]}, event=event) == rule


def test_values_of_events_have_no_limit_of_their_own():
    assert rules({"id": ["1"], "x": ["x" * 20_000]}, event=EVENT, attributes={"a": "x"}) == []


def test_a_value_that_just_fits_is_sent_beside_one_that_does_not():
    columns = {"id": ["1", "2"], "x": ["x" * 1000, "x" * 1001]}

    assert refusals(encoded(block(columns), stream(attributes={"a": "x"}))) == [
        (1, "value_too_long")
    ]


def test_names_of_event_attributes_have_no_limit_of_their_own():
    assert rules({"id": ["1"]}, event=EVENT, attributes={"n" * 151: "id"}) == []


@pytest.mark.parametrize("char", ["x", "é", '"'])
@pytest.mark.parametrize("size", [31_999, 32_000, 32_001])
def test_an_operation_has_at_most_32000_bytes(char, size):
    mapping = stream(event=EVENT, attributes={"a": "x"})
    sent = len(json.dumps(char, ensure_ascii=False).encode()) - 2
    bare = len(encoded(block({"id": ["1"], "x": ["x"]}), mapping).operations) - 2
    text = char * ((size - bare) // sent) + "x" * ((size - bare) % sent)

    result = encoded(block({"id": ["1"], "x": [text]}), mapping)

    if size <= trackapi.OPERATION_BYTES_MAX:
        assert result.ends.tolist() == [size + 1]
    else:
        assert refusals(result) == [(0, "operation_too_long")]
        assert result.rejected.reasons == ["the operation is 32,001 bytes; the limit is 32,000"]


def test_an_operation_that_is_too_long_leaves_the_others_as_they_were():
    columns = {"id": ["1", "2", "3"], "x": ["a", "x" * 33_000, "c"]}

    result = encoded(block(columns), stream(event=EVENT, attributes={"a": "x"}))

    assert [operation["attributes"]["a"] for operation in operations(result)] == ["a", "c"]
    assert result.piece.rows.tolist() == [0, 2]


@pytest.mark.parametrize(("count", "expected"), [(299, []), (300, []), (301, ["too_many"])])
def test_a_person_has_at_most_300_attributes_blanks_not_counted(count, expected):
    columns = {"id": ["1", "2"]} | {f"a{i}": ["x", None] for i in range(count)}

    result = encoded(block(columns), stream(attributes="*"))

    assert [rule.removesuffix("_attributes") for _, rule in refusals(result)] == expected


def test_the_other_identifiers_and_update_count_as_attributes():
    columns = {"id": ["1"], "email": ["a@x"]} | {f"a{i}": ["x"] for i in range(300)}
    person = {"id": "id", "email": "email"}

    assert rules(columns, person=person, attributes="*") == ["too_many_attributes"]
    del columns["email"]
    assert rules(columns, attributes="*", existing_only=True) == ["too_many_attributes"]


def test_a_relationship_has_at_most_300_attributes():
    columns = {"id": ["1"], "o": ["k"]} | {f"a{i}": ["x"] for i in range(301)}
    tie = TIE | {"attributes": {name: name for name in columns if name[0] == "a"}}

    assert rules(columns, relationships=[tie]) == ["too_many_attributes"]


def test_folded_rows_have_together_no_more_than_300_attributes():
    half = {f"a{i}": ["x", None] for i in range(151)} | {f"b{i}": [None, "x"] for i in range(151)}
    columns = {"id": ["1", "1"]} | half

    result = encoded(block(columns), stream(attributes="*", repeats="fold"))

    assert refusals(result) == [(0, "too_many_attributes"), (1, "too_many_attributes")]


def test_events_may_have_more_than_300_attributes():
    columns = {"id": ["1"]} | {f"a{i}": ["x"] for i in range(301)}

    assert rules(columns, event=EVENT, attributes="*") == []


def test_tokens_of_devices_may_be_longer_than_identifiers():
    device = {"token": "x", "platform": {"value": "ios"}}

    assert rules({"id": ["1"], "x": ["t" * 163]}, device=device) == []


def test_decimals_count_the_digits_they_are_sent_with():
    assert attribute(pa.array(["1" * 1000])) == ["1" * 1000]
