"""Scenario files, and what is decided from them; carried out: test_faults.py."""

from __future__ import annotations

from pathlib import Path
from statistics import quantiles
from typing import get_args

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.errors import UsageError
from backfill.sandbox.faults.fates import Asked, Fates
from backfill.sandbox.faults.kinds import (
    AnyFault,
    Choice,
    Cut,
    Delay,
    Failure,
    Poison,
    Refusal,
    Reset,
    Throttle,
)
from backfill.sandbox.faults.scenario import Scenario, read

EXAMPLE = Path(__file__).parents[2] / "configs" / "scenario.yaml"
BATCH = "/api/v2/batch"


def asked(number: int, path: str = BATCH) -> Asked:
    return Asked("POST", path, str(number).encode())


def told(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    return read(path)


def test_the_example_holds_and_shows_every_fault_and_switch() -> None:
    scenario = read(EXAMPLE)
    text = EXAMPLE.read_text()

    assert {type(fault) for fault in scenario.faults} == {*get_args(AnyFault)}
    assert scenario.behaviour == Scenario().behaviour
    assert all(f"\n  {name}: " in text for name in Scenario().behaviour.__dataclass_fields__)


def test_an_empty_scenario_changes_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, "") == Scenario()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("seed: 1\nfualts: []", 2, "write `faults`"),
        ("behaviour:\n  kilobytes: 1024", 2, "write `kilobyte`"),
        ("faults:\n  - fault: reset\n    shar: 1", 3, "write `share`"),
        ("faults:\n  - fault: poison\n    only:\n      actoin: event", 4, "write `action`"),
        ("seed: 1\nzzz: 1", 2, "use one of: seed, behaviour, faults"),
        ("faults:\n  - fault: restes", 2, "use one of: delay, failure, reset"),
        ("seed: 1\nseed: 2", 2, "stands twice"),
        ("faults:\n  - {fault: reset,\n     share: 2}", 3, "<= 1.0"),
        ("faults:\n  - fault: failure", 2, "missing required field `status`"),
        ("faults:\n  - {fault: failure, status: 200}", 2, ">= 400"),
        ("faults:\n  - {fault: delay}", 2, "give one of `fixed_s`"),
        ("faults:\n  - {fault: delay, median_s: 1}", 2, "give one of `fixed_s`"),
        ("faults:\n  - {fault: delay, fixed_s: 1, between_s: [1, 2]}", 2, "give one of"),
        ("faults:\n  - {fault: delay, median_s: 2, p99_s: 1}", 2, "not above `p99_s`"),
        ("faults:\n  - {fault: delay, between_s: [2, 1]}", 2, "from the smaller"),
        ("faults:\n  - {fault: delay, fixed_s: .nan}", 2, "Expected `float`"),
        ("faults:\n  - {fault: reset, from_s: 2, to_s: 2}", 2, "later than `from_s`"),
        ("faults:\n  - {fault: reset, share_at_end: 1}", 2, "needs `to_s`"),
        ("behaviour:\n  kilobyte: 1001", 2, "behaviour.kilobyte"),
        ("seed: 1\nfaults: [", 2, "not YAML"),
        ("- 1", 1, "Expected `object`"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        told(tmp_path, text)

    assert f"scenario.yaml, line {line}" in caught.value.where
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["faults: &a [*a]", "? [a]\n: 1", "seed: \x01", "!!python/x 1"])
def test_what_yaml_allows_and_a_scenario_does_not_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        told(tmp_path, text)


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"seed: \xe9")
    for name in ("missing.yaml", "latin.yaml", "."):
        with pytest.raises(UsageError) as caught:
            read(tmp_path / name)

        assert caught.value.where == str(tmp_path / name)


@given(st.permutations(range(60)), st.integers(0, 9))
def test_the_order_of_arrival_changes_no_fate(order: list[int], seed: int) -> None:
    faults = [Delay(median_s=0.1, p99_s=1), Failure(status=503, share=0.3), Reset(share=0.3)]
    one, other = Fates(seed, faults), Fates(seed, faults)
    expected = {number: one.meet(asked(number), 0) for number in range(60)}

    assert {number: other.meet(asked(number), 0) for number in order} == expected


def test_another_seed_is_another_run() -> None:
    faults = [Reset(share=0.5)]
    runs = [[Fates(seed, faults).meet(asked(n), 0).ending for n in range(50)] for seed in (1, 2)]

    assert runs[0] != runs[1]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_a_share_is_met_as_often_as_it_says(share: float) -> None:
    fates = Fates(1, [Cut(share=share)])
    met = sum(fates.meet(asked(number), 0).ending is not None for number in range(5_000))

    assert met / 5_000 == pytest.approx(share, abs=0.03 if 0 < share < 1 else 0)


def test_a_request_that_is_sent_again_draws_anew_and_comes_through() -> None:
    fates = Fates(3, [Failure(status=503, share=0.5)])
    for number in range(200):
        attempts = [fates.meet(asked(number), 0).ending for _ in range(60)]

        assert None in attempts


