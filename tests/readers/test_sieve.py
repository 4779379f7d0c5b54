"""A sieve decides which rows are read, and nothing else about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.mapping import Source
from backfill.readers import find, jsonl, members
from backfill.readers.delimited import CsvReader
from backfill.readers.framing import Reader
from backfill.readers.jsonl import JsonlReader
from backfill.readers.parquet import ParquetReader
from backfill.records import Block, UInt64s
from backfill.sieve import SIEVED, Said, Sieve

Sound = dict[int, dict[str, object]]


def opened(path: Path, content: bytes, block_bytes: int, **options: object) -> Reader:
    path.write_bytes(content)
    source = Source(path=str(path), **options)
    (file,) = find("people", source, path.parent)
    made = JsonlReader if path.suffix == ".jsonl" else CsvReader
    return made(file, source, block_bytes)


def asking(parts: dict[int, int], seen: dict[int, int]) -> Sieve:
    """A sieve that says `parts` of rows, and lets through all others; seen: hashes by row."""

    def sieve(first: int, hashes: UInt64s) -> Said:
        rows = range(first, first + len(hashes))
        for row, hashed in zip(rows, hashes.tolist(), strict=True):
            assert seen.setdefault(row, hashed) == hashed
        return Said(np.array([parts.get(row, 0) for row in rows], np.uint8), hashes)

    return sieve


def sound(blocks: Iterable[Block]) -> Sound:
    """The values of every sound row, less the members that it has not."""
    return {
        int(row): {name: value for name, value in record.items() if value is not None}
        for block in blocks
        for row, record in zip(block.rows, _records(block), strict=True)
    }


def _records(block: Block) -> list[dict[str, object]]:
    columns = {
        name: [_raw(value, name in block.unquoted) for value in column.to_pylist()]
        for name, column in zip(block.table.schema.names, block.table.columns, strict=True)
    }
    return [{name: columns[name][i] for name in columns} for i in range(len(block.rows))]


def _raw(value: object, is_unquoted: bool) -> object:
    return f'"{value}"' if is_unquoted and value is not None else value


def faults(blocks: Iterable[Block]) -> dict[int, tuple[str, str, bytes]]:
    return {one.row: (one.rule, one.reason, one.raw) for block in blocks for one in block.faults}


def check(reader: Reader, parts: dict[int, int]) -> None:
    """The law: exactly the rows that were asked for, as they are without a sieve."""
    hashes: dict[int, int] = {}
    plain = list(reader.blocks())
    sifted = list(reader.blocks(sieve=asking(parts, hashes)))

    wanted = {row: record for row, record in sound(plain).items() if not parts.get(row)}
    assert sound(sifted) == wanted
    broken = {row: fault for row, fault in faults(plain).items() if not parts.get(row)}
    assert faults(sifted) == broken
    told = {(int(row), part) for one in sifted for part, rows in one.sieved.items() for row in rows}
    count = plain[-1].stop.row if plain else 0
    assert told == {(row, SIEVED[code]) for row, code in parts.items() if code and row < count}
    _check_places(sifted, hashes)
    if plain:
        assert sifted[-1].stop.row == count
    for block in sifted:
        left = list(reader.blocks(block.stop, sieve=asking(parts, {})))
        assert sound(left) == {row: one for row, one in wanted.items() if row >= block.stop.row}


def _check_places(blocks: list[Block], hashes: dict[int, int]) -> None:
    """Places join, and every row of one is in exactly one block there, with its hash.

    Rows that have too many keys for one block are in several that reach over the same rows.
    """
    places = [list(some) for _, some in groupby(blocks, lambda block: (block.start, block.stop))]
    for before, after in pairwise(places):
        assert before[0].stop.row == after[0].start.row
    for here in places:
        numbers = range(here[0].start.row, here[0].stop.row)
        assert sorted(row for block in here for row in _numbers(block)) == list(numbers)
        for block in here:
            assert block.row_count == len(_numbers(block))
            assert block.hashes is not None
            assert block.hashes.tolist() == [hashes[row] for row in block.rows.tolist()]


def _numbers(block: Block) -> list[int]:
    parts = [block.rows, *block.sieved.values(), np.array([f.row for f in block.faults], int)]
    assert all((np.diff(some) > 0).all() for some in parts)
    return [int(row) for some in parts for row in some]


parts = st.dictionaries(st.integers(0, 14), st.sampled_from([0, 1, 1, 2]), max_size=15)
sizes = st.integers(1, 120)

cells = st.sampled_from(
    [
        "",
        "x",
        "é€",
        "😀",
        '""',
        '"a,b"',
        '"a\nb"',
        '"a\r\nb"',
        '"say ""hi"""',
        'in"side',
        " ",
        "\ufeff",
    ]
)
csv_records = st.one_of(
    st.tuples(cells, cells).map(lambda pair: ",".join(pair).encode()),
    st.tuples(cells, cells).map(lambda pair: ",".join(pair).encode()),
    st.sampled_from([b"", b"only one", b"1,2,3", b"\xff\xfe,x", b"x,\xc3"]),
)


