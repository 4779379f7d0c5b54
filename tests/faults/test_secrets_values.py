"""Values of rows are in the rejects files, and in nothing else that is written or said."""

from __future__ import annotations

import gzip
import json
import stat

import pytest

from backfill.errors import BackfillError
from tests.end_to_end.command import write_job
from tests.end_to_end.people import PEOPLE
from tests.end_to_end.recorder import Answer, Posted, recording

from .engine import Words, surround
from .engine import run as run_here

VALUE = "value-nobody-may-see"
TYPES = ("integer", "number", "boolean", "timestamp", "json")
TYPED = {f"as_{type_}": {"column": "v", "type": type_} for type_ in TYPES}
DAY = {"name": "ordered", "timestamp": {"column": "v", "format": "%d/%m/%Y"}, "key": "id"}

#: File, content, what the stream says besides.
SOURCES = {
    "a CSV row with too many cells": ("a.csv", f"id,v\np1,x\np2,{VALUE},{VALUE}\n", {}),
    "a quote that stays open": ("a.csv", f'id,v\np1,"{VALUE}\np2,x\n', {}),
    "bytes that are no text": ("a.csv", f"id,v\np1,{VALUE}".encode() + b"\xff\n", {}),
    "a cut line of JSON": ("a.jsonl", f'{{"id":"p1","v":"{VALUE}\n{{"id":"p2"}}\n', {}),
    "a list where a record should be": ("a.jsonl", f'["{VALUE}"]\n{{"id":"p2"}}\n', {}),
    "a key that stands twice": ("a.jsonl", f'{{"id":"p1","v":1,"v":"{VALUE}"}}\n', {}),
    "a damaged Parquet file": ("a.parquet", b"PAR1" + VALUE.encode() * 99 + b"PAR1", {}),
    "a cut archive": ("a.csv.gz", gzip.compress(f"id,v\np1,{VALUE}\n".encode() * 999)[:-9], {}),
    "a condition that cannot be told": (
        "a.csv", f"id,v\np1,{VALUE}\np2,5\n", {"where": "CAST(v AS INTEGER) > 3"}),
    "values that do not convert": ("a.csv", f"id,v\np1,{VALUE}\n", {"attributes": TYPED}),
    "a time that is none": ("a.csv", f"id,v\np1,{VALUE}\n", {"event": DAY, "attributes": {}}),
    "values that are too long": ("a.csv", f"id,v\np1,{VALUE * 60}\n{VALUE * 9},x\n", {}),
    "an email that is none": ("a.csv", f"id,v\n{VALUE} x,{VALUE}\n", {"person": {"email": "id"}}),
}  # fmt: skip


def echo(status: int) -> Answer:
    """A refusal that quotes what it refuses, as a whole or of the first operation."""
    error = {"reason": "invalid", "field": "attributes.v", "message": f"{VALUE} is no good"}
    return Answer(status, json.dumps({"errors": [{"batch_index": 0} | error]}).encode())


def said_and_kept(folder, patch, source, answer=lambda _: Answer()):
    """What a run said in any way, and the files that hold the value, the source excepted."""
    file, content, more = source
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    write_job(folder, PEOPLE | {"source": file} | more)
    words = Words()
    with recording(answer) as server:
        surround(patch, server.address, {})
        try:
            said = str(run_here(folder / "job.yaml", watcher=words))
        except BackfillError as error:
            said = str(error)
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != file]
    return said + "".join(words.said), [p for p in files if VALUE.encode() in p.read_bytes()]


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_value_that_stops_or_rejects_is_in_the_rejects_alone(
    tmp_path, monkeypatch, capfd, source
):
    said, holding = said_and_kept(tmp_path, monkeypatch, source)

    assert VALUE not in said + "".join(capfd.readouterr())
    assert {path.parent.name for path in holding} <= {"job.rejects"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} <= {0o600}


@pytest.mark.parametrize("status", [207, 400])
def test_a_value_that_the_api_quotes_is_in_the_rejects_alone(tmp_path, monkeypatch, capfd, status):
    def answer(posted: Posted) -> Answer:
        has_it = any(o["identifiers"]["id"] == "p1" for o in posted.operations)
        return echo(status) if has_it else Answer()

    source = ("a.csv", "id,v\np1,x\np2,x\n", {})
    said, holding = said_and_kept(tmp_path, monkeypatch, source, answer)

    assert VALUE not in said + "".join(capfd.readouterr())
    assert [path.name for path in holding] == ["people.csv"]
