"""What stands there when a run begins or goes on: its own rows, once each, and whose else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import StorageError
from backfill.mapping import Source
from backfill.rejects import RejectsFile
from backfill.resumption import Extent

from .rows import blocks_of, contents, make, refused, reject_all, reread


def killed(rejects: RejectsFile) -> None:
    """Let go of the files, as the system does for a process that dies."""
    for part in rejects._parts:
        os.close(part.descriptor)


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
        extent = rejects.sync()
        for row in range(committed, committed + lost):
            rejects.append(refused(block, [row]))
        if data.draw(st.booleans()):
            rejects.close()
        else:
            killed(rejects)

        resumed = RejectsFile(base / "rejects", "people", source, extent)
        assert resumed.extent == extent
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
    extents, contents = [], []
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    for rejected in (refused(first), refused(second, [0]), refused(second, [1])):
        rejects.append(rejected)
        extents.append(rejects.sync())
        contents.append([path.read_text() for path in rejects.paths()])
    rejects.close()

    for extent, content in reversed(list(zip(extents, contents, strict=True))):
        resumed = RejectsFile(tmp_path / "rejects", "people", source, extent)
        assert [path.read_text() for path in resumed.paths()] == content
        resumed.close()


def test_a_run_is_resumed_over_rows_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"a,b\n\xff,1\n2,3\n")
    source = Source(path="people.csv")
    (block,) = blocks_of(tmp_path, source)
    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)
    rejects.append(refused(block, [0]))
    rejects.close()

    resumed = RejectsFile(tmp_path / "rejects", "people", source, rejects.extent)
    resumed.append(refused(block, [1]))
    resumed.close()

    (path,) = resumed.paths()
    assert [line[:4] for line in path.read_bytes().splitlines()] == [b"a,b,", b"\xff,1,", b"2,3,"]


def test_what_was_never_committed_is_no_reject_after_a_resume(tmp_path: Path) -> None:
    source = make(tmp_path, "people.parquet")
    reject_all(tmp_path, source)

    resumed = RejectsFile(tmp_path / "rejects", "people", source, Extent())
    resumed.close()

    assert resumed.paths() == []


@pytest.mark.parametrize("extent", [None, Extent()], ids=["new run", "resumed"])
def test_a_file_that_is_not_ours_is_put_aside_and_never_lost(tmp_path: Path, extent) -> None:
    for content in ("first", "second"):
        (tmp_path / "people.csv").write_text(content)
        rejects = RejectsFile(tmp_path, "people", Source(path="people.csv"), extent)

    assert rejects.aside == [tmp_path / "people.csv.earlier2"]
    assert (tmp_path / "people.csv.earlier").read_text() == "first"
    assert (tmp_path / "people.csv.earlier2").read_text() == "second"


def test_a_new_run_keeps_the_rejects_of_the_one_before_under_another_name(tmp_path: Path) -> None:
    source = make(tmp_path, "people.csv")
    (path,) = reject_all(tmp_path, source).paths()
    before = path.read_text()

    rejects = RejectsFile(tmp_path / "rejects", "people", source, None)

    assert rejects.paths() == []
    assert path.with_name("people.csv.earlier").read_text() == before


def edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"too long", b"mended  "))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])
@pytest.mark.parametrize("change", [edited, cut, Path.unlink])
def test_rejects_that_are_not_as_the_run_left_them_stop_it_and_stay_as_they_are(
    tmp_path: Path, name: str, change: Callable[[Path], None]
) -> None:
    source, folder = make(tmp_path, name), tmp_path / "rejects"
    extent = reject_all(tmp_path, source).extent
    change(folder / name.replace("parquet", "spool"))
    before = contents(folder)

    with pytest.raises(StorageError, match=r"not as this run left them[\s\S]*put them back"):
        RejectsFile(folder, "people", source, extent)

    assert contents(folder) == before


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])
def test_another_jobs_rejects_are_not_taken_for_the_runs_own_and_not_touched(
    tmp_path: Path, name: str
) -> None:
    source, folder = make(tmp_path, name), tmp_path / "rejects"
    (block,) = blocks_of(tmp_path, source)
    first = RejectsFile(folder, "people", source, None)
    first.append(refused(block, [0]))
    first.close()
    second = RejectsFile(folder, "people", source, None)
    for row in (1, 2):  # the first of them is as long as the one of the first job
        second.append(refused(block, [row]))
    second.close()
    before = contents(folder)

    with pytest.raises(StorageError, match=r"NAME\.earlier by a job that shares the folder"):
        RejectsFile(folder, "people", source, first.extent)

    assert contents(folder) == before
