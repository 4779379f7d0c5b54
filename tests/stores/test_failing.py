"""Stores that refuse, break, cut connections off or change what they hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from backfill.errors import SourceError
from backfill.mapping import Source
from backfill.pipeline.blocks import Reading, Turn, readings
from backfill.pipeline.sources import OpenFile
from backfill.readers import content, find, fingerprint, is_open, open_file
from backfill.readers.delimited import CsvReader
from backfill.readers.jsonl import JsonlReader
from backfill.readers.parquet import ParquetReader
from backfill.remote import RemotePath, store_failure
from tests.end_to_end.command import NOWHERE
from tests.faults.test_sources import FORMATS
from tests.faults.test_sources import content as people

from .hostile import CONTENT, hostile
from .hostile import SECRET as TOLD_BY_THE_STORE
from .store import BUCKET, CREDENTIALS, Store, here, uri

OBJECT = RemotePath("s3", BUCKET, "people.csv")


@pytest.mark.parametrize(
    ("fault", "what", "fix"),
    [
        ("denied", "does not let us read it", "AWS_ACCESS_KEY_ID"),
        ("elsewhere", "in another region", "AWS_REGION"),
        ("busy", "busy or broken", "wait"),
        ("cut", "cut the connection", "run the same command again"),
    ],
)
def test_what_a_store_refuses_is_said_in_our_words_and_without_its(monkeypatch, fault, what, fix):
    with hostile(fault) as store:
        here(monkeypatch, store.address)
        with pytest.raises(SourceError) as stopped:
            content(OBJECT)

    told = str(stopped.value)
    assert what in stopped.value.what
    assert fix in stopped.value.fix
    assert stopped.value.where == str(OBJECT)
    assert not any(
        secret in told for secret in (TOLD_BY_THE_STORE, *CREDENTIALS.values(), "Error", "http")
    )


@pytest.mark.parametrize("look", [
    lambda base: is_open(Source(path=uri("people.csv")), base),
    lambda base: find("people", Source(path=uri("*.csv")), base),
    lambda base: fingerprint(OBJECT),
])  # fmt: skip
def test_who_looks_for_files_is_told_too(tmp_path, monkeypatch, look: Callable[..., object]):
    with hostile("denied") as store:
        here(monkeypatch, store.address)
        with pytest.raises(SourceError, match="does not let us read it"):
            look(tmp_path)


def test_who_has_no_credentials_is_told_which_to_set(tmp_path, monkeypatch):
    with hostile("denied") as store:
        here(monkeypatch, store.address)
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        with pytest.raises(SourceError) as stopped:
            fingerprint(OBJECT)

    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in stopped.value.fix


@pytest.mark.parametrize(
    ("told", "what"),
    [  # [observed: google-cloud-cpp 2.37, AWS SDK for C++, as pyarrow 26 hands them on]
        ("google::cloud::Status(UNAUTHENTICATED: Permanent error, x http_status_code=401", "let"),
        ("google::cloud::Status(PERMISSION_DENIED: Permanent error, x", "does not let us read it"),
        ("google::cloud::Status(UNAVAILABLE: x http_status_code=503}})", "busy or broken"),
        ("google::cloud::Status(UNAVAILABLE: x CURL error [7]=Could not connect", "be reached"),
        ("When x for key 'expired' in bucket 'b': AWS Error NO_SUCH_KEY during x", "is not there"),
        ("When x: AWS Error NO_SUCH_BUCKET during ListObjectsV2 operation: x", "no such bucket"),
        ("AWS Error UNKNOWN (HTTP status 301) x is located in 'eu-west-3'.", "another region"),
    ],
)
def test_the_words_of_a_store_are_understood(told, what):
    assert what in store_failure(OSError(told), "s3")[0]


def test_what_is_no_words_of_a_store_is_damage_of_the_file():
    assert store_failure(OSError("Truncated compressed stream"), "s3") is None


def test_a_store_that_is_not_there_is_given_up_and_the_variables_are_named(monkeypatch):
    here(monkeypatch, NOWHERE)

    with pytest.raises(SourceError) as stopped:
        fingerprint(OBJECT)

    assert "cannot be reached" in stopped.value.what
    assert "AWS_ENDPOINT_URL" in stopped.value.fix


@pytest.mark.parametrize("fault", ["busy", "cut", "silent"])
def test_what_a_store_does_once_is_asked_for_again(monkeypatch, fault):
    with hostile(fault, times=1) as store:
        here(monkeypatch, store.address)

        assert content(OBJECT).size == len(CONTENT)


def test_an_object_that_is_gone_is_not_there(store: Store):
    with pytest.raises(SourceError) as stopped:
        fingerprint(OBJECT)

    assert stopped.value.what == "the file is not there"


def opened(store: Store, name: str) -> OpenFile:
    """An object as a run opens it, read in blocks of 500 rows or fewer."""
    store.put(name, people(name))
    source = Source(path=uri(name))
    (file,) = find("people", source, os.curdir)
    looked_like = fingerprint(file.path)
    match open_file(file, source):
        case ParquetReader():
            reader = ParquetReader(file, block_rows=500)
        case JsonlReader():
            reader = JsonlReader(file, source, block_bytes=4_096)
        case _:
            reader = CsvReader(file, source, block_bytes=4_096)
    return OpenFile(file, reader, looked_like)


def reading(store: Store, name: str) -> Iterator[Reading]:
    return readings([Turn(opened(store, name), None, None)], None)


def cut(store: Store, name: str) -> None:
    whole = people(name)
    store.put(name, whole[: len(whole) // 2])


def rewrite(store: Store, name: str) -> None:
    """Other columns at the same size, within the second."""
    store.put(name, people(name, ("value", "id")))


@pytest.mark.parametrize("fault", [cut, rewrite, Store.remove])
@pytest.mark.parametrize("name", FORMATS)
def test_an_object_that_is_replaced_while_it_is_read_gives_no_block_of_the_other(
    store: Store, name, fault: Callable[[Store, str], None]
):
    blocks = reading(store, name)
    first = next(blocks).block

    fault(store, name)
    with pytest.raises(SourceError) as stopped:
        next(blocks)

    assert first.table.column("id")[0].as_py().strip('"') == "000000"
    assert stopped.value.what in ("the file changed after the run began", "the file is not there")
    assert uri(name) in stopped.value.where


@pytest.mark.parametrize("name", FORMATS)
def test_an_object_that_is_written_again_as_it_was_is_read_on(store: Store, name):
    blocks = reading(store, name)
    next(blocks)

    store.put(name, people(name))

    assert [*blocks][-1].rows_end == 4_000
