"""Files of another format than they are read as say what they are."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backfill.errors import MappingError
from backfill.mapping import Source
from backfill.readers import find, open_file

CSV = b"id;name\n1;Ann\n2;Bob\n"
JSONL = b'{"id": 1}\n{"id": 2}\n'


def parquet() -> bytes:
    found = io.BytesIO()
    pq.write_table(pa.table({"id": ["1"]}), found)
    return found.getvalue()


def zipped(name: str) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        archive.writestr(name, "content")
    return found.getvalue()


def opened(folder: Path, name: str, content: bytes, **source: str):
    (folder / name).write_bytes(content)
    given = Source(path=name, **source)
    [file] = find("s", given, folder)
    return open_file(file, given)


@pytest.mark.parametrize(
    ("name", "content", "what", "fix"),
    [
        ("a.jsonl", CSV, "looks like CSV, not jsonl", "format: csv"),
        ("a.jsonl", b"\n\nid,name\n1,Ann\n", "looks like CSV", "format: csv"),
        ("a.jsonl.gz", gzip.compress(CSV, mtime=0), "looks like CSV", "format: csv"),
        ("a.jsonl", parquet(), "is Parquet, not jsonl", "format: parquet"),
        ("a.jsonl", b'[{"id": 1},\n{"id": 2}]\n', "one JSON array", "a line of its own"),
        ("a.csv", parquet(), "is Parquet, not csv", "format: parquet"),
        ("a.csv", JSONL, "looks like JSON lines, not csv", "format: jsonl"),
        ("a.csv", zipped("xl/workbook.xml"), "a spreadsheet of Excel", "export it as CSV"),
        ("a.csv", zipped("people.csv"), "a zip archive", "unpack it"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "Excel", "as CSV"),
        ("a.csv", gzip.compress(CSV, mtime=0), "compressed by gzip", "end in .gz"),
        ("a.parquet", CSV, "looks like CSV, not parquet", "format: csv"),
        ("a.parquet", JSONL, "looks like JSON lines, not parquet", "format: jsonl"),
        ("a.parquet", b"", "the file is empty", "export it again"),
    ],
)
def test_a_file_of_another_format_says_what_it_is(tmp_path, name, content, what, fix):
    with pytest.raises(MappingError) as caught:
        opened(tmp_path, name, content)

    assert what in caught.value.what
    assert fix in caught.value.fix
    assert name in caught.value.where


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b""),
        ("a.jsonl", b'{"id": 1, broken\nnothing\n'),
        ("a.jsonl", b'one, broken line\n{"id": 1}\n'),
        ("a.jsonl", b'\xef\xbb\xbf{"id": 1}\n'),
        ("a.csv", b"id\n1\n"),
        ("a.csv", b'"{""id"": 1}",name\n1,x\n'),
        ("a.csv", b"PK,name\n1,x\n"),
        ("a.csv.gz", gzip.compress(CSV, mtime=0)),
        ("a.parquet", parquet()),
    ],
)
def test_a_file_of_its_own_format_is_opened_whatever_its_rows_are(tmp_path, name, content):
    assert opened(tmp_path, name, content).columns != ()


def test_what_is_said_of_the_format_goes_before_the_name(tmp_path):
    assert opened(tmp_path, "a.jsonl", CSV, format="csv", delimiter=";").columns == ("id", "name")


def test_text_in_another_encoding_is_looked_at_as_text(tmp_path):
    with pytest.raises(MappingError, match="looks like CSV"):
        opened(tmp_path, "a.jsonl", "id,name\n1,Ann\n".encode("utf-16"), encoding="utf-16")
