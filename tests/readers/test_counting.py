"""Rows that are counted without being read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import SourceError
from backfill.mapping import Source
from backfill.readers import open_file
from backfill.readers.delimited import CsvReader
from backfill.readers.jsonl import JsonlReader
from backfill.records import SourceFile

cells = st.sampled_from(["a", "", " ", '"x\ny"', '""', '"a,b"', "\r", "\n", "é", "a,b"])
lines = st.sampled_from(['{"a":1}', "", "  ", "{", '{"a":1,"a":2}', "[1]", '{"a":"\\n"}', "\xe9"])


def source_file(path: Path, form: str) -> SourceFile:
    return SourceFile("s", 0, path, path.name, form)


@settings(max_examples=80, deadline=None)
@given(st.lists(cells, max_size=30), st.integers(1, 60))
def test_a_csv_file_has_as_many_rows_counted_as_read(tmp_path_factory, rows, block_bytes):
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_bytes(("a,b\n" + "\n".join(rows)).encode())
    reader = CsvReader(source_file(path, "csv"), Source(path="x"), block_bytes)

    read = sum(block.stop.row - block.start.row for block in reader.blocks())

    assert sum(reader.count()) == read
    assert sum(block.stop.row - block.start.row for block in reader.blocks()) == read


@settings(max_examples=80, deadline=None)
@given(st.lists(lines, max_size=30), st.integers(1, 60))
def test_a_jsonl_file_has_as_many_rows_counted_as_read(tmp_path_factory, rows, block_bytes):
    path = tmp_path_factory.mktemp("jsonl") / "x.jsonl"
    path.write_bytes("\n".join(rows).encode("latin-1"))
    reader = JsonlReader(source_file(path, "jsonl"), Source(path="x"), block_bytes)

    read = sum(block.stop.row - block.start.row for block in reader.blocks())

    assert sum(reader.count()) == read


def test_a_parquet_file_is_counted_by_its_footer(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": range(10)}), path, row_group_size=4)

    assert list(open_file(source_file(path, "parquet"), Source(path="x")).count()) == [4, 4, 2]


def test_a_file_whose_end_cannot_be_read_is_not_counted(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "1,2\n" * 50_000 + '3,"4\n')
    reader = open_file(source_file(path, "csv"), Source(path="x"))

    with pytest.raises(SourceError):
        sum(reader.count())


def test_a_record_that_is_cut_short_is_a_row(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"a": 1}) + '\n{"a": ')

    assert sum(open_file(source_file(path, "jsonl"), Source(path="x")).count()) == 2