def test_a_request_that_is_repeated_meets_its_share_of_faults() -> None:
    fates = Fates(3, [Failure(status=503, share=0.3)])
    met = [bool(fates.meet(asked(1), 0).ending) for _ in range(1000)]

    assert 250 < sum(met) < 350
    assert met[:300].count(True) not in (0, 300)


def test_what_is_remembered_of_requests_is_bounded() -> None:
    fates = Fates(3, [Failure(status=503, share=0.5)])
    for number in range(100_050):
        fates.meet(asked(number), 0)

    assert len(fates._seen) == 100_000


def test_the_first_fault_of_the_list_ends_a_request_and_delays_add_up() -> None:
    faults = [Delay(fixed_s=1), Reset(processed=True), Failure(status=500), Delay(fixed_s=2)]
    fate = Fates(0, faults).meet(asked(1), 0)

    assert (fate.ending, fate.delay_s, fate.is_processed) == (faults[1], 3, True)
    assert str(fate) == "delayed 3.000 s, reset after processing"


def test_a_fault_has_its_time_since_the_first_request_and_its_paths() -> None:
    fates = Fates(0, [Failure(status=500, from_s=10, to_s=20, path="*/batch")])
    at = {now_s: fates.meet(asked(1), 1_000 + now_s).ending for now_s in (0, 9.9, 10, 19.9, 20)}
    elsewhere = fates.meet(asked(1, "/api/v2/entity"), 1_015).ending

    assert [now_s for now_s, ending in at.items() if ending] == [10, 19.9]
    assert elsewhere is None


def test_a_brown_out_meets_ever_more_requests() -> None:
    fault = Failure(status=500, share=0.2, share_at_end=0.8, from_s=10, to_s=40)

    assert [fault.share_at(BATCH, at_s) for at_s in (9, 10, 25, 40)] == [0, 0.2, 0.5, 0]


def test_a_throttle_lets_so_many_in_and_leaves_the_other_draws_alone() -> None:
    fates = Fates(0, [Throttle(requests_per_s=3, retry_after_s=2)])
    endings = [fates.meet(asked(n), 0.1 * n).ending for n in range(12)]
    free, limited = Fates(5, [Reset(share=0.5)]), Fates(5, [Reset(share=0.5)], 1_000)

    assert [n for n, ending in enumerate(endings) if ending is None] == [0, 1, 2, 10, 11]
    assert endings[3] == Failure(status=429, retry_after_s=2)
    assert all(free.meet(asked(n), 0) == limited.meet(asked(n), 0) for n in range(50))


def test_delays_are_distributed_as_told() -> None:
    fates = Fates(0, [Delay(median_s=0.1, p99_s=1.0)])
    cuts = quantiles([fates.meet(asked(n), 0).delay_s for n in range(20_000)], n=100)
    between = Fates(0, [Delay(between_s=(2, 4))])
    even = [between.meet(asked(n), 0).delay_s for n in range(2_000)]

    assert cuts[49] == pytest.approx(0.1, rel=0.1)
    assert cuts[98] == pytest.approx(1.0, rel=0.2)
    assert 2 <= min(even) < 2.1 < 3.9 < max(even) <= 4


PERSON = {
    "type": "person",
    "action": "identify",
    "identifiers": {"email": "a@poison.example"},
    "attributes": {"plan": "gold", "age": 30, "vip": True, "nested": {"a": 1}},
}


@pytest.mark.parametrize(
    ("choice", "is_chosen"),
    [
        (Choice(), True),
        (Choice(type="person", action="identify"), True),
        (Choice(type="object"), False),
        (Choice(action="event"), False),
        (Choice(identifiers={"email": "*@poison.example"}), True),
        (Choice(identifiers={"id": "*"}), False),
        (Choice(attributes={"plan": "g?ld", "age": "3*", "vip": "true"}), True),
        (Choice(attributes={"plan": "gold", "age": "31"}), False),
        (Choice(attributes={"nested": "?*"}), False),
    ],
)
def test_operations_are_chosen_by_all_that_is_told(choice: Choice, is_chosen: bool) -> None:
    assert choice.holds(PERSON) == is_chosen


def numbered(number: int) -> dict[str, object]:
    return PERSON | {"identifiers": {"email": f"{number}@x.example"}}


@given(st.permutations(range(40)))
def test_a_poisoned_operation_spoils_every_batch_it_is_in_and_no_other(order: list[int]) -> None:
    fates = Fates(1, [Poison(share=0.2, status=413)])

    def is_spoilt(numbers: list[int]) -> bool:
        body = orjson.dumps({"batch": [numbered(number) for number in numbers]})
        return fates.meet(Asked("POST", BATCH, body), 0).ending == Failure(status=413)

    poisoned = {number for number in order if is_spoilt([number])}
    halves = order[:20], order[20:]
    assert 0 < len(poisoned) < 40
    assert [is_spoilt(half) for half in halves] == [bool(poisoned & {*half}) for half in halves]


@given(st.binary(max_size=40) | st.sampled_from([b'{"batch":1}', b'{"batch":[1]}', b"[]", b"1"]))
def test_any_body_has_a_fate(body: bytes) -> None:
    fates = Fates(1, [Poison(), Refusal(), Reset(share=0.5)])

    assert fates.meet(Asked("POST", BATCH, body), 0) is not None
