"""A broken JSON line is refused, mended in the rejects file and sent from there."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.command import run_job, write_job
from tests.end_to_end.recorder import recording

from .jobs import MENDED

PEOPLE = {
    "name": "people",
    "source": "people.jsonl",
    "person": {"id": "id"},
    "attributes": "*",
    "where": "status != 'gone'",
}


def in_place(record):
    return record | {"_raw": record["_raw"] + ', "status": "here"}'}


def by_members(record):
    kept = {name: value for name, value in record.items() if name != "_raw"}
    return kept | {"id": "p2", "status": "here"}


@pytest.mark.parametrize("mend", [in_place, by_members])
def test_a_broken_line_is_mended_in_raw_or_by_its_members(tmp_path, mend):
    (tmp_path / "people.jsonl").write_text('{"id": "p1", "status": "here"}\n{"id": "p2"\n')
    write_job(tmp_path, PEOPLE)
    with recording() as server:
        run_job(tmp_path, server.address)
        record = json.loads((tmp_path / "state/job.rejects/people.jsonl").read_text())
        (tmp_path / "mended.jsonl").write_text(json.dumps(mend(record)) + "\n")
        again = run_job(tmp_path, server.address, *MENDED[:5], "streams.people.source=mended.jsonl")

    assert record["_raw"] == '{"id": "p2"'
    assert again.told["rows"]["delivered"] == 1
    assert server.accepted[1]["identifiers"] == {"id": "p2"}
    assert server.accepted[1]["attributes"] == {"status": "here"}


def test_a_kept_line_that_nobody_mended_is_refused_again_and_never_filtered(tmp_path):
    (tmp_path / "people.jsonl").write_text('{"id": "p2"\n')
    write_job(tmp_path, PEOPLE | {"where": "status = 'here'"})
    with recording() as server:
        run_job(tmp_path, server.address)
        path = tmp_path / "state/job.rejects/people.jsonl"
        (tmp_path / "mended.jsonl").write_text(path.read_text())
        again = run_job(tmp_path, server.address, *MENDED[:5], "streams.people.source=mended.jsonl")

    assert again.told["rows"] | {"rejected": 1, "filtered": 0} == again.told["rows"]
    kept = tmp_path / "state/job.rejects/only-people-mended.csv/people.jsonl"
    assert json.loads(kept.read_text())["_raw"] == '{"id": "p2"'
