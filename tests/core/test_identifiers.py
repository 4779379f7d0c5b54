"""Who a row is about."""

import pyarrow as pa
import pytest

from backfill.records import Form
from core.blocks import attribute, block, encoded, operations, raw, refusals, stream

BOTH = {"person": {"id": "id", "email": "email"}}


def identifiers(columns, form=Form.TEXT, types=None, **keys):
    result = encoded(block(columns, form, types=types), stream(**keys))
    return [operation["identifiers"] for operation in operations(result)], refusals(result)


def test_the_first_that_is_not_blank_names_the_row_in_the_order_written():
    columns = {"id": ["1", None, "  ", None], "email": ["a@x", "b@x", "c@x", " \t"]}

    found, refused = identifiers(columns, **BOTH)
    assert found == [{"id": "1"}, {"email": "b@x"}, {"email": "c@x"}]
    assert refused == [(3, "no_identifier")]
    swapped, _ = identifiers(columns, person={"email": "email", "id": "id"})
    assert swapped[0] == {"email": "a@x"}


def test_the_others_become_attributes_except_cio_id():
    columns = {"id": ["1"], "email": ["a@x"], "phone": ["+1"], "c": ["abc"]}
    person = {"cio_id": "c", "id": "id", "email": "email", "phone": "phone"}

    operation = operations(encoded(block(columns), stream(person=person)))[0]
    assert operation["identifiers"] == {"cio_id": "abc"}
    assert operation["attributes"] == {"id": "1", "email": "a@x", "phone": "+1"}
    turned = {"id": "id", "cio_id": "c"}
    assert "attributes" not in operations(encoded(block(columns), stream(person=turned)))[0]


def test_the_others_are_sent_with_identify_only():
    columns = {"id": ["1"], "email": ["a@x"]}
    event = {"name": "e", "timestamp": {"value": 5}, "key": "id"}

    for keys in ({"event": event}, {"action": "delete"}, {"action": "suppress"}):
        operation = operations(encoded(block(columns), stream(**BOTH, **keys)))[0]
        assert "a@x" not in str(operation)


def test_a_named_attribute_wins_over_another_identifier():
    columns = {"id": ["1"], "email": ["a@x"], "work": ["w@x"]}

    result = encoded(block(columns), stream(**BOTH, attributes={"email": "work"}))
    assert operations(result)[0]["attributes"] == {"email": "w@x"}


def test_identifiers_are_text_as_the_source_writes_it():
    columns = {"id": raw("007", 42, 12345678901234567890, "a b")}

    found, _ = identifiers(columns, Form.JSON)
    assert [each["id"] for each in found] == ["007", "42", "12345678901234567890", "a b"]


def test_whole_floats_are_identifiers_without_a_point():
    found, _ = identifiers({"id": [42.0, 2.0]}, Form.TYPED)

    assert found == [{"id": "42"}, {"id": "2"}]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([float("nan")]),
        pa.array([float("inf")]),
        pa.array([2.0**53]),
        pa.array([True]),
        pa.array([b"a"]),
        pa.array([["a"]]),
    ],
    ids=str,
)
def test_what_cannot_name_anybody_rejects_its_row(values):
    columns = {"id": values, "email": ["a@x"]}

    assert identifiers(columns, Form.TYPED, **BOTH) == ([], [(0, "not_an_identifier")])


@pytest.mark.parametrize("value", [True, False, ["a"], {"a": 1}])
def test_what_the_api_takes_for_no_identifier_rejects_its_row(value):
    columns = {"id": raw(value), "email": raw("a@x")}

    assert identifiers(columns, Form.JSON, **BOTH) == ([], [(0, "not_an_identifier")])


@pytest.mark.parametrize("text", ["1e400", '"\\ud800"'])
def test_json_that_servers_cannot_read_names_nobody(text):
    columns = {"id": [text], "email": raw("a@x")}

    assert identifiers(columns, Form.JSON, **BOTH) == ([], [(0, "not_an_identifier")])


def test_a_null_and_an_absent_member_name_nobody():
    columns = {"id": raw(None, "", " ", ...)}

    assert identifiers(columns, Form.JSON)[1] == [(i, "no_identifier") for i in range(4)]


def test_an_object_is_named_by_type_and_id_or_by_what_the_api_made():
    columns = {"id": ["k", None], "c": ["cio1", "cio2"]}

    found, refused = identifiers(columns, object={"type": 2, "id": "id"})
    assert found == [{"object_type_id": "2", "object_id": "k"}]
    assert refused == [(1, "no_identifier")]
    assert identifiers(columns, object={"cio_object_id": "c"})[0][1] == {"cio_object_id": "cio2"}


@pytest.mark.parametrize("kind", ["0", "01", "a", "1.0", "\u0661", " ", None])
def test_the_type_of_an_object_is_a_whole_number_from_1(kind):
    columns = {"id": ["k"], "t": [kind], "p": ["1"]}
    named = {"type": {"column": "t"}, "id": "id"}
    tied = {"person": {"id": "p"}, "relationships": [{"object": named}]}

    assert identifiers(columns, object=named)[1] == [(0, "not_an_object_type")]
    assert identifiers(columns, **tied)[1] == [(0, "not_an_object_type")]


def test_a_relationship_with_a_blank_id_is_none():
    columns = {"id": ["1", "2", "3"], "a": ["k", None, " "], "b": [None, "m", None]}
    ties = [{"object": {"type": "1", "id": name}} for name in ("a", "b")]

    result = operations(encoded(block(columns), stream(relationships=ties)))
    found = [[tie["identifiers"]["object_id"] for tie in operation.get("cio_relationships", [])]
             for operation in result]  # fmt: skip
    assert found == [["k"], ["m"], []]
    assert "cio_relationships" not in result[2]


def test_adding_no_relationship_is_refused():
    columns = {"id": ["1", "2"], "a": ["k", None]}
    keys = {"action": "add_relationships", "relationships": [{"object": {"type": 1, "id": "a"}}]}

    assert identifiers(columns, **keys)[1] == [(1, "no_relationship")]


def test_nobody_is_merged_into_themselves():
    columns = {"a": ["A@x", "1"], "b": ["a@X", "2"]}
    merge = {"primary": {"email": "a"}, "secondary": {"email": "b"}}

    assert refusals(encoded(block(columns), stream(merge=merge))) == [(0, "merge_into_itself")]


def test_entities_are_equal_by_type_kind_and_value_and_emails_without_case():
    columns = {"a": ["x@X", "X@x", "y", "Y"]}

    def keys(**subject):
        return encoded(block(columns), stream(**subject, action="delete")).keys.ravel().tolist()

    by_email, by_id = keys(person={"email": "a"}), keys(person={"id": "a"})
    by_type = keys(object={"type": "1", "id": "a"})
    assert len(set(by_email)) == 2
    assert len(set(by_id)) == 4
    assert not set(by_id) & set(by_email) | set(by_id) & set(by_type)


def test_a_blank_event_name_is_refused_also_of_spaces():
    event = {"name": {"column": "n"}, "timestamp": {"value": 5}, "key": "id"}

    result = encoded(block({"id": ["1", "2"], "n": [" ", None]}), stream(event=event))
    assert refusals(result) == [(0, "no_event_name"), (1, "no_event_name")]


def test_an_identifier_of_another_attribute_is_untouched():
    assert attribute(["x" * 151]) == ["x" * 151]
