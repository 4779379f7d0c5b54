"""Which objects a URI means: those whose files its path would mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.errors import MappingError
from backfill.mapping import Source
from backfill.readers import find, is_open, passed_over

from .store import BUCKET, Store, uri

TREE = [
    "e/b.csv", "e/a.tsv.zst", "e/.c.csv", "e/_d.csv", "e/x.md", "e/f/g.csv", "e/f/.h/i.csv",
    "e/part.csv/p-0.csv", "e/part.csv/_SUCCESS", "e/a[1].csv", "e/1.csv", "e/10.csv", "e/2.csv.gz",
    "day=1/p.csv", "day=2/p.csv", "day=2/q/r.csv", "e2/s.csv",
]  # fmt: skip

PATTERNS = [
    "e", "e/", "e/*.csv", "e/*", "e/?.csv", "e/[12]*.csv*", "e/[!1]*.csv", "e/a[1].csv", "e/.c.csv",
    "e/.*", "e/_d.csv", "e/**/*.csv", "e/f/**/*.csv", "day=*/p.csv", "day=*", "day=*/",
    "day=*/**/*.csv", "**/p.csv", "*/*.csv", "e/part.csv", "e*/s.csv", "e/part.csv/*.csv",
]  # fmt: skip


def labels(base: Path, path: str | list[str], **options: str) -> list[str]:
    return [file.label for file in find("people", Source(path=path, **options), base)]


@pytest.mark.parametrize("options", [{}, {"format": "csv"}])
def test_a_uri_means_what_a_path_means(tmp_path, store: Store, options):
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a\n1\n")
    store.put_folder(tmp_path)
    patterns = PATTERNS if options else [path for path in PATTERNS if path != "e/*"]  # finds x.md

    by_path = [labels(tmp_path, path, **options) for path in patterns]
    by_uri = [labels(tmp_path, uri(path), **options) for path in patterns]

    assert by_uri == [sorted(map(uri, found)) for found in by_path]


def test_what_a_folder_holds_and_does_not_stand_for_is_known_as_on_a_disk(tmp_path, store: Store):
    for name in TREE:
        store.put(name, b"a\n1\n")
    store.put("e/book.xlsx", b"PK")

    def passed(key: str) -> list[str]:
        return [label for _, label in passed_over(Source(path=uri(key)), tmp_path)]

    assert passed("e/") == passed("e") == [uri("e/book.xlsx"), uri("e/f/"), uri("e/part.csv/")]
    assert passed("e/b.csv") == passed("e/*") == []


def test_uris_and_paths_stand_in_one_list_and_an_object_comes_once(tmp_path, store: Store):
    (tmp_path / "here.csv").write_text("a\n1\n")
    store.put("b.csv", b"a\n1\n")
    store.put("a.csv", b"a\n1\n")

    source = Source(path=[uri("b.csv"), "here.csv", uri("*.csv")])

    files = find("people", source, tmp_path)
    assert [(f.index, f.label) for f in files] == [
        (0, uri("b.csv")),
        (1, "here.csv"),
        (2, uri("a.csv")),
    ]
    assert [file.root is None for file in files] == [True, True, False]


def test_thousands_of_objects_are_listed_by_a_request_for_each_thousand(tmp_path, store: Store):
    for n in range(1_200):
        store.put(f"in/2026/{n:05}.csv", b"a\n1\n")
    store.put("other/x.csv", b"a\n1\n")

    found = labels(tmp_path, uri("in/2026/*.csv"))

    assert len(found) == 1_200
    assert found == sorted(found)
    assert len(store.asked) <= 4
    assert all("prefix=in%2F2026%2F" in query for method, query in store.asked if method == "GET")


@pytest.mark.parametrize(
    ("key", "expected"), [("a.csv", False), ("*.csv", True), ("e", True), ("e/", True)]
)
def test_files_may_come_to_a_folder_and_to_a_glob(tmp_path, store: Store, key, expected):
    store.put("a.csv", b"a\n1\n")
    store.put("e/a.csv", b"a\n1\n")

    assert is_open(Source(path=uri(key)), tmp_path) == expected


@pytest.mark.parametrize("key", ["nothing.csv", "nothing-*.csv", "nothing/"])
def test_finding_nothing_names_what_was_looked_for(tmp_path, store: Store, key):
    with pytest.raises(MappingError) as refused:
        labels(tmp_path, uri(key))

    assert refused.value.what == f"no file found at '{uri(key)}'"


@pytest.mark.parametrize("key", ["people.csv", "*.csv", "in/"])
def test_a_bucket_that_is_not_there_is_named(tmp_path, store: Store, key):
    with pytest.raises(MappingError) as refused:
        labels(tmp_path, f"s3://{BUCKET}-2/{key}")

    assert refused.value.what == f"there is no bucket '{BUCKET}-2'"


def test_a_folder_whose_last_object_is_gone_may_be_empty(tmp_path, store: Store):
    for key in ("in/", "in/*.csv"):
        assert find("people", Source(path=uri(key)), tmp_path, may_be_empty=True) == []
    with pytest.raises(MappingError):
        find("people", Source(path=uri("in.csv")), tmp_path, may_be_empty=True)
