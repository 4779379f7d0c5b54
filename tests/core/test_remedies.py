"""What a reason is about, and that the change proposed for it is one and mends the row."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

import backfill
from backfill.config import load
from backfill.mapping import Stream
from backfill.records import Form
from backfill.remedies import RULES, columns_of, field_of, remedy
from backfill.remedies.proposals import _MAKERS

from .blocks import block, encoded, refusals, stream

#: Calls whose arguments name a rule.
_NAMING = {"Problem", "Bound", "Fault", "refuse", "limit", "_judged", "_Conversion"}


def rules_in_code() -> set[str]:
    """Every rule that the code refuses rows by: snake case in a call or beside `rule =`."""
    found = {"api"}
    for path in Path(backfill.__file__).parent.rglob("*.py"):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                found |= _rules(node.args) if name in _NAMING else set()
            if isinstance(node, ast.Assign) and "rule" in ast.dump(node.targets[0]):
                found |= _rules(getattr(node.value, "elts", [node.value]))
    return found


def _rules(nodes: list[ast.expr]) -> set[str]:
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return {text for text in texts if text.replace("_", "").isalnum() and "_" in text}


def test_every_rule_has_a_field_and_a_proposal():
    assert rules_in_code() == set(RULES)
    assert set(_MAKERS) | {"not_a_timestamp"} == set(RULES)


EVENT = {"name": {"column": "kind"}, "timestamp": "at", "key": ["a", "b"]}
TIE = {"object": {"type": "1", "id": "o"}, "attributes": {"role": {"column": "r", "type": "json"}}}
BAD = float("inf")


def typed(value, kind=None):
    return pa.array([value], kind)


#: Rule, stream, the cells of one row, the field its reason is about; whether the change mends it.
CASES = [
    ("not_a_number", {"attributes": {"a b": {"column": "x", "type": "number"}}}, {"x": "n"},
     "attributes.a b", True),
    ("not_an_integer", {"attributes": {"x": {"column": "x", "type": "integer"}}}, {"x": "1.5"},
     "attributes.x", True),
    ("not_a_boolean", {"attributes": {"x": {"column": "x", "type": "boolean"}}}, {"x": "so so"},
     "attributes.x", True),
    ("not_a_boolean", {"attributes": "*"}, {"unsubscribed": "so so"},
     "attributes.unsubscribed", False),
    ("not_json", {"relationships": [TIE]}, {"o": "7", "r": "{"},
     "relationships.0.attributes.role", True),
    ("no_json_form", {"attributes": "*"}, {"x": BAD}, "attributes.x", True),
    ("value_too_long", {"attributes": "*"}, {"x y": "n" * 1001}, "attributes.x y", True),
    ("value_too_long", {"attributes": {"x": "x"}}, {"x": "n" * 1001}, "attributes.x", False),
    ("too_many_attributes", {"attributes": "*"}, {f"c{n}": "n" for n in range(301)},
     "attributes", False),
    ("operation_too_long", {"attributes": "*"}, {f"c{n}": "n" * 900 for n in range(40)},
     "", False),
    ("not_a_timestamp", {"attributes": {"*": True, "x": {"column": "x", "type": "timestamp"}}},
     {"x": "31/12/2024"}, "attributes.x", True),
    ("no_timezone", {"attributes": "*"}, {"created_at": "2024-12-31 10:00"},
     "attributes.created_at", True),
    ("no_such_time", {"attributes": {"x": {"column": "x", "timezone": "Europe/Berlin"}}},
     {"x": "2024-03-31 02:30"}, "attributes.x", True),
    ("timestamp_in_milliseconds", {"event": EVENT}, {"kind": "k", "at": "1700000000000", "a": "1"},
     "event.timestamp", True),
    ("timestamp_too_late", {"attributes": {"x": {"column": "x", "type": "timestamp"}}},
     {"x": "9999-12-31T00:00:00Z"}, "attributes.x", True),
    ("not_a_timestamp", {"timestamp": "at"}, {"at": "31/12/2024"}, "timestamp", True),
    ("no_event_name", {"event": EVENT}, {"kind": "", "at": "1", "a": "1"}, "event.name", True),
    ("event_name_too_long", {"event": EVENT}, {"kind": "n" * 101, "at": "1", "a": "1"},
     "event.name", False),
    ("no_event_time", {"event": EVENT, "where": "a = '1'"}, {"kind": "k", "at": "", "a": "1"},
     "event.timestamp", True),
    ("before_1970", {"event": EVENT}, {"kind": "k", "at": "-1", "a": "1"},
     "event.timestamp", False),
    ("no_event_key", {"event": EVENT}, {"kind": "k", "at": "1", "a": "", "b": ""},
     "event.key", True),
    ("no_text_form", {"event": EVENT}, {"kind": "k", "at": "1", "a": b"\xff"},
     "event.key", True),
    ("young_event", {"event": EVENT, "campaigns": "refuse"},
     {"kind": "k", "at": "1699999999", "a": "1"}, "event.timestamp", True),
    ("no_identifier", {"person": {"id": "id", "email": "order"}}, {"id": "", "order": ""},
     "person", True),
    ("no_identifier", {"object": {"type": "1", "id": "o"}}, {"o": ""}, "object", True),
    ("identifier_too_long", {}, {"id": "n" * 151}, "person.id", False),
    ("not_an_identifier", {}, {"id": True}, "person.id", False),
    ("not_an_object_type", {"object": {"type": {"column": "t"}, "id": "o"}}, {"t": "x", "o": "7"},
     "object.type", False),
    ("no_relationship", {"action": "add_relationships", "relationships": [TIE]},
     {"o": "", "r": ""}, "relationships", True),
    ("unknown_platform", {"device": {"token": "t", "platform": "p"}}, {"t": "t", "p": "windows"},
     "device.platform", True),
    ("no_identifier", {"device": {"token": "t", "platform": "p"}}, {"t": "", "p": "ios"},
     "device.token", True),
    ("merge_into_itself", {"merge": {"primary": {"id": "a"}, "secondary": {"id": "b"}}},
     {"a": "1", "b": "1"}, "merge", True),
    ("unknown_delivery_event",
     {"delivery": {"id": "d"}, "event": {"name": {"column": "kind"}}, "attributes": "*"},
     {"d": "1", "kind": "sent", "device_token": "t"}, "event.name", True),
    ("no_since", {"since": "x"}, {"x": ""}, "since", True),
    ("no_timezone", {"since": {"column": "x", "overlap": "2h"}}, {"x": "2024-12-31 10:00"}, "since",
     True),
    ("not_a_timestamp", {"since": "x"}, {"x": "31/12/2024"}, "since", True),
    ("not_an_integer", {"since": {"column": "x", "type": "integer"}}, {"x": "1.5"}, "since", False),
    ("where_unreadable", {"where": "CAST(x AS INTEGER) > 1"}, {"x": "n"}, "where", False),
]  # fmt: skip


def of_row(cells) -> object:
    types = {name: typed(value).type for name, value in cells.items()}
    is_text = all(isinstance(value, str) for value in cells.values())
    columns = {name: [value] for name, value in {"id": "i", **cells}.items()}
    return block(columns, Form.TEXT if is_text else Form.TYPED, types=types)


def changed(mapping: Stream, text: str) -> dict[str, object]:
    """The stream as it stands in a config, with what is proposed pasted into it."""
    content = mapping.model_dump(exclude_unset=True)
    for key, value in (yaml.safe_load(text) or {}).items():
        content[key] = content[key] | value if key == "attributes" else value
    return content


def loaded(content: dict[str, object], folder: Path) -> Stream:
    job = {"destination": {"region": "us"}, "streams": [content]}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False))
    return load(folder / "job.yaml").streams[0]


@pytest.mark.parametrize(("rule", "keys", "cells", "field", "is_mended"), CASES)
def test_a_proposal_is_config_and_mends_what_it_is_for(
    tmp_path, rule, keys, cells, field, is_mended
):
    mapping, row = stream(**keys), of_row(cells)
    before = encoded(row, mapping)
    text = remedy(rule, field_of(rule, before.rejected.reasons[0]), mapping)
    after = encoded(row, loaded(changed(mapping, text), tmp_path))

    assert refusals(before) == [(0, rule)]
    assert field_of(rule, before.rejected.reasons[0]) == field
    assert bool(yaml.safe_load(text)) == is_mended
    assert refusals(after) == ([] if is_mended else [(0, rule)])


def test_what_json_records_alone_can_break_is_mended_too(tmp_path):
    mapping = stream(attributes="*")
    row = block({"id": ['"i"'], "_x": ["1"]}, Form.JSON)
    before = encoded(row, mapping)
    field = field_of("refused_name", before.rejected.reasons[0])
    text = remedy("refused_name", field, mapping)
    after = encoded(row, loaded(changed(mapping, text), tmp_path))

    assert (refusals(before), field) == ([(0, "refused_name")], "attributes._x")
    assert text.startswith("exclude: [")
    assert refusals(after) == []


@pytest.mark.parametrize(
    ("rule", "reason", "field", "key"),
    [
        ("invalid_encoding", "not text in utf-8", "source.encoding", "encoding"),
        ("invalid_json", "the line holds bytes that are no text in the file's encoding",
         "source.encoding", "encoding"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_mended_in_the_source(tmp_path, rule, reason, field, key):
    mapping = stream(source={"path": "x.csv", "delimiter": ";"})
    change = yaml.safe_load(remedy(rule, field_of(rule, reason), mapping))
    after = loaded(mapping.model_dump(exclude_unset=True) | change, tmp_path)

    assert field_of(rule, reason) == field
    assert getattr(after.source, key) != getattr(mapping.source, key)
    assert after.source.delimiter == ";"


@pytest.mark.parametrize(
    ("shape", "written"),
    [
        ("99.99.9999", "%d.%m.%Y"),
        ("9/99/9999 9:99", "%d/%m/%Y %H:%M"),
        ("99/99/9999 99:99:99", "%d/%m/%Y %H:%M:%S"),
        ("9999/99/99", "%Y/%m/%d"),
        ("aaa", "%d/%m/%Y"),
    ],
)
def test_the_form_of_a_time_is_told_by_a_mask(shape, written):
    mapping = stream(event=EVENT)
    change = yaml.safe_load(remedy("not_a_timestamp", "event.timestamp", mapping, shape))

    assert change["event"]["timestamp"]["format"] == written


def test_no_other_form_is_proposed_where_most_rows_have_the_one_they_are_read_by():
    mapping = stream(person={"id": "id"}, attributes={"at": {"column": "at", "type": "timestamp"}})
    change = yaml.safe_load(
        remedy("not_a_timestamp", "attributes.at", mapping, "99/99/9999", are_few=True)
    )

    assert change["attributes"]["at"]["on_error"] == "omit"
    assert "format" not in change["attributes"]["at"]


def test_a_day_that_does_not_exist_needs_no_other_form():
    mapping = stream(event=EVENT)

    assert remedy("not_a_timestamp", "event.timestamp", mapping, "9999-99-99").startswith("#")


@pytest.mark.parametrize(
    ("reason", "field"),
    [
        ("invalid attributes.notes: property value cannot be longer", "attributes.notes"),
        ("required name: must be present; invalid attributes.x: no", "event.name"),
        ("required action", "action"),
        ("no reason given", ""),
        ("Bad Request", ""),
    ],
)
def test_the_api_names_its_field_itself(reason, field):
    assert field_of("api", reason) == field


def test_a_field_tells_the_columns_it_reads():
    mapping = stream(
        person={"id": "contact", "email": "mail"}, event=EVENT, attributes={"*": True, "t": "total"}
    )

    assert columns_of("person", mapping) == ["contact", "mail"]
    assert columns_of("identifiers.email", mapping) == ["mail"]
    assert columns_of("event.key", mapping) == ["a", "b"]
    assert columns_of("attributes.t", mapping) == ["total"]
    assert columns_of("attributes.other", mapping) == ["other"]
    assert columns_of("", mapping) == []


@pytest.mark.parametrize("name", ["1e5", "yes", "a: b", 'a "b"', "Größe", "a\x85b", "null"])
def test_any_name_of_a_column_is_written_as_yaml_reads_it(tmp_path, name):
    mapping = stream(attributes={name: {"column": name, "type": "number"}})
    text = remedy("not_a_number", f"attributes.{name}", mapping)
    (tmp_path / "job.yaml").write_text(
        f'destination: {{region: us}}\nstreams:\n- name: s\n  source: "x.csv"\n'
        f"  person: {{id: id}}\n  {text}\n"
    )

    field = load(tmp_path / "job.yaml").streams[0].named_attributes[name]

    assert (field.column, field.on_error) == (name, "omit")
    assert json.loads(json.dumps(text)) == text