@given(
    records=st.lists(csv_records, max_size=15),
    ends=st.lists(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]), min_size=16, max_size=16),
    has_end=st.booleans(),
    has_mark=st.booleans(),
    parts=parts,
    block_bytes=sizes,
)
@settings(max_examples=100, deadline=None)
def test_rows_of_csv_are_the_same_whichever_others_are_left_out(
    records, ends, has_end, has_mark, parts, block_bytes
):
    lines = [b"a,b", *records]
    content = b"".join(line + end for line, end in zip(lines, ends, strict=False))
    if not has_end:
        content = content.removesuffix(ends[len(records)])
    content = b"\xef\xbb\xbf" * has_mark + content
    with TemporaryDirectory() as folder:
        check(opened(Path(folder) / "people.csv", content, block_bytes), parts)


@given(
    records=st.lists(st.sampled_from([b"x;1", b"'a;\n';2", b";", b"\xe4;\xfc", b"x"]), max_size=9),
    parts=parts,
    block_bytes=sizes,
)
@settings(max_examples=40, deadline=None)
def test_so_are_those_of_other_dialects(records, parts, block_bytes):
    content = b"\n".join([b"a;b", *records])
    told = {"delimiter": ";", "quote": "'", "encoding": "cp1252"}
    with TemporaryDirectory() as folder:
        check(opened(Path(folder) / "people.csv", content, block_bytes, **told), parts)


json_lines = st.sampled_from(
    [
        b'{"id":1}',
        b'{"id":"1","a":"x"}',
        b'{"a":"x","id":"2"}',
        b' {"id":"3", "n":{"a":[1,null,"x"]}} ',
        b'{"id":"\\u00fc\\n","b":null}',
        b'{"id":"4","k1":1,"k2":2,"k3":3,"k4":4}',
        b'{"id":"5","k5":"x","k6":1.50,"k7":1e5}',
        b"",
        b"  ",
        b"\r",
        b'{"id":"6","a":1}\r',
        b"{broken",
        b"[1]",
        b"{}",
        b'{"id":1,"id":2}',
        b'{"id":"\xff"}',
        '{"id":"ü😀"}'.encode(),
        b'{"_raw":"{\\"id\\":1}"}',
    ]
)


@given(
    lines=st.lists(json_lines, max_size=15),
    has_end=st.booleans(),
    has_mark=st.booleans(),
    parts=parts,
    block_bytes=sizes,
    cells_max=st.sampled_from([1, 4, 12, 4_000_000]),
)
@settings(max_examples=120, deadline=None)
def test_rows_of_jsonl_are_the_same_whichever_others_are_left_out(
    lines, has_end, has_mark, parts, block_bytes, cells_max
):
    content = b"\xef\xbb\xbf" * has_mark + b"\n".join(lines) + b"\n" * has_end
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "CELLS_MAX", cells_max)
        patch.setattr(members, "CELLS_MAX", cells_max)
        check(opened(Path(folder) / "people.jsonl", content, block_bytes), parts)


