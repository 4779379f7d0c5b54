"""An engine that breaks a promise is found; the plans that find it pass an intact one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backfill.chaos import disturbed, rehearsed, undisturbed
from backfill.chaos.plan import Kill, WriteCut
from backfill.sandbox.faults.kinds import Delay, Reset

from .jobs import CALM, broken, write

SLOW, SLOWER = Delay(between_s=(0.0, 0.05)), Delay(between_s=(0.0, 0.2))
RESET = Reset(share=0.1)
TORN, ENDED = WriteCut(0.5, is_torn=True), WriteCut(0.5, is_torn=False)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    write(folder, people=40, versions=3, orders=60)
    return rehearsed(folder / "job.yaml")


@pytest.fixture(scope="module")
def reference(job, tmp_path_factory):
    return undisturbed(job, CALM, tmp_path_factory.mktemp("undisturbed"))


def test_an_intact_engine_passes(job, reference, tmp_path):
    faults = (SLOW, Reset(share=0.3, to_s=1.0), Reset(share=0.1, to_s=1.0, processed=True))
    plan = replace(CALM, faults=faults, kills=(Kill(0.6, TORN),))

    outcome = disturbed(job, plan, reference, tmp_path)

    assert outcome.breaches == ()
    assert (outcome.kills, outcome.cuts) == (1, 1)


@pytest.mark.parametrize(
    ("name", "promise", "changes"),
    [
        ("ids", "events", {}),
        ("order", "values", {"faults": (Reset(share=0.4, to_s=1.2),)}),
        ("unanswered", "values", {"faults": (RESET,)}),
        ("holes", "rows", {"faults": (SLOWER,), "kills": (Kill(0.4, None),)}),
        ("forgetful", "rows", {"kills": (Kill(0.4, None),)}),
        ("untruncated", "rows", {"kills": (Kill(0.85, ENDED),)}),
        ("pace", "pace", {"requests_per_s": 30}),
        ("twice", "rows", {}),
        ("counts", "rows", {}),
        ("dead", "rows", {}),
    ],
)
def test_an_engine_that_breaks_a_promise_is_found(job, reference, tmp_path, name, promise, changes):
    outcome = disturbed(broken(job, name), replace(CALM, **changes), reference, tmp_path)

    assert promise in {breach.promise for breach in outcome.breaches}


def test_an_engine_that_hangs_is_found_and_ended(job, reference, tmp_path):
    hung = replace(broken(job, "hung"), quiet_s_max=0.3)

    outcome = disturbed(hung, CALM, reference, tmp_path)

    assert "does not end" in outcome.breaches[0].what
