"""What a report says adds up, or nothing is said."""

from __future__ import annotations

import pytest

from backfill.ledger import Counts
from backfill.reporting.comparison import Actual, compared
from backfill.reporting.facts import facts

from .runs import history, log, saved


def test_what_was_rejected_and_filtered_is_told_by_stream_and_reason_and_adds_up():
    found = facts(saved(), log())

    rejected = [part[:3] for part in found.rejected]
    assert rejected == [
        ("people", "no_identifier", 4),
        ("people", "value_too_long", 2),
        ("people", "refused by the API", 1),
    ]
    assert sum(part.rows for part in found.rejected) == found.total.rejected
    assert [part[:3] for part in found.filtered] == [("people", "left out by where", 3)]


def test_answers_and_attempts_hold_every_request_once():
    told = log(100)

    found = facts(saved(), told)

    assert sum(one.requests for one in found.answers) == 100
    assert sum(one.operations for one in found.answers) == 400
    assert (found.attempts.first, found.attempts.retries, found.attempts.most) == (86, 14, 2)
    assert [tuple(one) for one in found.failures] == [("429: too many requests", 14)]


@pytest.mark.parametrize(
    "broken",
    [
        saved(counts={"people": Counts(5, 6)}, rules={}),
        saved(rules={}),
        saved("completed", counts={"people": Counts(5, 4)}, rules={}),
    ],
    ids=["more done than read", "rejects without a rule", "completed with rows left"],
)
def test_counts_that_do_not_add_up_make_no_report(broken):
    with pytest.raises(AssertionError):
        facts(broken, history())


def test_a_process_that_was_killed_left_an_interrupted_run():
    assert facts(saved("running"), history()).state == "interrupted"
    assert facts(saved("running"), history(), is_running=True).state == "running"


def test_what_was_said_several_times_is_told_once_with_how_often():
    assert facts(saved(), history(remarks=("a", "b", "a"))).remarks == {"a": 2, "b": 1}


def test_each_quantity_of_a_plan_stands_beside_what_came_of_it():
    planned = {
        "rows": {"read": 100, "deliverable": 90, "rejected": 0, "filtered": 10},
        "operations": 90,
        "requests": 3,
        "bytes": 1000,
        "seconds": 2.0,
    }
    actual = Actual(Counts(100, 88, 2, 0, 10, operations_delivered=88), 4, 1500, 2.5)

    found = {one.what: (one.difference, one.share) for one in compared(planned, actual)}

    assert found == {
        "rows read": (0, 0),
        "rows delivered": (-2, -2 / 90),
        "rows rejected": (2, None),
        "rows filtered": (0, 0),
        "operations": (-2, -2 / 90),
        "requests": (1, 1 / 3),
        "bytes sent": (500, 0.5),
        "seconds at work": (0.5, 0.25),
    }
