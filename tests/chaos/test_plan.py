"""What goes wrong follows from the seed alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backfill.chaos.plan import KINDS, plan
from backfill.sandbox.faults.kinds import Choice

seeds = st.integers(0, 2**32)


@given(seeds)
def test_a_seed_repeats(seed):
    assert plan(seed) == plan(seed)


@given(seeds)
def test_as_many_seeds_in_a_row_as_there_are_kinds_have_every_kind(first):
    found = {kind for seed in range(first, first + len(KINDS)) for kind in plan(seed).kinds}

    assert found == set(KINDS)


@given(seeds)
def test_what_goes_wrong_is_what_the_kinds_say(seed):
    found = plan(seed)

    assert bool(found.kills) == bool({"killed", "torn"} & set(found.kinds))
    assert all((kill.cut is not None) == ("torn" in found.kinds) for kill in found.kills)
    assert bool(found.refusals) == ("refused" in found.kinds)


@given(seeds)
def test_the_kills_of_a_plan_leave_something_to_do(seed):
    assert sum(kill.after for kill in plan(seed).kills) < 1


@given(seeds)
def test_only_what_is_the_same_in_every_run_is_refused(seed):
    identify = Choice(action="identify")

    assert all(fault.only == identify for fault in plan(seed, identify).refusals)
