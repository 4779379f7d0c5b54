"""How the text of a config becomes values."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.config.document import CONFIG_BYTES_MAX, parse, read
from backfill.errors import ConfigError

words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]))
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_json_keeps_its_meaning(value):
    document = parse(json.dumps(value, ensure_ascii=False), "x")

    assert (document.content, document.complaints) == (value, [])
    assert json.dumps(document.content) == json.dumps(value)


@pytest.mark.parametrize(
    "word",
    [
        *("no", "Yes", "on", "OFF", "y", "n"),
        *("0123", "00", "+5", "1_000", "0x1F", "0o17", "12:30:45", "1.", ".5", ".inf", ".NaN"),
        *("2024-01-31", "2024-01-31T10:00:00Z", "NA", "1e", "=", "nan"),
    ],
)
def test_a_plain_word_is_text_as_written_unless_json_would_write_it_so(word):
    assert parse(f"type: {word}", "x").content == {"type": word}


@pytest.mark.parametrize(
    ("written", "value"),
    [("true", True), ("False", False), ("~", None), ("", None), ("-7", -7), ("1e3", 1000.0)],
)
def test_truth_values_nothing_and_numbers_keep_their_type(written, value):
    content = parse(f"value: {written}", "x").content

    assert content == {"value": value}
    assert type(content["value"]) is type(value)


def test_keys_are_text():
    assert parse("{1: a, no: b, 2024-01-31: c}", "x").content == {
        "1": "a",
        "no": "b",
        "2024-01-31": "c",
    }


def test_a_number_marked_as_text_is_text():
    assert parse("value: !!str 0.10", "x").content == {"value": "0.10"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: 1\nb: 2\na: 3", "key 'a' stands twice, on line 1 and on line 3"),
        ("value: no", "yes, no, on and off may mean a word or a truth value"),
        ("value: 1e400", "a number that would be rounded"),
        ("value: 12345678901234567891", "a number that would be rounded"),
        ("value: 0.12345678901234567891", "a number that would be rounded"),
        ("value: !!python/name:os.system x", "a tag other than !!str"),
        ("value: !!binary aGk=", "a tag other than !!str"),
        ("a: &a {b: 1}\nc:\n  <<: *a", "merge keys (<<) are not read"),
        ("? [a, b]\n: 1", "a key that is not text"),
    ],
)
def test_what_would_change_in_silence_is_complained_of(text, what):
    assert [complaint.what for complaint in parse(text, "x").complaints] == [what]


def test_a_quoted_yes_is_a_word():
    assert parse("value: 'yes'", "x").complaints == []


def test_an_alias_is_the_value_it_names():
    assert parse("a: &who {id: n}\nb: *who", "x").content == {"a": {"id": "n"}, "b": {"id": "n"}}


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
            for before, after in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "a: &a [*a]",
    ],
)
def test_aliases_do_not_multiply_without_bound(text):
    with pytest.raises(ConfigError, match="aliases make more than"):
        parse(text, "x")


def test_nesting_without_end_is_refused():
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse("[" * 5000, "x")


@pytest.mark.parametrize(
    ("text", "where", "fix"),
    [
        ("a: 1\nb: {c: *}", "x, line 2, column 9", 'write "*" in quotes'),
        ("a:\n\tb: 1", "x, line 2, column 1", "indent with spaces, not tabs"),
        ("format: %d", "x, line 1, column 9", "put the value in quotes"),
        ("a: [1, 2\nb: 3", "x, line 2, column 2", "mind the indentation"),
        ("a: 1\n---\nb: 2", "x, line 2, column 1", "mind the indentation"),
        ("a: 1\nb: \x00", "x, line 2", "remove the control character"),
    ],
)
def test_what_is_not_yaml_is_placed_with_line_and_column(text, where, fix):
    with pytest.raises(ConfigError) as caught:
        parse(text, "x")

    assert caught.value.where == where
    assert caught.value.fix.startswith(fix)


def test_a_missing_file_says_so(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no such config file"):
        read(tmp_path / "job.yaml")


def test_a_folder_is_not_a_config(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path)


def test_a_file_that_is_not_utf_8_names_the_line(tmp_path: Path):
    path = tmp_path / "job.yaml"
    path.write_bytes("a: 1\nb: Köln\n".encode("cp1252"))

    with pytest.raises(ConfigError) as caught:
        read(path)
    assert caught.value.where == f"{path}, line 2"


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path):
    path = tmp_path / "job.yaml"
    path.write_text("a: 1", encoding="utf-8-sig")

    assert read(path).content == {"a": 1}


def test_a_data_file_named_by_mistake_is_not_read_into_memory(tmp_path: Path):
    path = tmp_path / "contacts.csv"
    with path.open("wb") as file:
        file.truncate(CONFIG_BYTES_MAX + 1)

    with pytest.raises(ConfigError, match="larger than"):
        read(path)
