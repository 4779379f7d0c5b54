"""What counts as a breach, where no engine is needed to tell."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from backfill.chaos.engine import Ended
from backfill.chaos.pace import Arrival, Most, most
from backfill.chaos.proof import Pace, breaches, window_s
from backfill.chaos.readings import Asked, Standing
from backfill.sandbox import Contents, Found

KINDS = ("people", "devices", "relationships", "events")
PACE = Pace(10, 100)

arrivals = st.lists(
    st.builds(Arrival, st.integers(0, 40).map(lambda tenth: tenth / 10), st.integers(0, 9)),
    min_size=1,
)


@given(arrivals, st.sampled_from([0.1, 0.5, 1.0]))
def test_the_most_of_a_window_is_what_looking_from_every_arrival_finds(came, window_s):
    tenths = round(window_s * 10)
    windows = [
        [a.operations for a in came if 0 <= round(a.at_s * 10) - round(first.at_s * 10) < tenths]
        for first in came
    ]

    found = most([Arrival(round(a.at_s * 10), a.operations) for a in came], tenths)

    assert found == Most(max(map(len, windows)), max(map(sum, windows)))


def standing(people, events=(), collided=(), log=(), stall_s=0.0):
    """A run without rows that left these people: id to their attributes; events: id to owner."""
    things = {kind: {} for kind in KINDS} | {
        "people": {
            ("id", n): Found(f"cio_id {n}", None, {"id": n, **v}) for n, v in people.items()
        },
        "events": {(n,): Found(f"event {n}", ("id", owner), {}) for n, owner in events},
    }
    told = {"state": "completed", "error": None, "streams": [], "operations": {"delivered": 0}}
    ended = Ended(0, told, False, False, stall_s)
    contents = Contents(things, frozenset(("id", n) for n in collided))
    return Standing(ended, stall_s, contents, {"s": Counter()}, tuple(log), ())


def told(reference, found):
    return [(breach.promise, breach.what) for breach in breaches(reference, found, PACE)]


def test_a_value_of_another_writer_is_a_breach_and_is_not_told():
    found = told(standing({"a": {"plan": '"gold"'}}), standing({"a": {"plan": '"free"'}}))

    assert found == [("values", "cio_id a: plan differs")]


def test_an_event_that_moved_is_a_breach():
    people = {"a": {}, "b": {}}

    found = told(standing(people, [("e", "a")]), standing(people, [("e", "b")]))

    assert found == [("values", "event e: belongs to somebody else")]


def test_who_of_two_has_an_identifier_that_both_claim_is_no_breach():
    one = standing({"a": {"email": "x"}, "b": {}}, [("e", "a")], collided=["b"])
    other = standing({"a": {}, "b": {"email": "x"}}, [("e", "b")], collided=["a"])

    assert told(one, other) == []


def test_an_event_of_somebody_doubtful_is_still_there_once():
    one = standing({"a": {}, "b": {}}, [("e", "a")], collided=["b"])
    other = standing({"a": {}, "b": {}}, [], collided=["a"])

    assert told(one, other) == [("events", "event e is missing")]


def test_a_pace_that_was_not_kept_is_a_breach():
    log = [Asked(n / 20, True, 0, 1, False, False) for n in range(20)]

    assert [promise for promise, _ in told(standing({}), standing({}, log=log))] == ["pace"]


def test_nothing_is_said_of_the_pace_where_the_machine_stood_still():
    log = [Asked(n / 20, True, 0, 1, False, False) for n in range(20)]

    assert window_s(0.5) is None
    assert told(standing({}), standing({}, log=log, stall_s=0.5)) == []
