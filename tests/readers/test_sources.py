"""Which files are read, in which order, and how a changed one is noticed."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pytest

from backfill.errors import MappingError, SourceError
from backfill.mapping import Source
from backfill.readers import find, fingerprint, is_open, open_file, passed_over
from backfill.records import Form


def labels(base: Path, path: str | list[str], **options: str) -> list[str]:
    return [file.label for file in find("people", Source(path=path, **options), base)]


def make(base: Path, *names: str) -> None:
    for name in names:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("a\n1\n")


def test_a_glob_is_read_in_the_order_of_the_paths(tmp_path: Path) -> None:
    make(tmp_path, "e/c-10.csv", "e/c-2.csv.gz", "e/c-1.csv", "e/d-1.csv")

    assert labels(tmp_path, "e/c-*") == ["e/c-1.csv", "e/c-10.csv", "e/c-2.csv.gz"]


def test_a_folder_stands_for_its_known_files_that_are_not_hidden(tmp_path: Path) -> None:
    make(tmp_path, "e/b.csv", "e/a.tsv.zst", "e/.c.csv", "e/_d.csv", "e/x.md", "e/f/g.csv")
    make(tmp_path, "e/x.spool", "e/people.csv.earlier", "e/x.parquet.draft")

    assert labels(tmp_path, "e") == ["e/a.tsv.zst", "e/b.csv"]
    assert labels(tmp_path, "e/**/[a-z].csv") == ["e/b.csv", "e/f/g.csv"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("e", ["e/book.xlsx", "e/f/", "e/people.csv.bz2", "e/x.parquet/"]),
        (["e/f", "e"], ["e/book.xlsx", "e/f/", "e/people.csv.bz2", "e/x.parquet/"]),
        ("e/*.csv", []),
        ("e/a.csv", []),
    ],
)
def test_what_a_folder_holds_and_does_not_stand_for_is_known(
    tmp_path: Path, path: str | list[str], expected: list[str]
) -> None:
    make(tmp_path, "e/a.csv", "e/b.jsonl", "e/book.xlsx", "e/people.csv.bz2", "e/README.md")
    make(tmp_path, "e/f/g.csv", "e/x.parquet/part-0.parquet", "e/.h/i.csv", "e/_j/k.csv")
    make(tmp_path, "e/state/done/job.checkpoint", "e/job.rejects/people.csv")
    make(tmp_path, "e/job.rejects.old/x.csv", "e/a.csv.md5")
    (tmp_path / "e" / "gone.csv").symlink_to("unmounted/gone.csv")
    (tmp_path / "e" / "loop.txt").symlink_to("loop.txt")
    links = ["e/gone.csv", "e/loop.txt"] if expected else []
    own = [tmp_path / "e/state/done/job.checkpoint", tmp_path / "e/job.rejects"]

    for form in (None, "csv"):
        found = passed_over(Source(path=path, format=form), tmp_path, own)
        assert [label for _, label in found] == sorted(expected + links)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, mode: int) -> None:
    make(tmp_path, "e/a.csv")
    (tmp_path / "e").chmod(mode)
    try:
        with pytest.raises(SourceError, match="cannot be read: Permission denied"):
            labels(tmp_path, "e")
    finally:
        (tmp_path / "e").chmod(0o700)


def test_a_list_keeps_its_order_and_no_file_comes_twice(tmp_path: Path) -> None:
    make(tmp_path, "b.csv", "a.csv")

    files = find("people", Source(path=["b.csv", "*.csv"]), tmp_path)

    assert [(file.index, file.label) for file in files] == [(0, "b.csv"), (1, "a.csv")]


def test_a_folder_named_like_a_file_is_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "orders.parquet/part-0.parquet", "orders.parquet/_SUCCESS")

    assert labels(tmp_path, "orders.parquet") == ["orders.parquet/part-0.parquet"]
    assert labels(tmp_path, "*.parquet") == ["orders.parquet/part-0.parquet"]


def test_a_name_with_glob_characters_is_first_a_name(tmp_path: Path) -> None:
    make(tmp_path, "a[1].csv")

    assert labels(tmp_path, "a[1].csv") == ["a[1].csv"]


def test_paths_outside_the_config_folder_are_named_whole(tmp_path: Path) -> None:
    make(tmp_path, "x/a.csv")
    base = tmp_path / "y"
    base.mkdir()

    assert labels(base, str(tmp_path / "x/*.csv")) == [str(tmp_path / "x/a.csv")]
    assert labels(tmp_path, str(tmp_path / "x/a.csv")) == ["x/a.csv"]


def test_a_name_that_is_no_text_still_has_a_label(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv"))
    path.write_text("a\n1\n")

    assert labels(tmp_path, "*.csv") == ["\\xff.csv"]


@pytest.mark.parametrize("path", ["nothing.csv", "nothing-*.csv", "empty", ["a.csv", "nothing"]])
def test_finding_nothing_names_what_was_looked_for(tmp_path: Path, path: str | list[str]) -> None:
    make(tmp_path, "a.csv")
    (tmp_path / "empty").mkdir()

    with pytest.raises(MappingError) as refused:
        labels(tmp_path, path)
    assert (path if isinstance(path, str) else "nothing") in refused.value.what


def test_an_unknown_format_is_refused_unless_it_is_given(tmp_path: Path) -> None:
    make(tmp_path, "a.dat")

    with pytest.raises(MappingError, match=r"a\.dat"):
        labels(tmp_path, "a.dat")
    assert labels(tmp_path, "*.dat", format="csv") == ["a.dat"]


def test_a_stream_has_one_format(tmp_path: Path) -> None:
    make(tmp_path, "a.csv", "b.jsonl")

    with pytest.raises(MappingError, match="csv, jsonl"):
        labels(tmp_path, "*")


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv.gz", Form.TEXT), ("a.ndjson.zst", Form.JSON), ("a.pq", Form.TYPED)],
)
def test_the_name_says_which_reader(tmp_path: Path, name: str, form: Form) -> None:
    path = tmp_path / name
    if form is Form.TYPED:
        pa.parquet.write_table(pa.table({"a": [1]}), path)
    else:
        with pa.output_stream(str(path)) as out:
            out.write(b'a\n"{}"\n' if form is Form.TEXT else b'{"a":1}\n')
    source = Source(path=name)
    (file,) = find("people", source, tmp_path)

    assert open_file(file, source).form is form


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("kept", [0, 5, -1])
def test_a_compressed_file_that_is_cut_short_stops_the_stream(
    tmp_path: Path, suffix: str, kept: int
) -> None:
    path = tmp_path / f"a.csv.{suffix}"
    with pa.output_stream(str(path)) as out:
        out.write(b"a,b\n" + b"".join(b"%d,x\n" % i for i in range(100_000)))
    path.write_bytes(path.read_bytes()[:kept])
    source = Source(path=path.name)
    (file,) = find("people", source, tmp_path)

    with pytest.raises(SourceError, match="cut short") as stopped:
        list(open_file(file, source).blocks())
    assert stopped.value.where == path.name


def test_every_member_of_a_gzip_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n") + gzip.compress(b"2\n"))
    source = Source(path=path.name)
    (file,) = find("people", source, tmp_path)

    assert sum(block.table.num_rows for block in open_file(file, source).blocks()) == 2


def test_a_damaged_compressed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    content = bytearray(gzip.compress(os.urandom(50_000)))
    content[-6] ^= 1
    path.write_bytes(content)
    source = Source(path=path.name, encoding="latin-1", quote="", columns=["a"])
    (file,) = find("people", source, tmp_path)

    with pytest.raises(SourceError, match="damaged"):
        list(open_file(file, source).blocks())


@pytest.mark.parametrize("size", [0, 10, 393_216, 393_217, 5_000_000])
def test_a_fingerprint_tells_head_tail_and_size_apart_and_not_the_time(
    tmp_path: Path, size: int
) -> None:
    path = tmp_path / "a.csv"
    content = os.urandom(size)
    path.write_bytes(content)
    first = fingerprint(path)
    os.utime(path, ns=(1, 1))

    assert fingerprint(path).digest == first.digest
    assert fingerprint(path).mtime_ns == 1
    for changed in (content + b"x", content[:-1] + b"\n", b"\n" + content[1:]):
        if changed != content:
            path.write_bytes(changed)
            assert fingerprint(path).digest != first.digest


def test_the_fingerprint_of_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not there"):
        fingerprint(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("e/f/a.csv", {"e/f/a.csv": None}),
        ("e/f", {"e/f/a.csv": "a.csv"}),
        ("e/*/a.csv", {"e/f/a.csv": "f/a.csv"}),
        ("./e/**/*.csv", {"e/f/a.csv": "f/a.csv"}),
        ("*/f", {"e/f/a.csv": "e/f/a.csv"}),
        ("../base/e/f/*", {"../base/e/f/a.csv": "a.csv"}),
        (["e/f/*", "e/f/a.csv"], {"e/f/a.csv": None}),
        (["e/f/a.csv", "e/f/*"], {"e/f/a.csv": None}),
    ],
)
def test_a_file_that_a_folder_or_a_glob_found_is_told_from_one_that_is_named(
    tmp_path: Path, path: str | list[str], expected: dict[str, str | None]
) -> None:
    base = tmp_path / "base"
    make(base, "e/f/a.csv")

    found = find("people", Source(path=path), base)

    below = {f.label: f.root and str(f.path.relative_to(f.root)) for f in found}
    assert below == expected
    assert is_open(Source(path=path), base) is (path != "e/f/a.csv")


def test_a_folder_may_be_empty_only_where_that_is_known_and_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()

    assert find("people", Source(path=["e", "e/*.csv"]), tmp_path, may_be_empty=True) == []
    for path in ("e", "gone", "gone/*.csv", "e/a.csv"):
        with pytest.raises(MappingError, match="no file found"):
            find("people", Source(path=path), tmp_path, may_be_empty=path != "e")
