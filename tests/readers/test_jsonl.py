"""JSONL: each member's raw text, exact; broken lines become faults and nothing else is lost."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import SourceError
from backfill.mapping import Source
from backfill.readers import find, jsonl
from backfill.readers.jsonl import JsonlReader
from backfill.readers.members import member_table
from backfill.records import Block
from tests.core.blocks import raw_records


def reader(path: Path, block_bytes: int = 1 << 20, **options: object) -> JsonlReader:
    source = Source(path=str(path), **options)
    (file,) = find("people", source, path.parent)
    return JsonlReader(file, source, block_bytes)


def read(content: bytes | str, block_bytes: int = 1 << 20, **options: object) -> list[Block]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(reader(path, block_bytes, **options).blocks())


def members(blocks: list[Block]) -> list[tuple[int, dict[str, str]]]:
    """Row number and raw member texts of every sound row."""
    return [
        (int(row), {key: raw for key, raw in record.items() if raw is not None})
        for block in blocks
        for row, record in zip(block.rows, raw_records(block), strict=True)
    ]


def faults(blocks: list[Block]) -> list[tuple[int, str, bytes]]:
    return [(f.row, f.rule, f.raw) for block in blocks for f in block.faults]


def check_places(blocks: list[Block]) -> None:
    for before, block in pairwise(blocks):
        assert before.stop.row == block.start.row
    for block in blocks:
        numbers = sorted([*block.rows.tolist(), *(fault.row for fault in block.faults)])
        assert numbers == list(range(block.start.row, block.stop.row))
        assert block.table.num_rows == len(block.rows)
        assert [f.row for f in block.faults] == sorted(f.row for f in block.faults)


keys = st.text(st.sampled_from('ab":,{}\\é \n'), max_size=3)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.sampled_from('ab":,{}[]\\é \n\u2028😀'), max_size=6),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(keys, values, min_size=1, max_size=4)
styles = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : "), (",  ", ":")])


@given(
    records=st.lists(objects, max_size=10),
    style=styles,
    ascii_only=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\n\n", " \n"]),
    is_ended=st.booleans(),
    block_bytes=st.integers(1, 200),
)
@settings(max_examples=400, deadline=None)
def test_blocks_of_any_size_give_back_every_member_as_it_is_written(
    records: list[dict[str, object]],
    style: tuple[str, str],
    ascii_only: bool,
    line_end: str,
    is_ended: bool,
    block_bytes: int,
) -> None:
    lines = [json.dumps(r, ensure_ascii=ascii_only, separators=style) for r in records]
    content = line_end.join(lines) + (line_end if is_ended and lines else "")

    blocks = read(content, block_bytes)

    expected = [
        (i, {k: json.dumps(v, ensure_ascii=ascii_only, separators=style) for k, v in r.items()})
        for i, r in enumerate(records)
    ]
    assert members(blocks) == expected
    assert faults(blocks) == []
    check_places(blocks)


@given(records=st.lists(objects, min_size=1, max_size=10), block_bytes=st.integers(1, 100))
@settings(max_examples=100, deadline=None)
def test_reading_from_any_start_equals_skipping_to_it(
    records: list[dict[str, object]], block_bytes: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.jsonl"
        path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-16")
        opened = reader(path, block_bytes, encoding="utf-16")
        blocks = list(opened.blocks())

        for i, block in enumerate(blocks):
            again = list(opened.blocks(block.start))
            assert again[0].start == block.start
            assert members(again) == members(blocks[i:])


@given(records=st.lists(objects, min_size=1, max_size=8), style=styles)
@settings(max_examples=300, deadline=None)
def test_both_ways_of_cutting_members_agree(
    records: list[dict[str, object]], style: tuple[str, str]
) -> None:
    text = "".join(json.dumps(r, separators=style) + "\n" for r in records).encode()
    found = member_table(text)

    one_by_one = jsonl._read_lines(jsonl.BlockStart(0, 0), text, True)
    _, expected = jsonl._without_repeats(one_by_one)

    if style in ((",", ":"), (", ", ": ")):
        assert found is not None
    if found is not None:
        (block,) = read(text)
        assert block.unquoted == found.unquoted
        assert block.table.schema.names == expected.schema.names
        assert raw_records(block) == expected.to_pylist()


BROKEN = [
    "{",
    '{"a":1',
    '{"a":tru}',
    '{"a":01}',
    '{"a":NaN}',
    "[1]",
    "1",
    '"a"',
    "null",
    '{"a":1}{"a":2}',
    '{"a":1},',
    "{}",
    '{"a":1,"a":2}',
    '{"a":1,"b":{"c":1},"\\u0061":2}',
    '{ "a" : 1, "a" : 2}',
    '{"a":"\xff"}',
    '{"\xff":1}',
    '{"a":"\\ud800"}',
    '{"a":"\\x"}',
    "{" + '"a":{' * 5000 + "}" * 5001,
    '{"a":' + "[" * 50_000 + "]" * 50_000 + "}",
]


@given(
    lines=st.lists(
        st.sampled_from([*BROKEN, '{"a":1}', '{"b":"x","a":{"b":[1]}}', '{"c":""}', " ", "\r"])
    ),
    block_bytes=st.integers(1, 100),
)
@settings(max_examples=200, deadline=None)
def test_broken_lines_among_sound_ones_keep_their_row_numbers(
    lines: list[str], block_bytes: int
) -> None:
    records = [line for line in lines if line.strip()]
    content = "".join(line + "\n" for line in lines).encode("latin-1")

    blocks = read(content, block_bytes)

    assert faults(blocks) == [
        (i, "invalid_json", line.encode("latin-1"))
        for i, line in enumerate(records)
        if line in BROKEN
    ]
    assert [row for row, _ in members(blocks)] == [
        i for i, line in enumerate(records) if line not in BROKEN
    ]
    check_places(blocks)


def test_an_object_over_several_lines_is_no_record_even_if_the_counts_agree() -> None:
    blocks = read('{"a":1\n}\n{"b":1}{"c":2}\n')

    assert [row for row, *_ in faults(blocks)] == [0, 1, 2]


def test_a_reason_says_what_is_wrong_and_holds_no_value() -> None:
    blocks = read('{"a":"secret}\n{"a":1,"a":"secret"}\n["secret"]\n')

    reasons = [fault.reason for block in blocks for fault in block.faults]
    assert reasons == [
        "Input data was truncated",
        "the object names a member twice",
        "Expected `object`, got `array`",
    ]


def test_mixed_types_and_late_keys_are_fine() -> None:
    blocks = read('{"a":1}\n{"b":null,"a":"x"}\n{"c":1.0,"a":{"x": [1, 2]}}\n')

    assert blocks[0].table.schema.names == ["a", "b", "c"]
    assert members(blocks) == [
        (0, {"a": "1"}),
        (1, {"a": '"x"', "b": "null"}),
        (2, {"a": '{"x": [1, 2]}', "c": "1.0"}),
    ]


def test_lines_with_keys_of_their_own_make_smaller_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("backfill.readers.jsonl.CELLS_MAX", 100)
    monkeypatch.setattr("backfill.readers.members.CELLS_MAX", 100)
    blocks = read("".join(f'{{"k{i}":{i}}}\n' for i in range(50)))

    assert members(blocks) == [(i, {f"k{i}": str(i)}) for i in range(50)]
    assert max(b.table.num_rows * b.table.num_columns for b in blocks) <= 121
    check_places(blocks)


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert members(read('\ufeff{"a":1}\n')) == [(0, {"a": "1"})]


def test_bytes_that_are_no_text_in_another_encoding_stand_in_the_fault_as_in_the_file() -> None:
    blocks = read(b'{"a":"\xfc"}\n{"a":"\x81"}\n', encoding="cp1252")

    assert members(blocks) == [(0, {"a": '"ü"'})]
    assert faults(blocks) == [(1, "invalid_json", b'{"a":"\x81"}')]


def test_an_empty_file_has_no_blocks() -> None:
    assert read("") == read("\n \n") == []


def test_a_line_beyond_the_bound_stops_the_stream_at_its_row() -> None:
    with pytest.raises(SourceError) as stopped:
        read('{"a":1}\n{"a":"' + "x" * (17 << 20) + '"}\n')

    assert "row 2 (line 2)" in stopped.value.where


KEPT = '"_file":"people.jsonl","_row":7,"_rule":"invalid_json","_reason":"no end"'


def rejected(raw: str, *members: str) -> str:
    """A line of a rejects file."""
    own = [f'"_raw":{json.dumps(raw)}', KEPT, *members]
    return "{" + ",".join(own) + "}\n"


def test_a_kept_line_that_was_mended_in_its_place_is_a_record() -> None:
    blocks = read('{"id":1}\n' + rejected('{"id": 2, "score":1e400}') + '{"id":3}\n')

    assert members(blocks) == [
        (0, {"id": "1"}),
        (1, {"id": "2", "score": "1e400"}),
        (2, {"id": "3"}),
    ]
    assert faults(blocks) == []


@pytest.mark.parametrize("raw", ['{"id": 2,', '{"id":1,"id":2}', "{}", "[1]", "", "a\nb", '"x"'])
def test_a_kept_line_that_is_still_broken_is_refused_again_and_kept_as_it_was(raw: str) -> None:
    blocks = read(rejected(raw))

    ((row, rule, kept),) = faults(blocks)
    assert (row, rule, members(blocks)) == (0, "invalid_json", [])
    assert kept == (rejected(raw).strip().encode() if "\n" in raw else raw.encode())


def test_members_written_beside_a_kept_line_are_the_record() -> None:
    (block,) = read(rejected('{"id": 2,', '"id":2'))

    assert block.faults == ()
    assert members([block])[0][1]["id"] == "2"


def test_only_so_much_of_a_file_is_read_as_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    path.write_text('{"id":1}\n{"id":2}\n{"id":3')
    source = Source(path=str(path))
    (file,) = find("people", source, tmp_path)

    blocks = list(JsonlReader(replace(file, bytes_max=18), source).blocks())

    assert (members(blocks), faults(blocks)) == ([(0, {"id": "1"}), (1, {"id": "2"})], [])
