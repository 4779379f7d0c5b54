from __future__ import annotations

from pathlib import Path

import httpx
from hypothesis import given
from hypothesis import strategies as st

from backfill.sandbox import Sandbox, embedded, requests
from backfill.sandbox.throttle import Window

from .conftest import CREDENTIALS


@given(
    most=st.integers(1, 5),
    # Whole 1/64 seconds, which floats hold exactly.
    steps=st.lists(st.integers(0, 96).map(lambda ticks: ticks / 64), max_size=60),
)
def test_no_second_lets_in_more_than_the_limit_and_none_is_refused_below_it(
    most: int, steps: list[float]
) -> None:
    window, admitted, now_s = Window(most), [], 1_000.0
    for step in steps:
        now_s += step
        recent = sum(at > now_s - 1 for at in admitted)
        is_let_in = window.admits(now_s)

        assert is_let_in == (recent < most)
        admitted += [now_s] if is_let_in else []


def test_over_the_limit_a_request_is_answered_with_429_and_logged(tmp_path: Path) -> None:
    state = tmp_path / "workspace.db"
    with (
        embedded(Sandbox(state, requests_per_s=2)) as address,
        httpx.Client(base_url=address, auth=CREDENTIALS) as client,
    ):
        answers = [client.post("/api/v2/batch", json={"batch": []}) for _ in range(12)]
        other = client.get(
            "/v1/customers?email=a@b.example", headers={"authorization": "Bearer sandbox"}
        )

    statuses = [answer.status_code for answer in answers]
    assert statuses[:2] == [200, 200]
    assert 429 in statuses
    assert all("retry-after" not in answer.headers for answer in answers)
    assert [row["status"] for row in requests(state)] == statuses
    assert other.status_code != 429
