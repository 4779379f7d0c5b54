"""What `plan` says a run will send is what the run sends, to the byte."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill import engine, planning
from backfill.checkpoint import peek
from backfill.config import load
from backfill.following import Follower
from backfill.pipeline import Options
from tests.end_to_end.command import Ended, command, environ, run_job, write_job
from tests.end_to_end.people import PEOPLE, write_people
from tests.end_to_end.recorder import Answer, Recorder, recording

from .sources import LONG_AGO, planned, write_rows


def plan_job(folder: Path, *arguments: str) -> Ended:
    return command(folder, None, "plan", "job.yaml", "--json", *arguments)


def assert_as_planned(plan: dict[str, Any], run: dict[str, Any], server: Recorder) -> None:
    """Every number of the plan is that of the run, of the job and of each stream."""
    for told, came in [(plan, run), *zip(plan["streams"], run["streams"], strict=True)]:
        rows = told["rows"]
        assert {
            "read": rows["read"],
            "delivered": rows["deliverable"],
            "rejected": rows["rejected"],
            "filtered": rows["filtered"],
            "unprocessed": rows["held"],
        } == came["rows"]
        assert told["operations"] == came["operations"]["delivered"]
    for told, came in zip(plan["streams"], run["streams"], strict=True):
        assert told["filtered_by"]["where"] == came["filtered_by"]["where"]
        assert told["filtered_by"]["folded"] == came["filtered_by"]["folded"]
    assert plan["requests"] == run["requests"]["sent"] == len(server.posted)
    assert plan["bytes"] == run["bytes_sent"] == sum(posted.size for posted in server.posted)
    assert sum(stream["requests"] for stream in plan["streams"]) == plan["requests"]
    assert sum(stream["bytes"] for stream in plan["streams"]) == plan["bytes"]


def people_rows(count: int) -> list[dict[str, str]]:
    """People of whom some are left out, refused, repeated, and all tied to a company."""
    return [
        {
            "id": "" if n % 97 == 5 else f"p{n % (count - count // 10)}",
            "email": f"p{n}@example.com",
            "value": "x" * (1_001 if n % 89 == 3 else 300),
            "status": "gone" if n % 7 == 0 else "here",
            "company": "" if n % 11 == 0 else f"c{n % 13}",
            "at": LONG_AGO if n % 83 else "sometime",
        }
        for n in range(count)
    ]


STREAMS: dict[str, dict[str, Any]] = {
    "plain": {"person": {"id": "id"}, "attributes": "*"},
    "where": {"person": {"id": "id"}, "attributes": "*", "where": "status != 'gone'"},
    "fold": {"person": {"id": "id"}, "attributes": "*", "repeats": "fold"},
    "each": {"person": {"id": "id"}, "attributes": "*", "repeats": "each"},
    "tied": {
        "person": {"id": "id", "email": "email"},
        "attributes": {"value": "value"},
        "relationships": [{"object": {"type": "1", "id": "company"}}],
    },
    "events": {
        "person": {"email": "email"},
        "event": {"name": "seen", "timestamp": "at", "key": "content"},
        "attributes": "*",
    },
    "objects": {"object": {"type": "1", "id": "company"}, "attributes": {"value": "value"}},
}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_run_sends_what_was_planned_of_every_kind_of_stream(tmp_path, form):
    write_rows(tmp_path / f"rows.{form}", people_rows(3_000))
    streams = [{"name": name, "source": f"rows.{form}"} | keys for name, keys in STREAMS.items()]
    write_job(tmp_path, *streams)

    with recording() as server:
        plan = plan_job(tmp_path)
        asked = server.asked
        run = run_job(tmp_path, server.address)

    assert (plan.code, run.code, asked) == (0, 3, 0), plan.text
    assert_as_planned(plan.told, run.told, server)
    assert plan.told["requests"] > len(streams)


@pytest.mark.parametrize("form", ["csv", "jsonl.gz"])
def test_a_run_sends_what_was_planned_of_several_files(tmp_path, form):
    for n, count in enumerate((700, 1, 1_300)):
        write_rows(tmp_path / f"part-{n}.{form}", people_rows(count + 100)[:count])
    write_rows(tmp_path / "more.parquet", people_rows(900))
    write_job(
        tmp_path,
        STREAMS["where"] | {"name": "globbed", "source": f"part-*.{form}"},
        STREAMS["events"] | {"name": "listed", "source": ["more.parquet"]},
        operations_per_s=20_000,
    )

    with recording() as server:
        plan = plan_job(tmp_path)
        run = run_job(tmp_path, server.address)

    assert [stream["files"] for stream in plan.told["streams"]] == [3, 1]
    assert_as_planned(plan.told, run.told, server)


def test_a_run_with_a_limit_sends_what_was_planned_with_that_limit(tmp_path):
    write_rows(tmp_path / "rows.csv", people_rows(3_000))
    streams = [{"name": name, "source": "rows.csv"} | STREAMS[name] for name in ("fold", "where")]
    write_job(tmp_path, *streams)

    with recording() as server:
        plan = plan_job(tmp_path, "--limit", "1234")
        run = run_job(tmp_path, server.address, "--limit", "1234")

    assert plan.told["rows"]["read"] == 2 * 1_234
    assert_as_planned(plan.told, run.told, server)


def test_held_events_are_planned_as_held_and_the_run_ends_held(tmp_path):
    now_s = int(time.time())
    rows = [{"id": f"p{n}", "at": now_s - 60 if n % 3 == 0 else LONG_AGO} for n in range(30)]
    write_rows(tmp_path / "rows.csv", rows)
    event = {"name": "bought", "timestamp": "at", "key": "row"}
    stream = {"name": "orders", "source": "rows.csv", "person": {"id": "id"}, "event": event}
    write_job(tmp_path, stream | {"campaigns": "hold"})

    with recording() as server:
        plan = plan_job(tmp_path)
        run = run_job(tmp_path, server.address)

    assert plan.told["rows"]["held"] == run.told["held"] == 10
    assert (plan.code, run.code, run.told["state"]) == (0, 1, "held")
    assert_as_planned(plan.told, run.told, server)


def rest(folder: Path) -> planning.Plan:
    """The plan of what is left of the folder's job."""
    job = load(folder / "job.yaml", [])
    scope = planning.Scope(peek(job.checkpoint), goes_on=True)
    return engine.surveyed(job, scope, Follower(None))


