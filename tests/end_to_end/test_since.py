"""Nights over an export that only grows: `since` sends what is new."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.planning.sources import write_rows

from .command import Ended, adds_up, command, run_job, start, write_job
from .people import ids
from .recorder import Answer, Posted, Recorder, recording

DAY_S = 86_400
TODAY = 1_700_000_000
SINCE = {"column": "at", "overlap": 0}
PEOPLE = {"name": "people", "source": "people.csv", "person": {"id": "id"}, "attributes": "*"}
FORMATS = pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])

Rows = Sequence[tuple[str, Any]]


def export(folder: Path, rows: Rows, name: str = "people.csv") -> None:
    write_rows(folder / name, [{"id": row, "at": at, "note": "x"} for row, at in rows])


def growing(folder: Path, since: Any = SINCE, **keys: Any) -> None:
    write_job(folder, PEOPLE | {"since": since} | keys)


def sent_by(server: Recorder, folder: Path, *arguments: str) -> tuple[list[str], Ended]:
    """The ids that a run sends, in their order."""
    before = len(server.posted)
    run = run_job(folder, server.address, *arguments)
    assert adds_up(run.told["rows"])
    return [each for posted in server.posted[before:] for each in ids(posted.operations)], run


def refusing(*names: str) -> Any:
    """An API that refuses these people."""

    def script(posted: Posted) -> Answer:
        errors = [
            {"batch_index": i, "reason": "invalid", "field": "id", "message": "no"}
            for i, each in enumerate(ids(posted.operations))
            if each in names
        ]
        return Answer(207 if errors else 200, json.dumps({"errors": errors}).encode())

    return script


@FORMATS
def test_a_night_sends_the_rows_from_the_newest_of_the_night_before_on(tmp_path, name):
    rows = [("a", TODAY - DAY_S), ("b", TODAY)]
    growing(tmp_path, source=name)

    with recording() as server:
        export(tmp_path, rows, name)
        first, _ = sent_by(server, tmp_path)
        export(tmp_path, [*rows, ("c", TODAY), ("d", TODAY + 1)], name)
        second, run = sent_by(server, tmp_path)

    assert (first, second) == (["a", "b"], ["b", "c", "d"])
    assert run.told["filtered_by"]["since"] == 1
    assert "1 older than since" in run.text


def test_a_plan_counts_what_the_night_then_does(tmp_path):
    rows = [(f"p{n}", TODAY + n // 3) for n in range(30)]
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, rows[:20])
        run_job(tmp_path, server.address)
        export(tmp_path, rows)
        planned = command(tmp_path, None, "plan", "job.yaml", "--json").told
        run = run_job(tmp_path, server.address).told

    assert planned["rows"]["deliverable"] == run["rows"]["delivered"] == 12
    assert planned["streams"][0]["filtered_by"] == run["filtered_by"]
    sent = (run["requests"]["sent"], run["bytes_sent"])
    assert (planned["requests"], planned["bytes"]) == sent


def test_rows_that_appear_late_are_sent_within_the_overlap(tmp_path):
    rows = [("a", TODAY - 2 * 3600 - 1), ("b", TODAY - 2 * 3600), ("c", TODAY)]
    growing(tmp_path, {"column": "at", "overlap": "2h"})

    with recording() as server:
        export(tmp_path, rows)
        sent_by(server, tmp_path)
        export(tmp_path, [*rows, ("late", TODAY - 3600)])
        second, _ = sent_by(server, tmp_path)

    assert second == ["b", "c", "late"]


def test_an_hour_of_rows_is_sent_again_unless_the_stream_says_otherwise(tmp_path):
    rows = [("a", TODAY - 3601), ("b", TODAY - 3600), ("c", TODAY)]
    growing(tmp_path, "at")

    with recording() as server:
        export(tmp_path, rows)
        sent_by(server, tmp_path)
        export(tmp_path, [*rows, ("d", TODAY)])
        second, _ = sent_by(server, tmp_path)

    assert second == ["b", "c", "d"]


def test_integers_order_rows_as_numbers(tmp_path):
    growing(tmp_path, {"column": "at", "type": "integer"})

    with recording() as server:
        export(tmp_path, [("a", 9), ("b", 10)])
        sent_by(server, tmp_path)
        export(tmp_path, [("a", 9), ("b", 10), ("c", 11)])
        second, _ = sent_by(server, tmp_path)

    assert second == ["b", "c"]


@pytest.mark.parametrize("by", ["us", "api"])
def test_a_rejected_row_and_all_after_it_come_again_until_it_is_mended(tmp_path, by):
    bad = "b" * 151 if by == "us" else "bad"
    rows = [("a", TODAY), (bad, TODAY + 60), ("c", TODAY + 120)]
    growing(tmp_path)

    with recording(refusing("bad")) as server:
        export(tmp_path, rows)
        _, first = sent_by(server, tmp_path)
        export(tmp_path, [*rows, ("d", TODAY + 180)])
        second, _ = sent_by(server, tmp_path)
        export(tmp_path, [("a", TODAY), ("good", TODAY + 60), *rows[2:], ("d", TODAY + 180)])
        third, mended = sent_by(server, tmp_path)
        export(tmp_path, [*rows[:1], ("good", TODAY + 60), ("d", TODAY + 180), ("e", TODAY + 240)])
        fourth, _ = sent_by(server, tmp_path)

    assert [row for row in second if row != bad] == ["c", "d"]
    assert third == ["good", "c", "d"]
    assert fourth == ["d", "e"]
    assert "rejected rows hold `since` at 2023-11-14T22:14:20Z" in first.text
    assert "hold `since`" not in mended.text


def test_a_row_without_a_readable_value_is_rejected_each_night_and_holds_nothing_up(tmp_path):
    rows = [("a", TODAY), ("blank", ""), ("odd", "soon"), ("local", "2023-01-01 10:00")]
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, rows)
        sent_by(server, tmp_path)
        export(tmp_path, [*rows, ("b", TODAY + 1)])
        second, run = sent_by(server, tmp_path)
    rejects = command(tmp_path, None, "rejects", "job.yaml").text

    assert second == ["a", "b"]
    assert run.told["rows"]["rejected"] == 3
    for rule in ("no_since, since", "not_a_timestamp, since", "no_timezone, since"):
        assert rule in rejects


def test_a_time_that_lies_ahead_is_sent_and_does_not_hide_what_comes_after_it(tmp_path):
    ahead = int(time.time()) + 30 * DAY_S
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, [("a", TODAY), ("ahead", ahead)])
        sent_by(server, tmp_path)
        export(tmp_path, [("a", TODAY), ("ahead", ahead), ("b", TODAY + 1)])
        second, _ = sent_by(server, tmp_path)

    assert second == ["a", "ahead", "b"]


def test_rows_that_where_leaves_out_are_asked_for_no_value_and_move_nothing(tmp_path):
    growing(tmp_path, where="id NOT LIKE 'x%'")

    with recording() as server:
        export(tmp_path, [("a", TODAY), ("x1", TODAY + 9), ("x2", "")])
        _, first = sent_by(server, tmp_path)
        export(tmp_path, [("a", TODAY), ("x1", TODAY + 9), ("x2", ""), ("b", TODAY + 1)])
        second, _ = sent_by(server, tmp_path)

    assert (first.code, second) == (0, ["a", "b"])


def test_a_run_with_a_limit_moves_nothing(tmp_path):
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, [("newest", TODAY), ("a", 1), ("b", 2)])
        first, _ = sent_by(server, tmp_path, "--limit", "1")
        rest, _ = sent_by(server, tmp_path)

    assert (first, rest) == (["newest"], ["a", "b"])


def test_a_stopped_night_whose_export_then_grew_begins_anew_where_it_began(tmp_path):
    growing(tmp_path)
    rows = [("a", TODAY), ("b", TODAY + 1), ("c", TODAY + 2)]

    with recording() as server:
        export(tmp_path, rows[:1])
        sent_by(server, tmp_path)
        export(tmp_path, [("old", 1), *rows])
        stopped, _ = sent_by(server, tmp_path, "--limit", "3")
        export(tmp_path, [("old", 1), *rows, ("d", TODAY + 3)])
        rest, run = sent_by(server, tmp_path)

    assert (stopped, rest) == (["a", "b"], ["a", "b", "c", "d"])
    assert "was not finished" in run.text
    assert run.told["filtered_by"]["since"] == 1


def test_a_stream_that_is_sent_whole_beside_it_stops_no_night_either(tmp_path):
    whole = {"name": "whole", "source": "whole.csv", "person": {"id": "id"}, "attributes": "*"}
    write_job(tmp_path, PEOPLE | {"since": "at"}, whole)

    with recording() as server:
        for night, name in enumerate(("x", "y")):
            export(tmp_path, [("a", TODAY), ("b", TODAY + 1)])
            (tmp_path / "whole.csv").write_text(f"id,night\n{name},{night}\n")
            found, run = sent_by(server, tmp_path, *(("--limit", "1") if name == "x" else ()))

    assert (run.code, found) == (0, ["a", "b", "y"]), run.text


def test_a_fresh_start_knows_of_no_night_before(tmp_path):
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, [("a", TODAY), ("b", TODAY + 1)])
        sent_by(server, tmp_path)
        export(tmp_path, [("a", TODAY), ("b", TODAY + 1), ("c", TODAY + 2)])
        again, _ = sent_by(server, tmp_path, "--fresh")

    assert again == ["a", "b", "c"]


def test_mended_rows_are_sent_whatever_their_age_and_move_nothing(tmp_path):
    rows = [("b" * 151, TODAY - 9), ("a", TODAY)]
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, rows)
        sent_by(server, tmp_path)
        export(tmp_path, [("b", TODAY - 9), ("future", TODAY + 999)], "mended.csv")
        mended, part = sent_by(server, tmp_path, "--only", "people", "--source", "mended.csv")
        export(tmp_path, [*rows, ("c", TODAY + 1)])
        after, _ = sent_by(server, tmp_path)

    assert mended == ["b", "future"]
    assert after == ["a", "c"]
    assert "sent again" not in part.text


def test_another_column_or_reading_is_another_job_and_another_overlap_is_not(tmp_path):
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, [("a", TODAY), ("b", TODAY + 1)])
        sent_by(server, tmp_path)
        export(tmp_path, [("a", TODAY), ("b", TODAY + 1), ("c", TODAY + 2)])
        growing(tmp_path, {"column": "note", "overlap": 0})
        refused = run_job(tmp_path, server.address)
        growing(tmp_path, {"column": "at", "overlap": 1})
        second, _ = sent_by(server, tmp_path)

    assert (refused.code, second) == (2, ["a", "b", "c"])
    assert "the mapping of stream people changed" in refused.text


def test_a_stream_that_was_away_for_a_night_starts_anew(tmp_path):
    other = PEOPLE | {"name": "other", "source": "other.csv"}
    rows = [("a", TODAY), ("b", TODAY + 1)]

    with recording() as server:
        for night, streams in enumerate(
            ([PEOPLE | {"since": SINCE}, other], [other], [PEOPLE | {"since": SINCE}, other])
        ):
            write_job(tmp_path, *streams)
            export(tmp_path, rows)
            export(tmp_path, [(f"night{night}", TODAY)], "other.csv")
            sent, _ = sent_by(server, tmp_path)

    assert sent == ["a", "b", "night2"]


def test_an_export_without_the_newest_row_is_pointed_out(tmp_path):
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, [("a", TODAY), ("b", TODAY + 1)])
        sent_by(server, tmp_path)
        export(tmp_path, [("a", TODAY)])
        planned = command(tmp_path, None, "plan", "job.yaml", "--json").told
        _, run = sent_by(server, tmp_path)

    assert "`since` leaves out every row" in run.text
    assert "since_leaves_nothing" in [finding["kind"] for finding in planned["findings"]]


def test_young_events_that_were_sent_before_stop_no_night(tmp_path):
    now = int(time.time())
    event = {"name": "bought", "timestamp": "at", "key": "id"}
    keys = {"event": event, "attributes": {"note": "note"}, "since": SINCE}
    write_job(tmp_path, PEOPLE | keys | {"campaigns": "allow"})
    export(tmp_path, [("a", now - 9), ("b", now - 8)])

    with recording() as server:
        sent_by(server, tmp_path)
        export(tmp_path, [("a", now - 9), ("b", now - 8), ("c", now - 7)])
        planned = command(tmp_path, None, "plan", "job.yaml", "--json").told

    assert planned["rows"] | {"held": 0} == {
        "read": 3,
        "deliverable": 2,
        "rejected": 0,
        "filtered": 1,
        "held": 0,
    }


def test_why_tells_rows_that_the_night_left_out(tmp_path):
    growing(tmp_path)

    with recording() as server:
        export(tmp_path, [("a", TODAY), ("b", TODAY + 1)])
        sent_by(server, tmp_path)
        export(tmp_path, [("a", TODAY), ("b", TODAY + 1), ("c", TODAY + 2)])
        sent_by(server, tmp_path)
    told = {
        name: command(tmp_path, None, "why", "job.yaml", name, "--json").told["rows"][0]
        for name in "abc"
    }

    assert {name: (row["outcome"], row["part"]) for name, row in told.items()} == {
        "a": ("filtered", "since"),
        "b": ("delivered", ""),
        "c": ("delivered", ""),
    }


def test_a_night_that_is_killed_again_and_again_leaves_no_row_behind(tmp_path):
    rows = [(f"p{n}", TODAY + n // 10) for n in range(9_000)]
    rejected = [("r" * 151, TODAY + 400)]
    write_job(tmp_path, PEOPLE | {"since": SINCE}, operations_per_s=4_000, concurrency=4)
    draw = random.Random(5)

    with recording() as server:
        for night in (3_000, 6_000, 9_000):
            export(tmp_path, [*rejected, *rows[:night]])
            for _ in range(3):
                process = start(tmp_path, server.address, "run", "job.yaml", "--json")
                begun = len(server.posted)
                while len(server.posted) == begun and process.poll() is None:
                    time.sleep(0.005)
                time.sleep(draw.uniform(0.0, 0.2))
                process.kill()
                process.communicate()
            run = run_job(tmp_path, server.address)
            sent = {each for posted in server.posted for each in ids(posted.operations)}
            assert sent >= {row for row, _ in rows[:night]}

    assert run.told["filtered_by"]["since"] == 4_000
    assert adds_up(run.told["rows"])
