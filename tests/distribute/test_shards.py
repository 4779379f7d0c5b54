"""Streams cut into shards: every row in one of them, none in two, whatever the file looks like."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill import readers
from backfill.distribute.parts import turn_of
from backfill.distribute.shards import Shard, Sizes, by_share, shards, sizes, whole
from backfill.distribute.shared import Shared
from backfill.ledger import Ledger
from backfill.mapping import Stream
from backfill.pipeline.blocks import readings, turns
from backfill.pipeline.sources import OpenFile, OpenStream
from backfill.readers import layout
from backfill.readers.delimited import CsvReader
from backfill.readers.jsonl import JsonlReader
from backfill.records import SourceFile

CELL = st.text(alphabet='a",\n;é', max_size=12)


def opened(path, block_bytes=64) -> OpenStream:
    """A stream of one file, whose blocks are tiny."""
    form = path.suffix[1:]
    stream = Stream.model_validate(
        {"name": "s", "source": str(path), "person": {"id": "id"}, "attributes": "*"}
    )
    file = SourceFile("s", 0, path, path.name, form)
    if form == "csv":
        reader = CsvReader(file, stream.source, block_bytes)
    elif form == "jsonl":
        reader = JsonlReader(file, stream.source, block_bytes)
    else:
        reader = readers.open_file(file, stream.source)
    return OpenStream(stream, None, (OpenFile(file, reader, readers.fingerprint(path)),))


def cut(stream: OpenStream, size: int) -> list[Shard]:
    return list(shards(turns(stream, Ledger()), Sizes(size, size)))


def rows_of(stream: OpenStream, found: list[Shard]) -> list[tuple[int, str]]:
    """The number and the first cell of each record that workers read of the shards."""
    rows = []
    for shard in found:
        for one in shard.cuts:
            for reading in readings([turn_of(stream.stream, shard, one)], None):
                if (block := reading.block) is not None:
                    values = block.table.column(0).to_pylist()
                    rows += zip(block.rows.tolist(), map(str, values), strict=True)
                    rows += [(fault.row, "fault") for fault in block.faults]
    return rows


@settings(deadline=None)
@given(
    cells=st.lists(st.tuples(CELL, st.booleans()), max_size=60),
    end=st.sampled_from(["\n", "\r\n"]),
    size=st.integers(1, 400),
)
def test_a_csv_is_cut_at_record_ends_whatever_its_quotes_hold(tmp_path_factory, cells, end, size):
    path = tmp_path_factory.mktemp("cut") / "s.csv"
    written = [
        f'"{value.replace(chr(34), 2 * chr(34))}"' if is_quoted or set(value) & set('",\n')
        else value
        for value, is_quoted in cells
    ]  # fmt: skip
    path.write_bytes(
        ("id,n" + end + "".join(f"{c},{i}{end}" for i, c in enumerate(written))).encode()
    )
    stream = opened(path)

    found = cut(stream, size)
    whole_file = (
        rows_of(stream, [Shard(1, found[0].cuts)])
        if len(found) == 1
        else rows_of(stream, [whole(found)])
    )

    assert rows_of(stream, found) == whole_file
    assert [row for row, _ in whole_file] == list(range(len(cells)))


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize("size", [1, 500, 3_000, 10**9])
def test_shards_of_other_formats_hold_each_row_once_and_say_how_many(tmp_path, ending, size):
    path = tmp_path / f"s.{ending}"
    rows = [{"id": f"p{n}", "n": n} for n in range(500)]
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=64)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    stream = opened(path)

    found = cut(stream, size)

    assert [row for row, _ in rows_of(stream, found)] == list(range(500))
    assert [shard.number for shard in found] == list(range(1, len(found) + 1))
    known = [shard.rows for shard in found if shard.rows is not None]
    assert len(found) == 1 or sum(known) == 500


def test_a_run_that_goes_on_cuts_only_what_is_not_done(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps({"id": f"p{n}"}) + "\n" for n in range(500)))
    stream, ledger = opened(path), Ledger()
    for block in stream.files[0].reader.blocks():
        if block.stop.row > 300:
            break
        ledger.read(block)
        ledger.filtered(block.file, np.arange(block.start.row, block.stop.row), "where")

    found = list(shards(turns(stream, ledger), Sizes(500, 500)))

    rows = [row for row, _ in rows_of(stream, found)]
    assert rows[0] == found[0].cuts[0].first > 200
    assert rows == list(range(rows[0], 500))


def test_shares_of_the_entities_hold_whole_files(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps({"id": f"p{n}"}) + "\n" for n in range(500)))

    found = by_share(cut(opened(path), 500), 3)

    assert [shard.share for shard in found] == [(0, 3), (1, 3), (2, 3)]
    assert all(len(shard.cuts) == 1 and shard.cuts[0].stop is None for shard in found)


def test_files_that_are_enough_for_all_workers_are_not_read_to_be_cut(tmp_path):
    for n in range(16):
        (tmp_path / f"s{n}.jsonl").write_text('{"id": "p"}\n' * 150_000)  # 1.8 MB
    files = [opened(tmp_path / f"s{n}.jsonl").files[0] for n in range(16)]
    stream = replace(opened(tmp_path / "s0.jsonl"), files=tuple(files))

    for_two = list(shards(turns(stream, Ledger()), sizes(stream, 2)))
    for_ten = list(shards(turns(stream, Ledger()), sizes(stream, 10)))

    assert [shard.rows for shard in for_two] == [None] * 16
    assert len(for_ten) > 16
    assert sum(shard.rows for shard in for_ten) == 16 * 150_000


@given(
    st.lists(st.lists(st.integers(1, 2**64 - 1), max_size=30, unique=True), min_size=1, max_size=6)
)
def test_entities_of_several_shards_are_found_and_no_others(parts):
    shared = Shared()
    found = [
        shared.add(number, np.sort(np.array(some, np.uint64)))
        for number, part in enumerate(parts, 1)
        for some in (part[::2], part[1::2], part[:3])  # in pieces, some of them again
    ]
    is_found = any(found) or shared.any()
    shared.close()

    everybody = [key for part in parts for key in part]
    assert is_found == (len(set(everybody)) < len(everybody))


@settings(max_examples=500)
@given(st.text(alphabet='a",\n\r;b', max_size=200).map(str.encode))
def test_lines_are_taken_for_records_only_where_they_are(text):
    found = layout.lines(text, ",", '"')
    if found is None:
        return
    quoted = layout.quoted_cells(text, ",", '"')

    assert found.is_open == quoted.is_open
    assert found.end == layout.last_record_end(text, quoted)
    if not found.is_open:
        assert len(layout.record_starts(text, quoted)) == found.whole + (found.end < len(text))