def test_the_plan_of_the_rest_is_what_the_resumed_run_sends(tmp_path):
    write_rows(tmp_path / "rows.csv", people_rows(3_000))
    streams = [{"name": name, "source": "rows.csv"} | STREAMS[name] for name in ("plain", "fold")]
    write_job(tmp_path, *streams, operations_per_s=20_000, concurrency=1)

    with recording(lambda posted: Answer(401 if posted.number == 7 else 200)) as server:
        whole = plan_job(tmp_path).told
        stopped = run_job(tmp_path, server.address)
        sent = len(server.posted)
        again = plan_job(tmp_path).told
        left = rest(tmp_path)
        resumed = run_job(tmp_path, server.address)

    assert (stopped.code, resumed.code) == (1, 3)
    assert left.total("requests") == resumed.told["requests"]["sent"] == len(server.posted) - sent
    assert left.total("body_bytes") == resumed.told["bytes_sent"]
    done = stopped.told["rows"]["read"] - stopped.told["rows"]["unprocessed"]
    assert left.total("rows_done") == done > 0
    assert left.total("read") + done == whole["rows"]["read"]
    assert again["bytes"] == whole["bytes"]
    assert again["checkpoint"]["a_run"] == "resume"
    assert rest(tmp_path).is_done


def test_a_plan_tells_what_a_run_makes_of_the_checkpoint(tmp_path):
    write_people(tmp_path / "people.csv", 10)
    write_job(tmp_path, PEOPLE)

    with recording() as server:
        none = plan_job(tmp_path).told["checkpoint"]
        run_job(tmp_path, server.address)
    finished = plan_job(tmp_path)
    write_people(tmp_path / "people.csv", 12)
    changed = plan_job(tmp_path)
    write_job(tmp_path, PEOPLE | {"attributes": {"other": "value"}})
    refused = plan_job(tmp_path)

    assert none is None
    assert finished.told["checkpoint"]["a_run"] == "finished"
    assert (finished.told["rows"]["read"], finished.told["requests"]) == (10, 1)
    assert changed.told["checkpoint"]["a_run"] == "new_run"
    assert refused.told["checkpoint"]["a_run"] == "is refused"
    assert "people" in refused.told["checkpoint"]["refusal"]
    assert "a run is refused: the checkpoint belongs to another job" in refused.text
    assert [each.code for each in (finished, changed, refused)] == [0, 0, 0]


cells = st.sampled_from(["", "a", "b", "A", " a", "null", "é" * 600, LONG_AGO, "-5", "\x00"])
small_row = st.fixed_dictionaries(dict.fromkeys(("id", "value", "at"), cells))
small_rows = st.lists(small_row, min_size=1)
stream_keys = st.fixed_dictionaries(
    {"person": st.just({"id": "id"})},
    optional={
        "where": st.just("value != 'b'"),
        "repeats": st.sampled_from(["each", "fold"]),
        "blank": st.sampled_from(["omit", "unset", "keep"]),
        "timestamp": st.just("at"),
    },
)
event_keys = st.fixed_dictionaries(
    {
        "person": st.just({"id": "id"}),
        "event": st.sampled_from(
            [
                {"name": {"column": "value"}, "timestamp": "at", "key": key}
                for key in ("id", "content", "row")
            ]
        ),
        "campaigns": st.sampled_from(["allow", "hold", "refuse"]),
    }
)


@pytest.fixture(scope="module")
def server():
    with recording() as found, pytest.MonkeyPatch.context() as patch:
        for name, value in environ(found.address).items():
            patch.setenv(name, value)
        yield found


@given(
    small_rows,
    st.lists(st.one_of(stream_keys, event_keys), min_size=1, max_size=3),
    st.sampled_from(["csv", "jsonl", "parquet"]),
    st.one_of(st.none(), st.integers(1, 20)),
)
@settings(deadline=None, max_examples=25)
def test_any_small_job_is_sent_as_planned(server, tmp_path_factory, rows, streams, form, limit):
    folder = tmp_path_factory.mktemp("job")
    write_rows(folder / f"rows.{form}", rows)
    keys = {"source": f"rows.{form}", "attributes": {"value": "value"}}
    named = [{"name": f"s{n}"} | keys | stream for n, stream in enumerate(streams)]
    server.posted.clear()

    plan = planned(folder, *named, limit=limit)
    job = load(folder / "job.yaml", [])
    closing = engine.send(job, Options(limit), Follower(None))

    for stream in plan.streams:
        counts = closing.counts[stream.name]
        assert (stream.read, stream.deliverable, stream.rejected, stream.held) == (
            counts.read, counts.delivered, counts.rejected, counts.unprocessed,
        )  # fmt: skip
        assert sum(stream.filtered.values()) == counts.filtered
        assert stream.operations == counts.operations_delivered
    assert plan.total("requests") == closing.effort.requests_sent
    assert plan.total("body_bytes") == sum(posted.size for posted in server.posted)
    assert plan.total("held") == closing.held
