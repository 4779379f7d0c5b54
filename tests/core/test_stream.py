"""What a stream may not say, and what of it decides which operations its rows become."""

import pytest
from pydantic import ValidationError

from backfill.mapping import Field, Stream
from core.blocks import stream

PERSON = {"person": {"id": "id"}}
EVENT = {"name": "e", "timestamp": "t", "key": "k"}
TIE = {"object": {"type": "1", "id": "o"}}


@pytest.mark.parametrize(
    ("keys", "operation"),
    [
        (PERSON, ("person", "identify")),
        (PERSON | {"event": EVENT}, ("person", "event")),
        (PERSON | {"event": EVENT, "action": "page"}, ("person", "page")),
        (PERSON | {"device": {"token": "t", "platform": "p"}}, ("person", "add_device")),
        (
            PERSON | {"device": {"token": "t"}, "action": "delete_device"},
            ("person", "delete_device"),
        ),
        (PERSON | {"action": "suppress"}, ("person", "suppress")),
        ({"object": TIE["object"]}, ("object", "identify")),
        ({"merge": {"primary": {"id": "a"}, "secondary": {"id": "b"}}}, ("person", "merge")),
        ({"delivery": {"id": "d"}, "event": {"name": "opened"}}, ("delivery", "event")),
    ],
)
def test_a_stream_tells_its_operation(keys, operation):
    assert stream(**keys).operation == operation


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"person": None}, "none of them"),
        ({"object": TIE["object"], "person": {"id": "i"}}, "names person and object"),
        ({"action": "merge"}, "no action 'merge' for person"),
        ({"object": TIE["object"], "action": "suppress"}, "no action 'suppress' for object"),
        ({"object": TIE["object"], "event": EVENT}, "no action 'event' for object"),
        (
            {"delivery": {"id": "d"}, "event": {"name": "opened"}, "action": "page"},
            "no action 'page'",
        ),
        (
            {"merge": {"primary": {"id": "a"}, "secondary": {"id": "b"}}, "action": "identify"},
            "no action 'identify'",
        ),
        ({"action": "page"}, "needs event"),
        ({"action": "identify", "event": EVENT}, "takes no event"),
        ({"event": {"name": "e", "key": "k"}}, "maps event.timestamp"),
        ({"event": {"name": "e", "timestamp": "t"}}, "says event.key"),
        ({"event": {"name": "e", "timestamp": "t", "key": []}}, "says event.key"),
        ({"event": EVENT, "timestamp": "t"}, "belongs to event.timestamp"),
        ({"delivery": {"id": "d"}, "event": EVENT}, "a name only"),
        ({"campaigns": "allow"}, "campaigns belongs to events"),
        ({"action": "add_device"}, "go together"),
        ({"device": {"token": "t"}}, "add_device needs device.platform"),
        ({"action": "add_relationships"}, "needs relationships"),
        ({"action": "suppress", "relationships": [TIE]}, "takes no relationships"),
        ({"relationships": [{"person": {"id": "x"}}]}, "relationships of a person name objects"),
        (
            {"object": TIE["object"], "relationships": [TIE]},
            "relationships of an object name",
        ),
        (
            {"object": TIE["object"], "action": "identify_anonymous", "anonymous_id": "a"}
            | {"relationships": [{"person": {"id": "x"}}]},
            "takes no relationships",
        ),
        ({"action": "delete", "attributes": "*"}, "takes no attributes"),
        ({"attributes": {"total": True}}, '"*" stands for every column'),
        ({"attributes": {"*": "total"}}, '"*" stands for every column'),
        ({"object": TIE["object"], "action": "identify_anonymous"}, "anonymous_id and action"),
        ({"anonymous_id": "a"}, "anonymous_id and action"),
        ({"event": EVENT, "existing_only": True}, "existing_only belongs to"),
        ({"object": TIE["object"], "timestamp": "t"}, "timestamp belongs to"),
        ({"event": EVENT, "repeats": "fold"}, "repeats: fold belongs to identify"),
        ({"merge": {"primary": {"phone": "a"}, "secondary": {"id": "b"}}}, "merged by id, email"),
        ({"atributes": "*"}, "Extra inputs"),
        ({"name": "../x"}, "match pattern"),
    ],
)
def test_what_does_not_fit_together_is_refused(keys, complaint):
    with pytest.raises(ValidationError, match=complaint):
        stream(**keys)


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({}, "either a column or a value"),
        ({"column": "a", "value": 1}, "either a column or a value"),
        ({"column": "a", "type": "number", "format": "%Y"}, "belong to type: timestamp"),
        ({"column": "a", "timezone": ""}, "say something"),
        ({"column": "a", "format": ""}, "say something"),
    ],
)
def test_a_field_is_one_thing(keys, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Field(**keys)


def test_a_field_may_be_the_constant_null():
    assert Field(value=None).is_constant


BASE = PERSON | {"event": EVENT}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "t"},
        {"attributes": "*"},
        {"where": "a = 'b'"},
        {"blank": "unset"},
        {"id_scope": "x"},
        {"event": EVENT | {"key": "row"}},
        {"person": {"email": "id"}},
    ],
)
def test_what_decides_the_operations_is_part_of_the_meaning(change):
    assert stream(**BASE).meaning() != stream(**BASE | change).meaning()


@pytest.mark.parametrize("change", [{"source": "elsewhere/y.csv"}, {"campaigns": "allow"}])
def test_paths_and_consent_to_campaigns_are_no_part_of_the_meaning(change):
    assert stream(**BASE).meaning() == stream(**BASE | change).meaning()


def test_the_meaning_survives_being_written_and_read():
    mapping = stream(**BASE, attributes={"*": True, "a": {"column": "b", "type": "number"}})

    assert Stream.model_validate_json(mapping.model_dump_json(exclude_unset=True)) == mapping
