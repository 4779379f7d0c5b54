"""Parquet: the file's own types, any row groups, resumable anywhere."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import ConfigError, SourceError
from backfill.mapping import Source
from backfill.readers import find
from backfill.readers.parquet import ParquetReader
from backfill.records import Block, Form


def reader(path: Path, block_rows: int = 1 << 16) -> ParquetReader:
    (file,) = find("orders", Source(path=str(path)), path.parent)
    return ParquetReader(file, block_rows)


def values(blocks: list[Block]) -> list[tuple[int, object]]:
    return [
        (int(row), value)
        for block in blocks
        for row, value in zip(block.rows, block.table.column("n").to_pylist(), strict=True)
    ]


@given(groups=st.lists(st.integers(0, 7), max_size=6), block_rows=st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_rows_come_once_in_order_from_any_start_whatever_the_row_groups(
    groups: list[int], block_rows: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "orders.parquet"
        numbers = iter(range(100))
        with pq.ParquetWriter(path, pa.schema([("n", pa.int64())])) as writer:
            for size in groups:
                column = pa.array([next(numbers) for _ in range(size)], pa.int64())
                writer.write_table(pa.table({"n": column}))
        opened = reader(path, block_rows)
        blocks = list(opened.blocks())

        assert values(blocks) == [(i, i) for i in range(sum(groups))]
        assert all(block.form is Form.TYPED for block in blocks)
        for i, block in enumerate(blocks):
            assert block.stop.row - block.start.row == block.table.num_rows == len(block.rows)
            assert values(list(opened.blocks(block.start))) == values(blocks[i:])
            assert values(list(opened.blocks(block.stop))) == values(blocks[i + 1 :])


texts = ["a", None, "b"]


@pytest.mark.parametrize(
    ("kind", "given_values", "plain"),
    [
        (pa.dictionary(pa.int32(), pa.string()), texts, pa.string()),
        (pa.string_view(), texts, pa.string()),
        (pa.list_view(pa.int32()), [[1, 2], None, [3]], pa.large_list(pa.int32())),
        (
            pa.struct([("x", pa.list_view(pa.dictionary(pa.int32(), pa.string())))]),
            [{"x": ["a", "b"]}, None, {"x": None}],
            pa.struct([("x", pa.large_list(pa.string()))]),
        ),
        (
            pa.list_(pa.dictionary(pa.int8(), pa.string()), 2),
            [["a", "b"], None, ["b", "a"]],
            pa.large_list(pa.string()),
        ),
        (pa.json_(), ['{"a": 1}', None, "2"], pa.string()),
        (pa.timestamp("us", "UTC"), [1, None, 2], pa.timestamp("us", "UTC")),
        (pa.decimal128(20, 2), [None, None, None], pa.decimal128(20, 2)),
        (
            pa.map_(pa.string(), pa.int32()),
            [[("a", 1)], None, []],
            pa.map_(pa.string(), pa.int32()),
        ),
    ],
)
def test_types_become_plain_and_values_stay(
    tmp_path: Path, kind: pa.DataType, given_values: list[object], plain: pa.DataType
) -> None:
    path = tmp_path / "orders.parquet"
    column = pa.array(given_values, kind)
    pq.write_table(pa.table({"n": column}), path)

    for blocks in (list(reader(path).blocks()), list(reader(path, 2).blocks())):
        found = [v for block in blocks for v in block.table.column("n").to_pylist()]
        assert found == column.to_pylist()
        for block in blocks:
            block.table.validate(full=True)
            assert block.table.schema.field("n").type.equals(plain) or (
                plain.num_fields
                and str(plain).replace("item", "element")
                == str(block.table.schema.field("n").type).replace("item", "element")
            )


def test_large_values_make_smaller_blocks(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    rows = [f"{i:06}" * 40_000 for i in range(200)]
    pq.write_table(pa.table({"n": rows}), path, use_dictionary=False, compression="none")

    blocks = list(reader(path).blocks())

    assert len(blocks) > 2
    assert [value for _, value in values(blocks)] == rows


@pytest.mark.parametrize("content", [b"", b"PAR1 this is not Parquet PAR1"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "orders.parquet"
    path.write_bytes(content)

    with pytest.raises(SourceError) as stopped:
        reader(path)
    assert stopped.value.where == "orders.parquet"


def test_damaged_pages_stop_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.table({"n": list(range(100_000))}), path, row_group_size=50_000)
    content = bytearray(path.read_bytes())
    content[1000:90_000] = bytes(89_000)
    path.write_bytes(content)

    with pytest.raises(SourceError, match="damaged"):
        list(reader(path).blocks())


def test_repeated_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["n", "n"]), path)

    with pytest.raises(ConfigError, match="'n'"):
        reader(path)
