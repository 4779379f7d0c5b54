from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.errors import DeliveryError
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.ledger import Counts, FileState
from backfill.report import (
    Closing,
    Effort,
    as_json,
    status_as_json,
    status_lines,
    summary_lines,
    total,
)
from backfill.resumption import Saved

unhurried = settings(deadline=None)

PEOPLE = Counts(500_000, 499_000, 900, 50, 20, 0, 10, 0, 20, 499_000, 50)
ORDERS = Counts(20, 20, operations_delivered=20)
CHECKPOINT = Path("state/crm.checkpoint")


def closing(state="completed", people=PEOPLE, **more) -> Closing:
    counts = {"people": people, "orders": ORDERS}
    rejects = [Path("state/rejects/people.csv")] if people.rejected else []
    effort = Effort(335, 2, 151_200_000, 12.3456)
    return Closing(state, "20260102T030405Z-abc123", counts, effort, rejects, CHECKPOINT, **more)


def test_the_summary_reads():
    assert summary_lines(closing()) == [
        "Run 20260102T030405Z-abc123 completed after 12.3 s.",
        "",
        "stream     read  delivered  rejected  filtered  unprocessed",
        "people  500,000    499,000       950        50            0",
        "orders       20         20         0         0            0",
        "total   500,020    499,020       950        50            0",
        "",
        "Rejected: 900 by us before sending, 50 by the API.",
        "Filtered: 20 left out by where, 10 unchanged, 20 folded into a later row.",
        "Delivered means accepted by the API, which answers before it applies what it took.",
        "Requests of this process: 335 sent, 2 of them retries; 151,200,000 bytes.",
        "Rejected rows: state/rejects/people.csv",
        "Checkpoint: state/crm.checkpoint",
        "Next: backfill rejects CONFIG says what would mend the rejected rows; mended, they are"
        " sent by backfill run CONFIG --only STREAM --source FILE.",
    ]


def test_the_json_object_has_the_agreed_keys_and_plain_integers():
    given_back = json.loads(json.dumps(as_json(closing())))

    streams = given_back.pop("streams")
    assert given_back == {
        "state": "completed",
        "run_id": "20260102T030405Z-abc123",
        "rows": {
            "read": 500_020,
            "delivered": 499_020,
            "rejected": 950,
            "filtered": 50,
            "unprocessed": 0,
        },
        "rejected_by": {"us": 900, "api": 50},
        "filtered_by": {
            "where": 20,
            "since": 0,
            "unchanged": 10,
            "superseded": 0,
            "folded": 20,
        },
        "operations": {"delivered": 499_020, "rejected": 50},
        "requests": {"sent": 335, "retried": 2},
        "bytes_sent": 151_200_000,
        "elapsed_s": 12.346,
        "held": 0,
        "files_waiting": 0,
        "rejects": ["state/rejects/people.csv"],
        "checkpoint": "state/crm.checkpoint",
        "report": None,
        "error": None,
    }
    assert [stream["name"] for stream in streams] == ["people", "orders"]
    assert streams[1]["rows"]["delivered"] == 20


@pytest.mark.parametrize(
    ("run", "step"),
    [
        (closing(people=ORDERS), "Next: nothing is left to do."),
        (closing(people=ORDERS, is_cut=True), "Next: run without --limit to send the rest."),
        (
            closing(people=ORDERS._replace(read=22), held=2),
            "Next: run the same command again when the events held back are 72 hours old.",
        ),
        (closing("interrupted"), "Next: run the same command again: it goes on where"),
        (closing("stopped"), "Next: mend what stopped it, then run the same command again"),
    ],
)
def test_every_summary_says_what_to_do_next(run, step):
    assert summary_lines(run)[-1].startswith(step)


def test_a_run_that_was_stopped_says_why():
    error = DeliveryError("the API does not accept the key", "CUSTOMERIO_API_KEY", "check it")
    run = closing("stopped", error=error)

    assert f"error: {error}" in summary_lines(run)
    assert as_json(run)["error"] == {
        "what": "the API does not accept the key",
        "where": "CUSTOMERIO_API_KEY",
        "fix": "check it",
    }


def test_rows_held_back_are_told_and_no_others_may_be_left():
    run = closing(people=ORDERS._replace(read=22), held=2)

    assert "Held back: 2 events younger than 72 hours." in summary_lines(run)
    assert (as_json(run)["held"], as_json(run)["rows"]["unprocessed"]) == (2, 2)
    with pytest.raises(AssertionError):
        as_json(closing(people=ORDERS._replace(read=23), held=2))


