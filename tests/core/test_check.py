"""A stream held against the columns of a file, before anything is sent; and what "*" takes."""

import pytest

from backfill.errors import MappingError
from backfill.operations import check
from backfill.records import Form
from core.blocks import block, encoded, operations, raw, refusals, stream

EVENT = {"name": "e", "timestamp": "t", "key": "k"}
COLUMNS = ["id", "t", "k", "a", "recipient"]
TIE = {"object": {"type": "1", "id": "a"}}


def test_a_stream_whose_columns_are_all_there_passes():
    check(stream(event=EVENT, attributes="*", where="a = '1'", exclude=["a"]), COLUMNS, "x.csv")


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"person": {"id": "nope"}}, "person.id"),
        ({"attributes": {"x": "nope"}}, "attributes.x"),
        ({"timestamp": "nope"}, "timestamp"),
        ({"event": EVENT | {"key": ["k", "nope"]}}, "event.key"),
        ({"event": EVENT | {"timestamp": "nope"}}, "event.timestamp"),
        ({"event": EVENT | {"name": {"column": "nope"}}}, "event.name"),
        ({"relationships": [{"object": {"type": "1", "id": "nope"}}]}, "relationships.0.object.id"),
        ({"relationships": [TIE | {"attributes": {"r": "nope"}}]}, "relationships.0.attributes.r"),
        ({"device": {"token": "nope", "platform": "a"}}, "device.token"),
        ({"merge": {"primary": {"id": "a"}, "secondary": {"id": "nope"}}}, "merge.secondary.id"),
        ({"where": "nope = 'x'"}, "where"),
        ({"attributes": "*", "exclude": ["nope"]}, "exclude"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_its_place(keys, path):
    with pytest.raises(MappingError) as caught:
        check(stream(**keys), COLUMNS, "x.csv")

    assert "no column 'nope' in x.csv" in caught.value.what
    assert caught.value.where == f"stream s, {path}"
    assert "recipient" in caught.value.fix


@pytest.mark.parametrize(
    "name",
    ["cio_id", "anonymous_id", "_created_in_customerio_at", "timezone_valid", "_x", "", "é" * 76],
)
@pytest.mark.parametrize("columns", [None, COLUMNS])
def test_names_that_are_no_attributes_of_people_are_refused(name, columns):
    with pytest.raises(MappingError, match="attribute name"):
        check(stream(attributes={name: "a"}), columns, "x")


@pytest.mark.parametrize("name", ["cio_object_id", "object_id", "objectId", "relationship", "_x"])
def test_names_that_are_no_attributes_of_objects_are_refused(name):
    with pytest.raises(MappingError, match="attribute name"):
        check(stream(object={"type": "1", "id": "id"}, attributes={name: "a"}), COLUMNS, "x")


def test_a_refused_name_among_the_columns_that_the_star_takes_is_refused():
    with pytest.raises(MappingError, match="cio_id"):
        check(stream(attributes="*"), ["id", "cio_id"], "x.csv")


def test_a_refused_name_may_be_excluded():
    check(stream(attributes="*", exclude=["cio_id"]), ["id", "cio_id"], "x.csv")


def test_a_name_of_a_relationships_attribute_is_checked_too():
    with pytest.raises(MappingError, match="152 bytes"):
        check(stream(relationships=[TIE | {"attributes": {"é" * 76: "a"}}]), COLUMNS, "x")


def test_events_may_use_the_names_that_people_may_not():
    check(stream(event=EVENT, attributes={"_x": "a", "cio_id": "a"}), COLUMNS, "x")


@pytest.mark.parametrize("name", ["created_at", "unsubscribed", "cio_subscription_preferences"])
def test_a_typed_name_takes_no_other_type(name):
    with pytest.raises(MappingError, match="always of type"):
        check(stream(attributes={name: {"column": "a", "type": "text"}}), COLUMNS, "x")


@pytest.mark.parametrize("columns", [None, COLUMNS])
@pytest.mark.parametrize(
    ("field", "what"),
    [
        ({"timezone": "Europe"}, "no time zone"),
        ({"timezone": "Mars/Base"}, "no time zone"),
        ({"format": "%d/%m"}, "no form of a whole time"),
        ({"format": "soon"}, "no form of a whole time"),
    ],
)
def test_a_zone_or_format_that_does_not_exist_is_refused(field, what, columns):
    with pytest.raises(MappingError, match=what):
        check(stream(attributes={"x": {"column": "a", **field}}), columns, "x")


@pytest.mark.parametrize("columns", [None, COLUMNS])
def test_a_condition_that_is_not_understood_is_refused(columns):
    with pytest.raises(MappingError, match="not understood"):
        check(stream(where="upper(a) = 'X'"), columns, "x")


def star(columns, **keys):
    rows = block({name: ["1"] for name in columns})
    return set(operations(encoded(rows, stream(**keys)))[0].get("attributes", ()))


def test_the_star_takes_what_the_stream_does_not_use_elsewhere_nor_excludes():
    columns = ["id", "email", "o", "role", "when", "ssn", "city", "total", "status"]
    keys = {
        "person": {"id": "id", "phone": "email"},
        "relationships": [{"object": {"type": "1", "id": "o"}, "attributes": {"role": "role"}}],
        "timestamp": "when",
        "attributes": {"*": True, "amount": "total"},
        "exclude": ["ssn"],
        "where": "status != 'deleted'",
    }

    assert star(columns, **keys) == {"phone", "amount", "city", "status"}


def test_the_star_takes_no_field_of_an_event_and_never_its_overrides():
    columns = ["id", "t", "k", "n", "a", "recipient", "from_address", "reply_to"]
    event = EVENT | {"name": {"column": "n"}}

    assert star(columns, event=event, attributes="*") == {"a"}
    named = {"*": True, "recipient": "recipient"}
    assert star(columns, event=event, attributes=named) == {"a", "recipient"}


def test_the_star_takes_no_field_of_a_device():
    rows = block({"id": ["1"], "tok": ["t"], "os": ["ios"], "seen": ["5"], "v": ["2"]})
    device = {"token": "tok", "platform": "os", "last_used": "seen"}

    found = operations(encoded(rows, stream(device=device, attributes="*")))[0]
    assert found["device"]["attributes"] == {"v": "2"}


def test_a_column_named_as_an_identifier_that_another_column_maps_is_refused():
    mapping = stream(person={"id": "id", "email": "mail"}, attributes="*")

    with pytest.raises(MappingError, match="'email' is that of an identifier"):
        check(mapping, ["id", "mail", "email"], "x")
    check(
        stream(person={"id": "id", "email": "mail"}, attributes={"email": "a"}),
        ["id", "mail", "a"],
        "x",
    )


def test_a_relationships_attribute_may_be_named_as_an_identifier():
    check(stream(relationships=[TIE | {"attributes": {"id": "a"}}]), COLUMNS, "x")


def test_a_json_member_named_as_an_identifier_that_another_member_maps_is_refused():
    columns = {"id": raw("1", "2"), "mail": raw("a@x", "b@x"), "email": raw("c@x", ...)}
    mapping = stream(person={"id": "id", "email": "mail"}, attributes="*")

    assert refusals(encoded(block(columns, Form.JSON), mapping)) == [(0, "refused_name")]


def test_the_token_of_a_delivery_is_text():
    delivery = {"delivery": {"id": "id"}, "event": {"name": "opened"}}
    rows = block({"id": raw("d"), "device_token": raw(12)}, Form.JSON)

    found = operations(encoded(rows, stream(**delivery, attributes="*")))
    assert found[0]["attributes"] == {"device_token": "12"}


def test_the_columns_of_a_rejects_file_are_no_attributes():
    own = {"_file": ["a.csv"], "_row": ["7"], "_rule": ["r"], "_reason": ["why"]}

    found = operations(encoded(block({"id": ["1"], "b": ["x"]} | own), stream(attributes="*")))
    assert found[0]["attributes"] == {"b": "x"}


def test_json_records_answer_for_the_refused_names_they_have():
    columns = {"id": raw("1", "2", "3"), "_z": raw(..., 1, None), "cio_id": raw(..., ..., "x")}

    found = encoded(block(columns, Form.JSON), stream(attributes="*"))
    assert refusals(found) == [(1, "refused_name"), (2, "refused_name")]
    assert operations(found)[0]["identifiers"] == {"id": "1"}


def test_json_columns_that_a_block_does_not_have_are_absent():
    mapping = stream(attributes={"a": "nope", "b": "id"}, blank="unset", where="nope IS BLANK")

    found = operations(encoded(block({"id": raw("1")}, Form.JSON), mapping))
    assert found[0]["attributes"] == {"b": "1"}


def test_values_of_devices_are_texts_whatever_their_type():
    device = {"token": "id", "platform": {"value": "ios"}}
    attributes = {
        "push_enabled": {"column": "p", "type": "boolean"},
        "seen": {"column": "s", "type": "timestamp"},
        "app_version": {"value": 5},
    }

    rows = block({"id": ["t"], "p": ["Yes"], "s": ["1970-01-01T00:00:05Z"]})
    found = operations(encoded(rows, stream(device=device, attributes=attributes)))[0]
    assert found["device"]["attributes"] == {
        "push_enabled": "true",
        "seen": "5",
        "app_version": "5",
    }


@pytest.mark.parametrize("on_error", ["omit", "keep"])
def test_a_time_of_attributes_that_is_unreadable_is_never_sent_as_something_else(on_error):
    rows = block({"id": ["1", "2"], "t": ["soon", "5"]})

    found = operations(encoded(rows, stream(timestamp="t", on_error=on_error)))
    assert [operation.get("timestamp") for operation in found] == [None, 5]


def test_what_stands_in_place_of_a_header_is_shown_by_its_shape():
    with pytest.raises(MappingError) as caught:
        check(stream(person={"id": "id"}), ["17", "bob@example.com", "+49 1", "plan"], "x.csv")

    assert caught.value.fix == "use one of: 99, aaa@aaaaaaa.aaa, +99 9, plan"
