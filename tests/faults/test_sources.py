"""A source that is cut, rewritten, replaced or removed while it is read."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backfill.errors import SourceError
from backfill.mapping import Source
from backfill.pipeline.blocks import Reading, Turn, readings
from backfill.pipeline.sources import OpenFile
from backfill.readers import find, fingerprint, open_file
from backfill.readers.delimited import CsvReader
from backfill.readers.jsonl import JsonlReader
from backfill.readers.parquet import ParquetReader
from tests.end_to_end.people import ids
from tests.end_to_end.recorder import Answer, Posted, recording

from .engine import run as run_here
from .runs import here, write_job

ROWS = 4_000


def content(name: str, columns: tuple[str, str] = ("id", "value")) -> bytes:
    """A file of ROWS people; the same size whichever way round the columns stand."""
    first, second = columns
    if name.endswith(".parquet"):
        values = [f"{n:06}" for n in range(ROWS)]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({first: values, second: values}), sink, row_group_size=500)
        return sink.getvalue().to_pybytes()
    if "jsonl" in name:
        lines = (f'{{"{first}":"{n:06}","{second}":"{n:06}"}}\n' for n in range(ROWS))
    else:
        lines = (f"{n:06},{n:06}\n" for n in range(ROWS))
    text = "".join(lines) if "jsonl" in name else f"{first},{second}\n{''.join(lines)}"
    return gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode()


def opened(path: Path) -> OpenFile:
    """A file written long ago as a run opens it, read in blocks of 500 rows or fewer."""
    os.utime(path, (0, 0))
    source = Source(path=path.name)
    (file,) = find("people", source, path.parent)
    looked_like = fingerprint(path)
    match open_file(file, source):
        case ParquetReader():
            reader = ParquetReader(file, block_rows=500)
        case JsonlReader():
            reader = JsonlReader(file, source, block_bytes=4_096)
        case _:
            reader = CsvReader(file, source, block_bytes=4_096)
    return OpenFile(file, reader, looked_like)


def reading(path: Path) -> Iterator[Reading]:
    return readings([Turn(opened(path), None, None)], None)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewrite(path: Path) -> None:
    """Other columns at the same size, in place."""
    other = content(path.name, ("value", "id"))
    with path.open("r+b") as file:
        file.write(other)
        file.truncate()


def replace_by_another(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(content(path.name, ("value", "id")))
    other.replace(path)


FORMATS = ["people.csv", "people.jsonl", "people.parquet", "people.csv.gz"]


@pytest.mark.parametrize("fault", [cut, rewrite, replace_by_another, Path.unlink])
@pytest.mark.parametrize("name", FORMATS)
def test_a_source_that_changes_while_it_is_read_gives_no_block_of_what_was_written(
    tmp_path, name, fault: Callable[[Path], None]
):
    path = tmp_path / name
    path.write_bytes(content(name))
    blocks = reading(path)
    first = next(blocks).block

    fault(path)
    with pytest.raises(SourceError) as stopped:
        next(blocks)

    assert first.table.column("id")[0].as_py().strip('"') == "000000"
    assert stopped.value.what in ("the file changed after the run began", "the file is not there")
    assert name in stopped.value.where
    assert "run the same command again" in stopped.value.fix


@pytest.mark.parametrize("name", FORMATS)
def test_a_source_whose_time_alone_changes_is_read_on(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(content(name))
    blocks = reading(path)
    next(blocks)

    os.utime(path)

    assert [*blocks][-1].rows_end == ROWS


def test_a_source_cut_in_the_middle_of_a_run_stops_it_and_put_back_loses_nothing(
    tmp_path, monkeypatch
):
    path, value = tmp_path / "people.csv", "x" * 1_000
    lines = [f"p{n},{value}\n" for n in range(17_000)]  # four blocks of 4 MiB
    path.write_text("id,value\n" + "".join(lines))
    whole = path.read_bytes()
    write_job(tmp_path)
    is_first = True

    def answer(posted: Posted) -> Answer:
        if is_first and posted.number == 0:
            os.truncate(path, 8_000_000)
        return Answer()

    with recording(answer) as server:
        here(monkeypatch, server)
        overrides = ["destination.operations_per_s=1000000"]
        stopped = run_here(tmp_path / "job.yaml", overrides=overrides)
        sent = len(ids(server.accepted))
        is_first = False
        path.write_bytes(whole)
        finished = run_here(tmp_path / "job.yaml", overrides=overrides)

    assert stopped.error.what == "the file changed after the run began"
    assert stopped.counts["people"].delivered == sent < 17_000
    assert finished.counts["people"].delivered == 17_000
    assert sorted(ids(server.accepted)) == sorted(f"p{n}" for n in range(17_000))


def test_a_source_removed_before_its_turn_stops_the_run_and_put_back_loses_nothing(
    tmp_path, monkeypatch
):
    for name in "ab":
        rows = "".join(f"{name}{n},x\n" for n in range(50))
        (tmp_path / f"{name}.csv").write_text(f"id,value\n{rows}")
    write_job(tmp_path, "[a-b].csv")

    def answer(posted: Posted) -> Answer:
        if posted.number == 0:
            (tmp_path / "b.csv").rename(tmp_path / "away")
        return Answer()

    with recording(answer) as server:
        here(monkeypatch, server)
        stopped = run_here(tmp_path / "job.yaml")
        (tmp_path / "away").rename(tmp_path / "b.csv")
        finished = run_here(tmp_path / "job.yaml")

    assert "not there" in stopped.error.what
    assert finished.counts["people"].delivered == 100
    assert sorted(ids(server.accepted)) == sorted(f"{name}{n}" for name in "ab" for n in range(50))
