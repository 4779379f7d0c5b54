"""What is passed over because it cannot hold an identifier never held it, and keeps its count."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.inquiry.identifiers import Naming, compared, sought_in
from backfill.mapping import Source
from backfill.readers import find
from backfill.readers.delimited import CsvReader
from backfill.readers.jsonl import JsonlReader
from backfill.records import SourceFile

BY_ID, BY_EMAIL = Naming("person.id", "id", "x"), Naming("person.email", "email", "x")

identifiers = st.one_of(
    st.text(st.sampled_from("abkKzZ019@./\\\"'-_ é"), min_size=1, max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
).filter(str.strip)


def written(text: str, choices: list[int]) -> str:
    """A JSON string with some of its characters as escapes."""
    pieces = []
    for character, choice in zip(text, cycle(choices), strict=False):
        plain = json.dumps(character, ensure_ascii=False)[1:-1]
        units = character.encode("utf-16-be")
        escaped = "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
        slashed = "\\/" if character == "/" else plain
        pieces.append([plain, escaped, escaped.replace("\\u", "\\U").upper(), slashed][choice])
    return '"' + "".join(pieces).replace("\\U", "\\u") + '"'


@given(value=identifiers, choices=st.lists(st.integers(0, 3), min_size=1, max_size=6))
@settings(max_examples=400, deadline=None)
def test_a_json_text_that_holds_a_value_in_any_writing_is_wanted(value, choices):
    line = f'{{"x":{written(value, choices)}}}'
    assert json.loads(line)["x"] == value

    may_hold = sought_in([value.strip()], ignores_case=False, quote=None)

    assert may_hold is None or may_hold(line.encode())


@given(value=identifiers, other=identifiers, choices=st.lists(st.integers(0, 1), min_size=1))
@settings(max_examples=400, deadline=None)
def test_a_text_that_holds_an_email_in_any_case_is_wanted(value, other, choices):
    variants = [value, value.upper(), value.lower(), value.swapcase(), value.replace("k", "\u212a")]
    plain = compared(pl.Series([value]), BY_EMAIL)[0]
    for variant in (*variants, other):
        if compared(pl.Series([variant]), BY_EMAIL)[0] != plain:
            continue
        for quote, text in (('"', variant), (None, written(variant, choices))):
            may_hold = sought_in([value.strip()], ignores_case=True, quote=quote)

            assert may_hold is None or may_hold(text.encode())


def test_a_text_that_does_not_hold_it_is_not_wanted():
    may_hold = sought_in(["p42", "a@b.c"], ignores_case=True, quote=None)

    assert may_hold is not None
    assert not may_hold(b'{"id":"p43","note":"\\u00e9\\n"}')
    assert may_hold(b'{"id":"P42"}')


csv_text = st.text(st.sampled_from('ab,"\n\r '), max_size=80)
json_text = st.lists(
    st.sampled_from(['{"a":1}', '{"a":"x","b":2}', "", "  ", "[1]", '{"a"', ' {"a":2}']),
    max_size=12,
).map("\n".join)


def open_text(folder: str, name: str, text: str):
    path = Path(folder) / name
    path.write_bytes(text.encode())
    source = Source(path=str(path))
    (file,) = find("s", source, path.parent)
    return file, source


def places(blocks) -> set[tuple[int, int, int]]:
    return {block.start for block in blocks}


@pytest.mark.parametrize(
    ("name", "texts", "kind"),
    [("x.csv", csv_text.map("a,b\n{}".format), CsvReader), ("x.jsonl", json_text, JsonlReader)],
)
def test_blocks_that_are_passed_over_are_counted_as_if_they_were_read(name, texts, kind):
    @given(text=texts, block_bytes=st.integers(1, 40), pattern=st.lists(st.booleans(), min_size=1))
    @settings(max_examples=400, deadline=None)
    def law(text, block_bytes, pattern):
        with TemporaryDirectory() as folder:
            file, source = open_text(folder, name, text)
            try:
                every = list(kind(file, source, block_bytes).blocks())
            except Exception:
                return
            turns = cycle(pattern)
            some = list(kind(file, source, block_bytes).blocks(None, lambda _: next(turns)))

        assert places(some) <= places(every)

    law()


def test_a_file_of_which_nothing_is_wanted_yields_nothing(tmp_path):
    file, source = open_text(str(tmp_path), "x.jsonl", '{"a":1}\n' * 5)

    assert isinstance(file, SourceFile)
    assert list(JsonlReader(file, source).blocks(None, lambda _: False)) == []
