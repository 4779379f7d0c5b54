"""What a URI of a source may look like, and that none of its secrets is ever printed."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from backfill.config import load
from backfill.errors import ConfigError, MappingError, UsageError
from backfill.mapping import Source
from backfill.readers import find
from backfill.remote import RemotePath, is_uri, refusal, remote_path
from tests.end_to_end.command import command, write_job

SECRET = "wJalr/XUtn"
WITH_SECRETS = [
    f"s3://AKIA:{SECRET}@bucket/people.csv",
    f"s3://AKIA:{SECRET}/people.csv",
    f"s3://bucket/people.csv?access_key=AKIA&secret_key={SECRET}",
    f"https://bucket.s3.amazonaws.com/people.csv?X-Amz-Signature={SECRET}",
    f"gs://{SECRET.replace('/', ':')}@bucket/people.csv",
    f"az://account:{SECRET}@container/people.csv",
]


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("s3://bucket", "names no key", "s3://bucket/*.csv"),
        ("s3://bucket/", "names no key", "s3://bucket/*.csv"),
        ("s3:///people.csv", "names no bucket", "s3://BUCKET/KEY"),
        ("az:///people.csv", "names no container", "az://CONTAINER/KEY"),
        ("s3://b*/people.csv", "not named by a pattern", "KEY may be a glob"),
        ("s3://bucket/a//b.csv", "empty part", "'/'"),
        ("s3a://bucket/people.csv", "s3a://", "write s3://BUCKET/KEY"),
        ("gcs://bucket/people.csv", "gcs://", "write gs://BUCKET/KEY"),
        ("abfss://c@a.dfs.core.windows.net/x.csv", "abfss://", "AZURE_STORAGE_ACCOUNT"),
        ("http://host/people.csv", "http://", "s3://BUCKET/KEY"),
        ("file:///people.csv", "file://", "write the path alone"),
    ],
)
def test_what_no_source_can_be_named_by_is_refused_with_what_to_write(text, what, fix):
    problem = refusal(text)

    assert what in problem[0]
    assert fix in problem[1]


@pytest.mark.parametrize("text", WITH_SECRETS)
def test_credentials_in_a_uri_are_refused_and_not_repeated(tmp_path, text):
    stream = {"name": "people", "source": text, "person": {"id": "id"}}
    write_job(tmp_path, stream)

    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "job.yaml")
    with pytest.raises(MappingError) as not_found:
        find("people", Source(path=text), tmp_path)
    for told in (str(refused.value), str(not_found.value)):
        assert "AKIA" not in told
        assert not any(part in told for part in ("wJalr", "XUtn"))


@pytest.mark.parametrize("arguments", [("check", "job.yaml"), ("run", "job.yaml", "--json")])
def test_a_command_that_is_given_credentials_in_a_uri_says_where_they_belong(tmp_path, arguments):
    stream = {"name": "people", "source": WITH_SECRETS[0], "person": {"id": "id"}}
    write_job(tmp_path, stream)

    told = command(tmp_path, None, *arguments)

    assert told.code == 2
    assert "AWS_ACCESS_KEY_ID" in told.text
    assert "job.yaml, line" in told.text
    assert "XUtn" not in told.text + str(told.told)


def test_a_key_is_taken_as_it_stands():
    path = remote_path("s3://bucket/a b/100%25?#1.csv.gz", "source")

    assert (path.bucket, path.key) == ("bucket", "a b/100%25?#1.csv.gz")
    assert (path.name, path.suffix, path.suffixes) == ("100%25?#1.csv.gz", ".gz", [".csv", ".gz"])
    assert str(path) == "s3://bucket/a b/100%25?#1.csv.gz"


def test_a_remote_path_is_the_same_one_behind_a_pickle():
    path = RemotePath("s3", "bucket", "people.csv")

    again = pickle.loads(pickle.dumps(path))

    assert again == path
    assert {again: 1}[path] == 1


@pytest.mark.parametrize("text", ["people.csv", "a:b/people.csv", "C:\\people.csv", "/x/*.csv", ""])
def test_a_path_is_no_uri(text):
    assert not is_uri(text)


def test_an_account_that_is_not_named_is_asked_for(tmp_path: Path, monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT", raising=False)

    with pytest.raises(UsageError, match="AZURE_STORAGE_ACCOUNT"):
        find("people", Source(path="az://container/people.csv"), tmp_path)
