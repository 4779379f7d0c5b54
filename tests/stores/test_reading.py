"""What is read of an object is what is read of the same file."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.mapping import Source
from backfill.readers import content, find, fingerprint, open_file
from backfill.readers.parquet import open_parquet
from backfill.records import Block
from backfill.remote import RangedFile, RemotePath

from .store import BUCKET, Store, uri

ROWS = 3_000


def files() -> dict[str, tuple[bytes, dict[str, str]]]:
    """Contents by name, and the options of their sources; in each of text a broken row."""
    rows = [{"id": f"p{n:05}", "note": "é" * (n % 50)} for n in range(ROWS)]
    lines = [f"{row['id']},{row['note']}\n" for row in rows]
    text = "id,note\n" + "".join([*lines[:100], "ragged\n", *lines[100:]])
    objects = "".join([json.dumps(row) + "\n" for row in rows] + ["{\n"])
    parquet = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), parquet, row_group_size=700)
    zst = pa.compress(text.encode(), codec="zstd", asbytes=True)
    return {
        "a.csv": (text.encode(), {}),
        "b.csv": (text.encode("cp1252"), {"encoding": "cp1252"}),
        "c.csv": (text.encode("utf-16"), {"encoding": "utf-16"}),
        "d.tsv.gz": (gzip.compress(text.replace(",", "\t").encode()), {}),
        "e.csv.zst": (zst, {}),
        "f.jsonl": (objects.encode(), {}),
        "g.jsonl.gz": (gzip.compress(objects.encode()), {}),
        "h.parquet": (parquet.getvalue(), {}),
        "empty.csv": (b"", {}),
    }


def read(base: Path, path: str, options: dict[str, str]) -> list[tuple[object, ...]]:
    source = Source(path=path, **options)
    (file,) = find("people", source, base)
    return [told(block) for block in open_file(file, source).blocks()]


def told(block: Block) -> tuple[object, ...]:
    faults = [(fault.row, fault.rule, fault.reason, fault.raw) for fault in block.faults]
    return block.start, block.stop, block.table.to_pydict(), block.rows.tolist(), faults


@pytest.mark.parametrize("name", files())
def test_every_format_gives_the_same_rows_and_the_same_faults(tmp_path, store: Store, name):
    body, options = files()[name]
    (tmp_path / name).write_bytes(body)
    store.put(name, body)

    assert read(tmp_path, uri(name), options) == read(tmp_path, name, options)


@pytest.mark.parametrize("size", [0, 1, 393_216, 393_217, 3_000_000, 8_388_608, 8_388_609])
def test_a_fingerprint_is_of_the_content_alone_wherever_it_stands(tmp_path, store: Store, size):
    path = tmp_path / "file"
    path.write_bytes(bytes(n * n % 251 for n in range(1_000)) * (size // 1_000 + 1))
    with path.open("r+b") as file:
        file.truncate(size)
    store.put("file", path.read_bytes())
    there = RemotePath("s3", BUCKET, "file")

    assert fingerprint(there).digest == fingerprint(path).digest
    assert fingerprint(there).size == size
    assert content(there) == content(path)


def test_a_large_object_is_read_by_few_requests(store: Store):
    store.put("file", bytes(20 << 20))
    there = RemotePath("s3", BUCKET, "file")

    store.asked.clear()
    content(there)
    of_content = store.count("GET"), store.count("HEAD")
    store.asked.clear()
    fingerprint(there)

    assert of_content == (4, 1)  # a short range, then 8 MiB each
    assert (store.count("GET"), store.count("HEAD")) == (66, 1)


@pytest.mark.parametrize(("bytes_max", "gets_max"), [(64 << 20, 3), (1 << 20, 20)])
def test_row_groups_are_fetched_whole_or_in_pieces_and_give_the_same_rows(
    store: Store, bytes_max, gets_max
):
    table = pa.table({name: np.random.default_rng(7).random(200_000) for name in ("a", "b")})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=200_000)
    store.put("file", sink.getvalue())

    with open_parquet(RemotePath("s3", BUCKET, "file"), bytes_max) as parquet:
        found = pa.Table.from_batches(parquet.iter_batches(10_000, [0]))

    assert found == table
    assert store.count("GET") <= gets_max


def test_an_object_that_is_written_again_in_the_same_second_is_another_one(store: Store):
    there = RemotePath("s3", BUCKET, "file")
    store.put("file", b"abc")
    before = there.stat()
    unchanged = there.stat()

    store.put("file", b"xyz")

    assert before == unchanged
    assert before.st_size == there.stat().st_size
    assert before != there.stat()


STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "seek", "skip"]), st.integers(0, 400)), max_size=30
)


@given(data=st.binary(max_size=300), steps=STEPS)
def test_a_ranged_file_is_a_file(data, steps):
    plain = io.BytesIO(data)
    with RangedFile(pa.BufferReader(data), len(data), range_bytes=16, first_bytes=5) as ranged:
        for step, size in steps:
            if step == "read":
                assert ranged.read(size) == plain.read(size)
            elif step == "seek":
                assert ranged.seek(size) == plain.seek(size)
            else:
                assert ranged.seek(size, io.SEEK_CUR) == plain.seek(size, io.SEEK_CUR)
            assert ranged.tell() == plain.tell()
