"""What `why`, `rejects`, `status`, `plan` and the report say of files of earlier nights."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from backfill.event_ids import ulids
from backfill.readers import fingerprint
from tests.end_to_end.command import command
from tests.end_to_end.recorder import recording
from tests.inquiry.jobs import refusing

from .folders import PEOPLE, Nights, come

TOO_LONG = "x" * 151


def why(folder, person: str) -> tuple[list[tuple[str, str]], str]:
    asked = command(folder, None, "why", "job.yaml", person, "--json")
    return [(row["file"], row["outcome"]) for row in asked.told["rows"]], json.dumps(asked.told)


def test_why_tells_rows_of_every_night(tmp_path):
    come(tmp_path, a=["a", "filtered"], b=["b", "refused", TOO_LONG])
    with recording(refusing("refused")) as server:
        nights = Nights(tmp_path, server, PEOPLE | {"where": "id != 'filtered'"})
        nights.run()
        come(tmp_path, c=["c"])
        nights.run()
        come(tmp_path, d=["d"])

    assert why(tmp_path, "a")[0] == [("in/a.csv", "delivered")]
    assert why(tmp_path, "filtered")[0] == [("in/a.csv", "filtered")]
    assert why(tmp_path, "b")[0] == [("in/b.csv", "unknown")]
    assert "delivered, or among the 2 rejected" in why(tmp_path, "b")[1]
    assert why(tmp_path, TOO_LONG)[0] == [("in/b.csv", "rejected")]
    assert why(tmp_path, "c")[0] == [("in/c.csv", "delivered")]
    assert why(tmp_path, "d")[0] == [("in/d.csv", "not sent")]


def test_why_knows_a_file_under_any_name_and_says_what_was_moved_away(tmp_path):
    come(tmp_path, a=["a"], b=["b"])
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run()
        come(tmp_path, c=["c"])
        nights.run()
        (tmp_path / "in/a.csv").unlink()
        (tmp_path / "in/b.csv").rename(tmp_path / "in/x.csv")
        (tmp_path / "in/c.csv").rename(tmp_path / "in/b.csv")

    assert why(tmp_path, "b")[0] == [("in/b.csv", "delivered")]
    assert why(tmp_path, "c")[0] == [("in/c.csv", "delivered")]
    rows, told = why(tmp_path, "a")
    assert rows == []
    assert "1 file that earlier runs took is not among its sources now" in told
    assert "in/x.csv was taken as in/b.csv" in told


def test_rejects_of_earlier_nights_are_not_forgotten(tmp_path):
    come(tmp_path, a=["a", TOO_LONG])
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run()
        come(tmp_path, b=["b"])
        nights.run()
    asked = command(tmp_path, None, "rejects", "job.yaml")

    assert asked.code == 0
    assert "earlier runs rejected 1 row of files that are not read again" in asked.text
    assert "state/job.rejects as people.csv.earlier" in asked.text


@pytest.mark.parametrize("is_later", [False, True])
def test_an_event_of_a_mended_row_has_the_id_it_would_have_had_in_its_night(tmp_path, is_later):
    event = {"name": "seen", "timestamp": "at", "key": "row"}
    source = {"name": "events", "source": "in/*.csv", "person": {"id": "id"}, "event": event}
    (tmp_path / "in").mkdir()
    (tmp_path / "in/1.csv").write_text("id,at\na,1600000000\nb,never\n")
    digest = fingerprint(tmp_path / "in/1.csv").digest
    with recording() as server:
        nights = Nights(tmp_path, server, source)
        nights.run()
        rejects = tmp_path / "state/job.rejects/events.csv"
        if is_later:
            (tmp_path / "in/2.csv").write_text("id,at\nc,1600000000\n")
            nights.run()
            rejects = rejects.with_name("events.csv.earlier")
        mended = rejects.read_text().replace("never", "1600000001")
        (tmp_path / "mended.csv").write_text(mended)
        nights.run("--only", "events", "--source", "mended.csv")

    place = [pl.Series([digest]), pl.Series(["2"])]
    (expected,) = ulids(np.array([1_600_000_001]), "events", place)
    assert server.accepted[-1]["identifiers"] == {"id": "b"}
    assert server.accepted[-1]["id"] == expected


def test_status_plan_and_the_report_stand_on_a_folder_that_was_emptied(tmp_path):
    come(tmp_path, a=["a"])
    with recording() as server:
        nights = Nights(tmp_path, server)
        nights.run("--done-folder", "done")
    said = {
        name: command(tmp_path, None, name, "job.yaml", "--json")
        for name in ("status", "plan", "report", "rejects")
    }

    assert {name: ended.code for name, ended in said.items()} == dict.fromkeys(said, 0)
    assert said["status"].told["rows"]["delivered"] == 1
    assert said["plan"].told["rows"]["read"] == 0
    assert said["plan"].told["checkpoint"]["a_run"] == "finished"
