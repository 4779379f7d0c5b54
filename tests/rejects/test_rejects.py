"""Rejects files: every refused row exactly once, as it was, readable by our own readers."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import StorageError
from backfill.mapping import Source
from backfill.readers import find, open_file
from backfill.records import Block, Rejected
from backfill.rejects import RejectsFile

OWN = ["_file", "_row", "_rule", "_reason"]


def blocks_of(base: Path, source: Source) -> list[Block]:
    return [
        block for file in find("people", source, base) for block in open_file(file, source).blocks()
    ]


def refused(block: Block, rows: list[int] | None = None) -> Rejected:
    """All rows of the block, or some, refused."""
    if rows is None:
        rows = sorted([*block.rows.tolist(), *(fault.row for fault in block.faults)])
    count = len(rows)
    reasons = ["too long, by 3 characters"] * count
    return Rejected(block, np.array(rows, np.int64), ["value_too_long"] * count, reasons)


def reject_all(base: Path, source: Source, length: int | None = None) -> RejectsFile:
    rejects = RejectsFile(base / "rejects", "people", source, length)
    for block in blocks_of(base, source):
        rejects.append(refused(block))
    rejects.close()
    return rejects


def reread(base: Path, source: Source, path: Path) -> list[dict[str, object]]:
    again = source.model_copy(update={"path": str(path)})
    blocks = blocks_of(base, again)
    assert [fault for block in blocks for fault in block.faults] == []
    return [row for block in blocks for row in block.table.to_pylist()]


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


def test_fed_back_rejects_get_new_reasons_and_no_second_columns(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("a,_file,_row,_rule,_reason\nx,old.csv,7,r,s\n")

    (path,) = reject_all(tmp_path, Source(path="people.csv")).paths()

    assert path.read_text() == (
        'a,_file,_row,_rule,_reason\nx,people.csv,1,value_too_long,"too long, by 3 characters"\n'
    )


def test_broken_csv_rows_stand_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(
        b'a,b,c\n1,2\n"x,y",2,3,4,"5,6"\nsound,2,3\n\xff\xfe,"q""r",3\n'
    )

    (path,) = reject_all(tmp_path, Source(path="people.csv")).paths()

    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[:5] for row in rows] == [
        ["a", "b", "c", "_file", "_row"],
        ["1", "2", "", "people.csv", "1"],
        ["x,y", "2", "3,4,5,6", "people.csv", "2"],
        ["sound", "2", "3", "people.csv", "3"],
        ["\udcff\udcfe", 'q"r', "3", "people.csv", "4"],
    ]


def test_undefined_bytes_of_another_encoding_stay(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes("a;b\nü;".encode("cp1252") + b"\x81\n")

    source = Source(path="people.csv", encoding="cp1252", delimiter=";")
    (path,) = reject_all(tmp_path, source).paths()

    assert path.read_bytes().splitlines()[1].startswith(b"\xfc;\x81;people.csv;1;")


def test_a_run_is_resumed_over_rows_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"a,b\n\xff,1\n2,3\n")
    source = Source(path="people.csv")
    (block,) = blocks_of(tmp_path, source)
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    rejects.append(refused(block, [0]))
    rejects.close()

    resumed = RejectsFile(tmp_path / "rejects", "people", source, rejects.length())
    resumed.append(refused(block, [1]))
    resumed.close()

    (path,) = resumed.paths()
    assert [line[:4] for line in path.read_bytes().splitlines()] == [b"a,b,", b"\xff,1,", b"2,3,"]


def test_csv_and_tsv_files_of_one_stream_share_a_rejects_file(tmp_path: Path) -> None:
    (tmp_path / "p1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "p2.tsv").write_text("a\tb\n3,x\t4\n5\n")
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


def killed(rejects: RejectsFile) -> None:
    """Let go of the files, as the system does for a process that dies."""
    for part in rejects._parts:
        os.close(part.descriptor)


SOURCES = {
    "people.csv": b"a,b\n1,x\n2,y\n3,z\n4,q\n",
    "people.jsonl": b'{"a":1}\n{"a":2}\n{"a":3}\n{"a":4}\n',
}


def make(base: Path, name: str) -> Source:
    if name.endswith("parquet"):
        pq.write_table(pa.table({"a": [1, 2, 3, 4]}), base / name)
    else:
        (base / name).write_bytes(SOURCES[name])
    return Source(path=name)


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_after_a_kill_and_a_resume_each_row_stands_there_once(
    name: str, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        base = Path(folder)
        source = make(base, name)
        (block,) = blocks_of(base, source)
        committed = data.draw(st.integers(0, 4))
        lost = data.draw(st.integers(0, 4 - committed))
        rejects = RejectsFile(base / "rejects", "people", source, None)
        for row in range(committed):
            rejects.append(refused(block, [row]))
        length = rejects.sync()
        for row in range(committed, committed + lost):
            rejects.append(refused(block, [row]))
        if data.draw(st.booleans()):
            rejects.close()
        else:
            killed(rejects)

        resumed = RejectsFile(base / "rejects", "people", source, length)
        assert resumed.length() == length
        for row in range(committed, 4):
            resumed.append(refused(block, [row]))
        resumed.close()
        resumed.close()

        (path,) = resumed.paths()
        rows = [int(str(row["_row"])) for row in reread(base, source, path)]
        assert rows == [1, 2, 3, 4]


def test_a_resume_over_several_files_truncates_their_sum(tmp_path: Path) -> None:
    (tmp_path / "p1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "p2.csv").write_text("c,b\n3,4\n5,6\n")
    source = Source(path="p*.csv")
    first, second = blocks_of(tmp_path, source)
    lengths, contents = [], []
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    for rejected in (refused(first), refused(second, [0]), refused(second, [1])):
        rejects.append(rejected)
        lengths.append(rejects.sync())
        contents.append([path.read_text() for path in rejects.paths()])
    rejects.close()

    for length, content in reversed(list(zip(lengths, contents, strict=True))):
        resumed = RejectsFile(tmp_path / "rejects", "people", source, length)
        assert [path.read_text() for path in resumed.paths()] == content
        resumed.close()


def test_nothing_refused_makes_no_file_and_no_folder(tmp_path: Path) -> None:
    rejects = RejectsFile(tmp_path / "rejects", "people", Source(path="people.csv"), None)

    assert (rejects.sync(), rejects.paths()) == (0, [])
    rejects.close()
    assert list(tmp_path.iterdir()) == []


def test_what_was_never_committed_is_no_reject_after_a_resume(tmp_path: Path) -> None:
    source = make(tmp_path, "people.parquet")
    reject_all(tmp_path, source)

    resumed = RejectsFile(tmp_path / "rejects", "people", source, 0)
    resumed.close()

    assert resumed.paths() == []


@pytest.mark.parametrize("length", [None, 0], ids=["new run", "resumed"])
def test_a_file_that_is_not_ours_is_put_aside_and_never_lost(tmp_path: Path, length) -> None:
    for content in ("first", "second"):
        (tmp_path / "people.csv").write_text(content)
        RejectsFile(tmp_path, "people", Source(path="people.csv"), length)

    assert (tmp_path / "people.csv.earlier").read_text() == "first"
    assert (tmp_path / "people.csv.earlier2").read_text() == "second"


def test_a_new_run_keeps_the_rejects_of_the_one_before_under_another_name(tmp_path: Path) -> None:
    source = make(tmp_path, "people.csv")
    (path,) = reject_all(tmp_path, source).paths()
    before = path.read_text()

    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)

    assert rejects.paths() == []
    assert path.with_name("people.csv.earlier").read_text() == before


def test_rejects_shorter_than_committed_are_refused(tmp_path: Path) -> None:
    source = make(tmp_path, "people.csv")
    length = reject_all(tmp_path, source).length()

    with pytest.raises(StorageError, match="shorter"):
        RejectsFile(tmp_path / "rejects", "people", source, length + 1)


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])
def test_only_the_owner_may_read_rejects(tmp_path: Path, name: str) -> None:
    source = make(tmp_path, name)
    mask = os.umask(0)
    try:
        reject_all(tmp_path, source)
    finally:
        os.umask(mask)

    folder = tmp_path / "rejects"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_appending_while_another_thread_syncs_commits_only_what_is_there(tmp_path: Path) -> None:
    source = make(tmp_path, "people.csv")
    (block,) = blocks_of(tmp_path, source)
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    rejects.append(refused(block, [0]))
    lengths: list[int] = []

    def sync_often() -> None:
        lengths.extend(rejects.sync() for _ in range(20))

    thread = Thread(target=sync_often)
    thread.start()
    for _ in range(500):
        rejects.append(refused(block, [1]))
    thread.join()

    assert lengths == sorted(lengths)
    (path,) = rejects.paths()
    content = path.read_bytes()
    assert len(content) == rejects.length() == rejects.sync()
    assert all(content[:length].endswith(b"\n") for length in lengths)
    rejects.close()


FULL_DISK = """
    import resource, signal, sys
    from pathlib import Path
    import numpy as np
    from backfill.errors import StorageError
    from backfill.mapping import Source
    from backfill.readers import find, open_file
    from backfill.records import Rejected
    from backfill.rejects import RejectsFile

    base = Path(sys.argv[1])
    source = Source(path="people.csv")
    (file,) = find("people", source, base)
    (block,) = open_file(file, source).blocks()
    rejects = RejectsFile(base / "rejects", "people", source, None)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    one = Rejected(block, block.rows[:1], ["rule"], ["reason"])
    rejected = Rejected(block, block.rows, ["rule"] * 4, ["reason"] * 4)
    bound = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, bound[1]))
    try:
        rejects.append(one, rejected)
    except StorageError as error:
        print(error.what)
    resource.setrlimit(resource.RLIMIT_FSIZE, bound)
    rejects.append(rejected)
    (path,) = rejects.paths()
    print(rejects.length() == path.stat().st_size, len(path.read_text().splitlines()))
"""


def test_a_file_that_takes_no_more_is_a_storage_error_and_holds_all_rows_of_an_answer_or_none(
    tmp_path: Path,
) -> None:
    make(tmp_path, "people.csv")

    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout == "the rejects cannot be written: File too large\nTrue 5\n"


def test_rejects_that_were_edited_are_put_aside_by_a_resume_and_never_written_into(
    tmp_path: Path,
) -> None:
    source = make(tmp_path, "people.csv")
    rejects = reject_all(tmp_path, source)
    (path,), length = rejects.paths(), rejects.length()
    edited = path.read_text()[:-1] + "mended by hand\n"
    path.write_text(edited)

    resumed = RejectsFile(tmp_path / "rejects", "people", source, length)

    assert resumed.paths() == []
    assert path.with_name("people.csv.earlier").read_text() == edited