@given(
    groups=st.lists(st.integers(0, 5), max_size=4),
    block_rows=st.integers(1, 4),
    parts=parts,
    has_columns=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_rows_of_parquet_are_the_same_whichever_others_are_left_out(
    groups, block_rows, parts, has_columns
):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        schema = pa.schema([("n", pa.int64()), ("l", pa.list_(pa.int8())), ("b", pa.binary())])
        with pq.ParquetWriter(path, schema) as writer:
            for size in groups:
                rows = [{"n": n or None, "l": [n], "b": b"\xff"} for n in range(size)]
                writer.write_table(pa.Table.from_pylist(rows, schema))
        (file,) = find("people", Source(path=str(path)), path.parent)
        check(ParquetReader(file, block_rows), parts)


def hashes_of(column: pa.Array) -> list[int]:
    """What a sieve is told of the rows of a Parquet file with one column."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        pq.write_table(pa.table({"n": column}), path)
        (file,) = find("people", Source(path=str(path)), path.parent)
        seen: dict[int, int] = {}
        list(ParquetReader(file).blocks(sieve=asking({}, seen)))
        return list(seen.values())


MS = 1_700_000_000_000
TIME = dt.datetime(2023, 11, 14, 22, 13, 20)


@pytest.mark.parametrize(
    ("some", "others"),
    [
        (pa.array([MS]), pa.array([MS], pa.timestamp("ms"))),
        (pa.array([MS]), pa.array([MS], pa.timestamp("ms", "UTC"))),
        (pa.array([TIME], pa.timestamp("ms", "UTC")), pa.array([TIME], pa.timestamp("ms"))),
        (pa.array([MS], pa.timestamp("ms")), pa.array([MS], pa.timestamp("us"))),
        (pa.array([True, False]), pa.array([1, 0])),
        (pa.array([Decimal("1.00")]), pa.array([Decimal("100")])),
        (pa.array([1.0]), pa.array([1])),
        (pa.array(["x"]), pa.array([b"x"])),
        (pa.array([[1, 2]]), pa.array(["[1,2]"])),
        (pa.array([{"a": 1}]), pa.array(['{"a":1}'])),
        (pa.array([19_000]), pa.array([19_000], pa.int32()).cast(pa.date32())),
    ],
)
def test_equal_bits_of_another_type_are_another_row(some, others):
    assert not set(hashes_of(some)) & set(hashes_of(others))


def test_nulls_and_the_column_a_value_stands_in_make_another_row(tmp_path):
    pairs = [(None, "x"), ("x", None), (None, None), ("", None), (None, ""), ("x", "x"), ("", "")]
    rows = [dict(zip("ab", pair, strict=True)) for pair in pairs]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "people.parquet")
    (file,) = find("people", Source(path="people.parquet"), tmp_path)
    seen: dict[int, int] = {}
    list(ParquetReader(file).blocks(sieve=asking({}, seen)))

    assert len(set(seen.values())) == len(rows)


def test_a_row_has_the_same_hash_wherever_it_stands_in_a_file(tmp_path):
    """Or every insertion would make all rows behind it look new."""
    lines = [b"%d,x%d" % (n, n) for n in range(300)]
    for name, some in (("whole", lines), ("less", lines[7:])):
        content = b"\n".join([b"a,b", *some, b""])
        seen: dict[int, int] = {}
        reader = opened(tmp_path / f"{name}.csv", content, 64)
        list(reader.blocks(sieve=asking({}, seen)))
        if name == "whole":
            before = seen

    assert list(seen.values()) == list(before.values())[7:]


def test_a_million_rows_have_a_million_hashes():
    """Of 64 bits, or a row that changed could pass for another that did not."""
    texts = pl.Series([f"{n},x".encode() for n in range(1_000_000)])
    table = pl.DataFrame({"a": range(1_000_000), "b": 0}).with_columns(b=pl.col("a") % 1000)

    assert texts.hash().n_unique() == 1_000_000
    assert table.hash_rows().n_unique() == 1_000_000
