"""CSV: exact cells, exact row numbers, and nothing lost without a word."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.csv as pv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import ConfigError, SourceError
from backfill.mapping import Source
from backfill.readers import find, open_file
from backfill.readers.delimited import CsvReader
from backfill.records import Block, Form

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "gb18030")


def reader(path: Path, block_bytes: int = 1 << 20, **options: object) -> CsvReader:
    source = Source(path=str(path), **options)
    (file,) = find("people", source, path.parent)
    return CsvReader(file, source, block_bytes)


def read(content: bytes | str, block_bytes: int = 1 << 20, **options: object) -> list[Block]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(reader(path, block_bytes, **options).blocks())


def cells(blocks: list[Block]) -> list[tuple[int, list[str | None]]]:
    """Row number and cells of every sound row."""
    return [
        (int(row), list(values))
        for block in blocks
        for row, values in zip(
            block.rows,
            zip(*(column.to_pylist() for column in block.table.columns), strict=True),
            strict=True,
        )
    ]


def faults(blocks: list[Block]) -> list[tuple[int, str, str, bytes]]:
    return [(f.row, f.rule, f.reason, f.raw) for block in blocks for f in block.faults]


def check_places(blocks: list[Block]) -> None:
    """Blocks join, and every row of a block is in exactly one of rows and faults."""
    for before, block in pairwise(blocks):
        assert before.stop.row == block.start.row
    for block in blocks:
        numbers = sorted([*block.rows.tolist(), *(fault.row for fault in block.faults)])
        assert numbers == list(range(block.start.row, block.stop.row))
        assert block.table.num_rows == len(block.rows)
        assert block.form is Form.TEXT


texts = st.text(
    st.one_of(st.sampled_from('",;\t|\n\r aé€x0'), st.characters(codec="utf-8")),
    max_size=8,
)
plain_texts = st.text(st.sampled_from('",;\n\r aéx0'), max_size=8)


@st.composite
def tables(draw: st.DrawFn, cell: st.SearchStrategy[str]) -> list[list[str]]:
    width = draw(st.integers(2, 4))
    row = st.lists(cell, min_size=width, max_size=width)
    return draw(st.lists(row, max_size=12))


def as_csv(rows: list[list[str]], delimiter: str, line_end: str) -> str:
    out = io.StringIO(newline="")
    width = len(rows[0]) if rows else 2
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([[f"c{i}" for i in range(width)], *rows])
    text = out.getvalue()
    return text if any("\r\n" in c for r in rows for c in r) else text.replace("\r\n", line_end)


@given(
    data=st.data(),
    encoding=st.sampled_from(ENCODINGS),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    block_bytes=st.integers(1, 200),
)
@settings(max_examples=300, deadline=None)
def test_blocks_of_any_size_give_back_exactly_the_cells_and_their_rows(
    data: st.DataObject, encoding: str, delimiter: str, line_end: str, block_bytes: int
) -> None:
    rows = data.draw(tables(plain_texts if encoding == "cp1252" else texts))
    if line_end != "\r\n" and any("\r" in c or "\n" in c for r in rows for c in r):
        line_end = "\r\n"
    content = as_csv(rows, delimiter, line_end).encode(encoding)

    blocks = read(content, block_bytes, delimiter=delimiter, encoding=encoding)

    assert cells(blocks) == [(i, [c or None for c in row]) for i, row in enumerate(rows)]
    assert faults(blocks) == []
    check_places(blocks)


@given(
    rows=tables(texts),
    block_bytes=st.integers(1, 100),
    suffix=st.sampled_from(["csv", "csv.gz", "csv.zst"]),
)
@settings(max_examples=100, deadline=None)
def test_reading_from_any_start_equals_skipping_to_it(
    rows: list[list[str]], block_bytes: int, suffix: str
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"people.{suffix}"
        compression = {"gz": "gzip", "zst": "zstd"}.get(suffix[4:])
        with pa.output_stream(str(path), compression=compression) as out:
            out.write(as_csv(rows, ",", "\r\n").encode())
        opened = reader(path, block_bytes)
        blocks = list(opened.blocks())

        for i, block in enumerate(blocks):
            again = list(opened.blocks(block.start))
            after = list(opened.blocks(block.stop))

            assert again[0].start == block.start
            assert cells(again) == cells(blocks[i:])
            assert cells(after) == cells(blocks[i + 1 :])


@given(
    body=st.text(st.sampled_from('",\n\r ab'), max_size=60),
    block_bytes=st.integers(1, 40),
)
@settings(max_examples=500, deadline=None)
def test_any_text_is_cut_into_the_records_that_pyarrow_sees(body: str, block_bytes: int) -> None:
    ragged: list[str] = []

    def keep(row: pv.InvalidRow) -> str:
        ragged.append(row.text)
        return "skip"

    try:
        blocks = read("x,y\n" + body, block_bytes)
    except SourceError:
        read("x,y\n" + body + '"', block_bytes)  # closing the quote mends it
        return
    expected: list[list[str | None]] = []
    if body.strip("\r\n"):
        table = pv.read_csv(
            io.BytesIO(body.encode()),
            pv.ReadOptions(column_names=["x", "y"], use_threads=False),
            pv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
            pv.ConvertOptions(
                column_types={"x": pa.string(), "y": pa.string()},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        expected = [list(row.values()) for row in table.to_pylist()]

    assert [values for _, values in cells(blocks)] == expected
    assert [raw.decode() for *_, raw in faults(blocks)] == [text.rstrip("\r\n") for text in ragged]
    check_places(blocks)


@given(
    lines=st.lists(st.sampled_from(["1,2,3", "1,2", "1,2,3,4", "", "\xff,2,3", '"a\nb",2,3', ","])),
    block_bytes=st.integers(1, 60),
)
@settings(max_examples=200, deadline=None)
def test_broken_records_among_sound_ones_keep_their_row_numbers(
    lines: list[str], block_bytes: int
) -> None:
    records = [line for line in lines if line]
    content = "a,b,c\n" + "".join(line + "\n" for line in lines)

    blocks = read(content.encode("latin-1"), block_bytes)

    broken = {"1,2": "ragged_row", "1,2,3,4": "ragged_row", ",": "ragged_row"}
    broken["\xff,2,3"] = "invalid_encoding"
    assert [(row, rule, raw) for row, rule, _, raw in faults(blocks)] == [
        (i, broken[r], r.encode("latin-1")) for i, r in enumerate(records) if r in broken
    ]
    assert [row for row, _ in cells(blocks)] == [
        i for i, r in enumerate(records) if r not in broken
    ]
    check_places(blocks)


def test_a_ragged_row_says_how_many_cells_it_has() -> None:
    blocks = read("a,b,c,d\n1,2,3,4\n1,2,3\n1\n1,2,3,4,5\n5,6,7,8\n")

    assert [reason for _, _, reason, _ in faults(blocks)] == [
        "3 cells where the header has 4",
        "1 cell where the header has 4",
        "5 cells where the header has 4",
    ]


def test_only_an_empty_cell_is_null() -> None:
    blocks = read('a,b,c\nNA,null,00123\n"",, x \nNaN,1e5,#N/A\n')

    assert [values for _, values in cells(blocks)] == [
        ["NA", "null", "00123"],
        [None, None, " x "],
        ["NaN", "1e5", "#N/A"],
    ]


@pytest.mark.parametrize("block_bytes", [4, 1 << 20])
def test_a_quote_open_at_the_end_stops_the_stream_at_the_line_where_it_opens(
    block_bytes: int,
) -> None:
    content = "a,b\n" + "1,2\n" * 20 + '3,"x\n' + "1,2\n" * 50

    with pytest.raises(SourceError) as stopped:
        read(content, block_bytes)

    assert "people.csv, line 22" in stopped.value.where
    assert "still open" in stopped.value.what


def test_a_quoted_cell_over_more_than_100_lines_stops_the_stream() -> None:
    sound = 'a,b\n1,"' + "\n" * 100 + '"\n'

    assert len(cells(read(sound))) == 1
    with pytest.raises(SourceError, match="more than 100 lines") as stopped:
        read(sound + '2,"' + '\n"",""' * 101 + '"\n')
    assert "line 103" in stopped.value.where


def test_a_stray_quote_is_found_before_a_large_file_is_read_whole() -> None:
    content = 'a,b\n1,"x\n' + "1,2\n" * 3_000_000

    with pytest.raises(SourceError, match="more than 100 lines"):
        read(content, 1 << 16)


def test_a_quote_inside_a_cell_is_an_ordinary_character() -> None:
    blocks = read('a,b\n5" pipe,x\n6"",y\n"q"r"s,z\n', 1)

    assert [values for _, values in cells(blocks)] == [
        ['5" pipe', "x"],
        ['6""', "y"],
        ['qr"s', "z"],
    ]


def test_without_a_quote_character_quotes_are_data() -> None:
    blocks = read('a,b\n"x,"y"\n', quote="")

    assert [values for _, values in cells(blocks)] == [['"x', '"y"']]


def test_a_record_beyond_the_bound_stops_the_stream_at_its_row() -> None:
    with pytest.raises(SourceError) as stopped:
        read("a,b\n1,2\n" + "x" * (17 << 20) + ",2\n")

    assert stopped.value.what == "a record is longer than 16 MiB"
    assert "row 2 (line 3)" in stopped.value.where


def test_a_record_longer_than_a_block_is_read() -> None:
    blocks = read("a,b\n1,2\n" + "x" * 500 + ",2\n3,4\n", 16)

    assert [row for row, _ in cells(blocks)] == [0, 1, 2]
    check_places(blocks)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_has_no_columns_and_no_blocks(tmp_path: Path, content: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(content)

    assert reader(path).columns == ()
    assert list(reader(path).blocks()) == []


def test_given_columns_read_a_file_without_a_header() -> None:
    blocks = read("\ufeff1,2\n3,4\n", columns=["a", "b"])

    assert cells(blocks) == [(0, ["1", "2"]), (1, ["3", "4"])]
    assert read("", columns=["a", "b"]) == []


def test_blank_lines_are_not_records_but_are_lines() -> None:
    blocks = read("\n\na,b\n\n1,2\n\r\n\n3,4\n", 1)

    assert cells(blocks) == [(0, ["1", "2"]), (1, ["3", "4"])]
    assert blocks[-1].stop.line == 8


@pytest.mark.parametrize(
    ("header", "named"), [("a,b,a", "'a'"), ("a,,b", "column 2"), ("a,b,", "column 3")]
)
def test_repeated_and_blank_headers_are_refused_by_name(header: str, named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(header + "\n1,2,3\n")

    assert named in refused.value.what
    assert refused.value.exit_code == 2


def test_undefined_bytes_of_another_encoding_reject_their_row_as_it_stands() -> None:
    content = "id,ä\n1,ü\n".encode("cp1252") + b"2,\x81\xfc\n" + b"3,x\n"

    blocks = read(content, encoding="cp1252")

    assert [raw for *_, raw in faults(blocks)] == [b"2,\x81\xfc"]
    assert cells(blocks) == [(0, ["1", "ü"]), (2, ["3", "x"])]


def test_half_a_surrogate_pair_in_utf_16_rejects_its_row_as_it_stands() -> None:
    broken = "2,x".encode("utf-16-le") + b"\x3d\xd8"
    content = b"\xff\xfe" + b"".join(
        ["a,b\n1,y\n".encode("utf-16-le"), broken, "\n3,z\n".encode("utf-16-le")]
    )

    blocks = read(content, encoding="utf-16")

    assert [raw for *_, raw in faults(blocks)] == [broken]
    assert [row for row, _ in cells(blocks)] == [0, 2]


def test_ascii_means_ascii() -> None:
    blocks = read("a,b\né,1\n2,3\n", encoding="ascii")

    assert [rule for _, rule, _, _ in faults(blocks)] == ["invalid_encoding"]


def test_utf_16_under_the_name_of_utf_8_is_refused_at_the_header() -> None:
    with pytest.raises(ConfigError, match="not text in utf-8"):
        read("a,b\n1,2\n".encode("utf-16"))


@pytest.mark.parametrize(
    "options",
    [{"encoding": "klingon"}, {"encoding": "hex"}, {"delimiter": "é"}, {"delimiter": '"'}],
)
def test_a_dialect_that_cannot_be_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as refused:
        read("a,b\n", **options)

    assert refused.value.exit_code == 2


def test_a_cell_that_begins_with_a_byte_order_mark_keeps_it() -> None:
    blocks = read("a,b\n\ufeffx,1\n\ufeffy,2\n", 1)

    assert [values[0] for _, values in cells(blocks)] == ["\ufeffx", "\ufeffy"]


def test_a_tsv_is_split_at_tabs(tmp_path: Path) -> None:
    path = tmp_path / "people.tsv"
    path.write_text("a\tb\n1,5\t2\n")
    source = Source(path="people.tsv")
    (file,) = find("people", source, tmp_path)

    assert cells(list(open_file(file, source).blocks())) == [(0, ["1,5", "2"])]


@pytest.mark.parametrize("grows", [True, False])
def test_a_file_that_changes_its_size_while_it_is_read_stops_the_stream(
    tmp_path: Path, grows: bool
) -> None:
    path = tmp_path / "people.csv"
    content = "a,b\n" + "1,2\n" * 500
    path.write_text(content)
    blocks = reader(path, 256).blocks()
    next(blocks)
    path.write_text(content + "1,2\n3" if grows else content[:1000])

    with pytest.raises(SourceError, match="changed its size"):
        list(blocks)


def test_a_file_that_vanishes_between_header_and_rows_is_named(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("a,b\n1,2\n")
    opened = reader(path)
    path.unlink()

    with pytest.raises(SourceError) as stopped:
        list(opened.blocks())
    assert stopped.value.where == "people.csv"
