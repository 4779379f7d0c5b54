"""What a run over several workers comes to is what a run of one process comes to."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import pytest

from tests.end_to_end.command import adds_up, run_job, write_job
from tests.end_to_end.recorder import Answer, Posted, recording

from .jobs import (
    EVENTS,
    PEOPLE,
    THREE,
    arrivals,
    canonical,
    most_in_a_second,
    orders,
    people,
    rejects,
    spread,
    write,
)

TOO_LONG = "x" * 1_001


def refusing(posted: Posted) -> Answer:
    """Refuses every 31st person and every 37th order."""
    errors = [
        {"batch_index": i, "reason": "invalid", "field": "x", "message": "no"}
        for i, operation in enumerate(posted.operations)
        if int(operation["attributes"].get("n", operation.get("timestamp", 1))) % 31 == 7
    ]
    return Answer(207, json.dumps({"errors": errors}).encode()) if errors else Answer()


def outcomes(folder, place, arguments):
    """What a run of job.yaml tells that keeps its files in a place, and what arrived."""
    settings = (f"checkpoint={place}/job.checkpoint", f"rejects={place}/rejects")
    with recording(refusing) as server:
        options = [word for one in settings for word in ("--set", one)]
        run = run_job(folder, server.address, *options, *arguments)
    kept = ("rows", "operations", "streams", "rejected_by", "filtered_by", "held", "state")
    return (
        run,
        {name: run.told[name] for name in kept},
        canonical(operation for posted in server.posted for operation in posted.operations),
    )


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "csv.gz"])
def test_three_workers_send_what_one_process_sends_and_refuse_the_same_rows(tmp_path, ending):
    rows = people(range(4_000))
    for row in rows[::97]:
        row["note"] = TOO_LONG
    spread(tmp_path / "people", rows, 9, ending)
    spread(tmp_path / "orders", orders(range(4_000)), 7, ending)
    write_job(tmp_path, PEOPLE | {"where": "n <> '17'"}, EVENTS)

    _, told, sent = outcomes(tmp_path, "one", ())
    run, told_by_three, sent_by_three = outcomes(tmp_path, "three", THREE)

    assert run.code == 3
    assert told_by_three == told
    assert sent_by_three == sent
    assert rejects(tmp_path / "three/rejects") == rejects(tmp_path / "one/rejects") != []
    assert adds_up(run.told["rows"])
    assert " is ready: process " in run.text


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_one_large_file_is_cut_and_its_rows_keep_their_numbers(tmp_path, ending):
    rows = people(range(12_000), note="y" * 700)
    for row in rows[5::997]:
        row["note"] = 'a ""quoted"" word,\n and a line end' * 40  # too long
    for row in rows[7::13]:
        row["note"] = 'a ""quoted"" word,\n and a line end'
    write(tmp_path / f"people/all.{ending}", rows)
    stream = PEOPLE | {"event": {"name": "e", "timestamp": {"value": 1_500_000_000}, "key": "row"}}
    write_job(tmp_path, stream)

    _, told, sent = outcomes(tmp_path, "one", ())
    run, told_by_three, sent_by_three = outcomes(tmp_path, "three", THREE)

    assert told_by_three == told
    assert sent_by_three == sent
    assert rejects(tmp_path / "three/rejects") == rejects(tmp_path / "one/rejects") != []
    assert len({json.loads(o)["id"] for o in sent_by_three}) == len(sent_by_three)
    assert run.code == 3


@pytest.mark.parametrize("shape", ["by file", "within a file"])
def test_changes_of_one_entity_arrive_in_the_order_of_the_source(tmp_path, shape):
    rows = [{"id": f"p{n % 300}", "n": str(n), "note": "z" * 300} for n in range(18_000)]
    if shape == "by file":
        spread(tmp_path / "people", rows, 6)
    else:
        write(tmp_path / "people/all.csv", rows)
    write_job(tmp_path, PEOPLE)

    with recording(lambda _: Answer(delay_s=0.01)) as server:
        run = run_job(tmp_path, server.address, *THREE)

    seen = defaultdict(list)
    last_answer: dict[str, float] = {}
    for posted in server.posted:
        ids = [operation["identifiers"]["id"] for operation in posted.operations]
        assert max(Counter(ids).values()) == 1
        for operation in posted.operations:
            who = operation["identifiers"]["id"]
            assert last_answer.get(who, 0.0) <= posted.at_s
            seen[who].append(int(operation["attributes"]["n"]))
        last_answer |= dict.fromkeys(ids, posted.answered_s)
    assert run.code == 0, run.text
    assert sum(map(len, seen.values())) == len(rows)
    assert all(numbers == sorted(numbers) for numbers in seen.values())
    assert "each worker a share of the entities" in run.text


def test_merges_whose_people_stand_in_several_files_are_sent_in_order(tmp_path):
    rows = [{"kept": "p0", "gone": f"q{n}"} for n in range(90)]
    spread(tmp_path / "merged", rows, 5)
    stream = {"name": "merged", "source": "merged/"}
    write_job(
        tmp_path, stream | {"merge": {"primary": {"id": "kept"}, "secondary": {"id": "gone"}}}
    )

    with recording() as server:
        run = run_job(tmp_path, server.address, *THREE)

    gone = [o["secondary"]["id"] for p in server.posted for o in p.operations]
    assert run.code == 0, run.text
    assert gone == [row["gone"] for row in rows]


def test_all_workers_together_keep_to_the_pace(tmp_path):
    spread(tmp_path / "orders", orders(range(600)), 12)
    write_job(tmp_path, EVENTS, requests_per_s=40, operations_per_s=200)

    with recording() as server:
        run = run_job(tmp_path, server.address, *THREE)

    assert run.code == 0, run.text
    assert len(server.posted) > 80
    assert most_in_a_second(arrivals(server)) <= 40


def test_a_429_makes_all_workers_wait(tmp_path):
    spread(tmp_path / "orders", orders(range(2_000)), 12)
    write_job(tmp_path, EVENTS, requests_per_s=200, operations_per_s=1_000)
    refused: list[float] = []

    def once(posted: Posted) -> Answer:
        if posted.number == 20:
            refused.append(posted.at_s)
            return Answer(429, b'{"meta":{"error":"slow down"}}')
        return Answer(delay_s=0.02)

    with recording(once) as server:
        run = run_job(tmp_path, server.address, *THREE)

    after = [p.at_s - refused[0] for p in server.posted if p.at_s > refused[0]]
    assert run.code == 0, run.text
    assert run.told["requests"]["retried"] == 1
    assert len([s for s in after if s < 0.25]) < 30, after[:40]


def test_an_api_that_refuses_everything_stops_all_workers_with_no_row_rejected(tmp_path):
    spread(tmp_path / "people", people(range(900)), 9)
    write_job(tmp_path, PEOPLE, operations_per_s=2_000)

    with recording(lambda _: Answer(400, b'{"errors":[{"reason":"no","message":"no"}]}')) as server:
        run = run_job(tmp_path, server.address, *THREE)

    assert run.code == 1, run.text
    assert "refuses every operation of 3 batches in a row" in run.text
    assert run.told["rows"]["rejected"] == run.told["rows"]["delivered"] == 0
    assert adds_up(run.told["rows"])


def test_a_wrong_key_stops_all_workers_at_once(tmp_path):
    spread(tmp_path / "people", people(range(3_000)), 9)
    write_job(tmp_path, PEOPLE, operations_per_s=2_000)

    refusal = Answer(401, b'{"meta":{"error":"unauthorized"}}')
    with recording(lambda posted: refusal if posted.number > 3 else Answer()) as server:
        run = run_job(tmp_path, server.address, *THREE)

    assert run.code == 1
    assert run.told["state"] == "stopped"
    assert "CUSTOMERIO_API_KEY" in run.text
    assert "key-nobody-may-see" not in run.text


def test_max_rejects_counts_the_rejects_of_all_workers(tmp_path):
    rows = people(range(2_000))
    for row in rows[::10]:
        row["note"] = TOO_LONG
    spread(tmp_path / "people", rows, 9)
    write_job(tmp_path, PEOPLE | {"max_rejects": 60})

    with recording() as server:
        run = run_job(tmp_path, server.address, *THREE)

    assert run.code == 1
    assert "max_rejects: 60" in run.text


def test_a_stream_of_no_rows_and_one_of_a_single_file_are_sent_too(tmp_path):
    write(tmp_path / "people/one.csv", people(range(10)))
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders/none.csv").write_text("id,at,key,note\n")
    write_job(tmp_path, PEOPLE, EVENTS)

    with recording() as server:
        run = run_job(tmp_path, server.address, *THREE)

    assert run.code == 0, run.text
    assert run.told["rows"]["delivered"] == 10
    assert "its source holds no rows" in run.text