@pytest.mark.parametrize("say", [summary_lines, as_json])
@pytest.mark.parametrize(
    "people",
    [Counts(read=3, delivered=4), Counts(read=3, delivered=2), Counts(3, 4, -1)],
    ids=["more done than read", "completed with a row not done", "negative"],
)
def test_counts_that_do_not_add_up_are_not_reported(say, people):
    with pytest.raises(AssertionError):
        say(closing(people=people))


def test_rows_not_done_are_reported_as_unprocessed_where_the_run_did_not_complete():
    rows = as_json(closing("interrupted", people=Counts(read=3, delivered=2)))["rows"]

    assert (rows["read"], rows["unprocessed"]) == (23, 1)


@unhurried
@given(st.lists(st.tuples(*[st.integers(0, 10**12)] * 11), max_size=4), st.integers(0, 10**6))
def test_reported_rows_add_up_by_stream_and_in_total(streams, outstanding):
    counts = {}
    for number, values in enumerate(streams):
        done = Counts(*values)
        counts[f"s{number}"] = done._replace(read=done.done + outstanding)
    run = Closing("stopped", "r", counts, Effort(0, 0, 0, 0.0), [], CHECKPOINT)
    told = as_json(run)

    for rows in [told["rows"], *(stream["rows"] for stream in told["streams"])]:
        parts = ("delivered", "rejected", "filtered", "unprocessed")
        assert rows["read"] == sum(rows[part] for part in parts)
    assert told["rows"]["read"] == total(counts.values()).read
    assert sum(told["filtered_by"].values()) == told["rows"]["filtered"]
    assert sum(told["rejected_by"].values()) == told["rows"]["rejected"]
    assert all(line.isascii() for line in summary_lines(run))


# --- Status -----------------------------------------------------------------------------------

REJECTS = [Path("state/rejects/people.csv")]
JOB = JobIdentity(
    "https://track.customer.io",
    (
        StreamIdentity("people", b"", (FileIdentity("a.csv", 1, "a"),)),
        StreamIdentity("orders", b"", (FileIdentity("b.csv", 1, "b"),)),
    ),
)


def saved(state="running", orders_done=0) -> Saved:
    return Saved(
        "20260102T030405Z-abc123",
        state,
        JOB,
        (FileState("people", 0, 500_000, 500_000), FileState("orders", 0, 20, orders_done)),
        {"people": PEOPLE},
        {"people": 120},
        1_767_323_045.9,
    )


def test_the_status_of_a_run_reads():
    assert status_lines(saved(), "process 7 on host", CHECKPOINT, REJECTS) == [
        "Run 20260102T030405Z-abc123 is running as process 7 on host.",
        "",
        "stream     read  delivered  rejected  filtered  unprocessed",
        "people  500,000    499,000       950        50            0",
        "orders        0          0         0         0            0",
        "total   500,000    499,000       950        50            0",
        "",
        "Rejected: 900 by us before sending, 50 by the API.",
        "Filtered: 20 left out by where, 10 unchanged, 20 folded into a later row.",
        "Delivered means accepted by the API, which answers before it applies what it took.",
        "Files finished: 1 of 2.",
        "Last request: 2026-01-02T03:04:05Z.",
        "Rejected rows: state/rejects/people.csv",
    ]


@pytest.mark.parametrize(
    ("found", "holder", "state", "last_line"),
    [
        (saved(), None, "interrupted", "Next: run the same command again: it goes on where"),
        (saved("stopped"), "process 7 on host", "running", "Rejected rows"),
        (saved("completed"), None, "completed", "Next: run again, without --limit, to send"),
        (saved("completed", 20), None, "completed", "Rejected rows"),
    ],
    ids=["killed", "just taken up again", "cut by --limit", "finished"],
)
def test_status_says_what_is_so_now(found, holder, state, last_line):
    told = status_as_json(found, holder, CHECKPOINT, REJECTS)

    assert told["state"] == state
    assert told["streams"][0]["files"] == {"finished": 1, "total": 1}
    assert status_lines(found, holder, CHECKPOINT, REJECTS)[-1].startswith(last_line)


def test_the_status_of_a_job_never_begun_says_so():
    assert status_as_json(None, None, CHECKPOINT)["state"] == "not started"
    assert status_lines(None, None, CHECKPOINT) == [
        "No run has begun: state/crm.checkpoint is not there or empty."
    ]
