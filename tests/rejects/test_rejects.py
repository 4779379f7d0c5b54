"""Rejects files: every refused row exactly once, as it was, readable by our own readers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.mapping import Source
from backfill.rejects import RejectsFile

from .rows import OWN, blocks_of, refused, reject_all, reread

texts = st.text(st.sampled_from('",;\t|\n\r aéüx0=-'), max_size=6)


@given(
    rows=st.lists(st.lists(texts, min_size=3, max_size=3), min_size=1, max_size=6),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"]),
    delimiter=st.sampled_from([None, ";", "\t", "|"]),
    quote=st.sampled_from(['"', "'"]),
    has_header=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_csv_rejects_are_read_back_with_the_same_options(
    rows: list[list[str]], encoding: str, delimiter: str | None, quote: str, has_header: bool
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter or ",", quotechar=quote)
    writer.writerows([["a", "b", "c"]] * has_header + rows)
    with TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "people.csv").write_bytes(out.getvalue().encode(encoding))
        source = Source(
            path="people.csv",
            encoding=encoding,
            delimiter=delimiter,
            quote=quote,
            columns=None if has_header else ["a", "b", "c"],
        )

        (path,) = reject_all(base, source).paths()

        assert path.name == "people.csv"
        assert [list(row.values())[:3] for row in reread(base, source, path)] == [
            [cell or None for cell in row] for row in rows
        ]
        assert [list(row.values())[3:] for row in reread(base, source, path)] == [
            ["people.csv", str(i + 1), "value_too_long", "too long, by 3 characters"]
            for i in range(len(rows))
        ]


def test_fed_back_rejects_get_new_reasons_and_keep_their_first_place(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("a,_file,_row,_rule,_reason\nx,old.csv,7,r,s\n")

    (path,) = reject_all(tmp_path, Source(path="people.csv")).paths()

    assert path.read_text() == (
        'a,_file,_row,_rule,_reason\nx,old.csv,7,value_too_long,"too long, by 3 characters"\n'
    )


def test_broken_csv_rows_stand_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(
        b'a,b,c\n1,2\n"x,y",2,3,4,"5,6"\nsound,2,3\n\xff\xfe,"q""r",3\n'
    )

    (path,) = reject_all(tmp_path, Source(path="people.csv")).paths()

    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[:-2] for row in rows] == [
        ["a", "b", "c", "_file", "_row"],
        ["1", "2", "people.csv", "1"],
        ["x,y", "2", "3", "4", "5,6", "people.csv", "2"],
        ["sound", "2", "3", "people.csv", "3"],
        ["\udcff\udcfe", 'q"r', "3", "people.csv", "4"],
    ]


def test_a_broken_csv_row_that_nobody_mended_is_broken_again(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("a,b,c\n1,2\n1,2,3,4\n1,2,3\n")
    source = Source(path="people.csv")
    (path,) = reject_all(tmp_path, source).paths()
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "people.csv").write_bytes(path.read_bytes())

    (block,) = blocks_of(tmp_path / "again", source)
    (twice,) = reject_all(tmp_path / "again", source).paths()

    assert [fault.rule for fault in block.faults] == ["ragged_row"] * 2
    assert twice.read_text() == path.read_text()


def test_undefined_bytes_of_another_encoding_stay(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes("a;b\nü;".encode("cp1252") + b"\x81\n")

    source = Source(path="people.csv", encoding="cp1252", delimiter=";")
    (path,) = reject_all(tmp_path, source).paths()

    assert path.read_bytes().splitlines()[1].startswith(b"\xfc;\x81;people.csv;1;")


def test_csv_and_tsv_files_of_one_stream_share_a_rejects_file(tmp_path: Path) -> None:
    (tmp_path / "p1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "p2.tsv").write_text("a\tb\n3,x\t4\n5\t\n")
    source = Source(path="p*")

    (path,) = reject_all(tmp_path, source).paths()

    assert path.name == "people.csv"
    assert [list(row.values())[:3] for row in reread(tmp_path, source, path)] == [
        ["1", "2", "p1.csv"],
        ["3,x", "4", "p2.tsv"],
        ["5", None, "p2.tsv"],
    ]


def test_without_a_quote_character_our_own_cells_need_none(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text('a,b\n"x,y"\n')
    source = Source(path="people.csv", quote="")

    (path,) = reject_all(tmp_path, source).paths()

    (row,) = reread(tmp_path, source, path)
    assert (row["a"], row["b"], row["_reason"]) == ('"x', 'y"', "too long  by 3 characters")


def test_a_file_with_new_columns_starts_a_second_rejects_file(tmp_path: Path) -> None:
    (tmp_path / "p1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "p2.csv").write_text("c,b\n3,4\n")
    source = Source(path="p*.csv")
    first, second = blocks_of(tmp_path, source)
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    for block in (first, second, first):
        rejects.append(refused(block))
    rejects.close()

    one, two = rejects.paths()
    assert (one.name, two.name) == ("people.csv", "people+2.csv")
    assert [list(row.values())[:2] for row in reread(tmp_path, source, one)] == [["1", "2"]]
    assert [
        [row["a"], row["b"], row["c"], row["_file"]] for row in reread(tmp_path, source, two)
    ] == [[None, "4", "3", "p2.csv"], ["1", "2", None, "p1.csv"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_jsonl_members_stay_as_written_and_broken_lines_stand_under_raw(
    tmp_path: Path, encoding: str
) -> None:
    lines = ['{"a":"\\u00e9", "n": 1.0, "o": {"x": [1, 2]}}', '{"ü":null}', '{"a":"ü', "[1]"]
    (tmp_path / "people.jsonl").write_text("\n".join(lines), encoding=encoding)
    source = Source(path="people.jsonl", encoding=encoding)

    (path,) = reject_all(tmp_path, source).paths()

    written = path.read_text(encoding=encoding).splitlines()
    assert written[0].startswith('{"a":"\\u00e9","n":1.0,"o":{"x": [1, 2]},"_file":"people.jsonl"')
    assert [json.loads(line).get("_raw") for line in written] == [None, None, '{"a":"ü', "[1]"]
    assert [json.loads(line)["_row"] for line in written] == [1, 2, 3, 4]
    assert [row.get("_rule") for row in reread(tmp_path, source, path)] == ['"value_too_long"'] * 4


def test_bytes_that_are_no_text_are_shown_in_raw(tmp_path: Path) -> None:
    (tmp_path / "people.jsonl").write_bytes(b'{"a":"\xff"}\n')

    (path,) = reject_all(tmp_path, Source(path="people.jsonl")).paths()

    assert json.loads(path.read_text())["_raw"] == '{"a":"\\xff"}'


def test_parquet_rejects_keep_their_types_in_a_file_for_each_schema(tmp_path: Path) -> None:
    one = pa.table({"n": pa.array([1, 2], pa.int32()), "o": [{"x": [1]}, None]})
    two = pa.table({"n": pa.array(["a"])})
    pq.write_table(one, tmp_path / "p1.parquet")
    pq.write_table(two, tmp_path / "p2.parquet")
    source = Source(path="p*.parquet")
    first, second = blocks_of(tmp_path, source)
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    for rejected in (refused(first, [1]), refused(second), refused(first, [0])):
        rejects.append(rejected)
    rejects.close()

    assert [path.name for path in rejects.paths()] == ["people.parquet", "people+2.parquet"]
    found = pq.read_table(rejects.paths()[0])
    assert found.schema.names == ["n", "o", *OWN]
    assert found.schema.field("n").type == pa.int32()
    assert found.select(["n", "o", "_row"]).to_pylist() == [
        {"n": 2, "o": None, "_row": 2},
        {"n": 1, "o": {"x": [1]}, "_row": 1},
    ]
    assert len(reread(tmp_path, source, rejects.paths()[1])) == 1
    assert not list((tmp_path / "rejects").glob("*.draft"))
