"""Faults carried out, as a client meets them and as the log tells of them."""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from backfill.sandbox import Sandbox, embedded, summary
from backfill.sandbox.door.certificate import authority
from backfill.sandbox.faults.kinds import (
    AnyFault,
    Choice,
    Cut,
    Delay,
    Failure,
    Poison,
    Refusal,
    Reset,
    Silence,
    Throttle,
)

from .conftest import CREDENTIALS, Api

PERSON: dict[str, Any] = {"type": "person", "action": "identify", "identifiers": {"id": "1"}}


@contextmanager
def faulty(state: Path, *faults: AnyFault, tls: bool = False) -> Iterator[Api]:
    with embedded(Sandbox(state, faults=faults), tls=tls) as address:
        trusted = ssl.create_default_context(cafile=authority(state) if tls else None)
        with httpx.Client(base_url=address, auth=CREDENTIALS, verify=trusted) as client:
            yield Api(state, client)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "workspace.db"


def logged(state: Path) -> list[tuple[int, str | None]]:
    with closing(sqlite3.connect(state)) as database:
        return database.execute("SELECT status, fault FROM requests ORDER BY number").fetchall()


@pytest.mark.parametrize("processed", [False, True])
def test_a_failure_is_answered_whether_or_not_the_request_took_effect(
    state: Path, processed: bool
) -> None:
    with faulty(state, Failure(status=503, retry_after_s=7, processed=processed)) as api:
        answer = api.batch(PERSON)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert summary(state)["people"] == int(processed)
    told = [(200, "failure 503 after processing")] if processed else [(503, "failure 503")]
    assert logged(state) == told


def test_a_failure_may_have_any_status_a_proxy_answers_with(state: Path) -> None:
    with faulty(state, Failure(status=520)) as api:
        answer = api.batch(PERSON)

    assert answer.status_code == 520


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("processed", [False, True])
def test_a_reset_is_seen_as_one(state: Path, processed: bool, tls: bool) -> None:
    with (
        faulty(state, Reset(processed=processed), tls=tls) as api,
        pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)) as caught,
    ):
        api.batch(PERSON)

    assert tls or "reset" in str(caught.value)
    assert summary(state)["people"] == int(processed)
    assert logged(state) == [(200, "reset after processing")] if processed else [(0, "reset")]


@pytest.mark.parametrize("tls", [False, True])
def test_a_cut_answer_is_shorter_than_it_promised(state: Path, tls: bool) -> None:
    with (
        faulty(state, Cut(), tls=tls) as api,
        pytest.raises(httpx.RemoteProtocolError, match="received 1 bytes, expected 3"),
    ):
        api.batch(PERSON)

    assert summary(state)["people"] == 1
    assert logged(state) == [(200, "cut after processing")]


@pytest.mark.parametrize("processed", [False, True])
def test_silence_lasts_until_the_client_gives_up(state: Path, processed: bool) -> None:
    with faulty(state, Silence(processed=processed)) as api, pytest.raises(httpx.ReadTimeout):
        api.client.post("/api/v2/batch", json={"batch": [PERSON]}, timeout=0.2)

    assert summary(state)["people"] == int(processed)


def test_a_server_that_is_silent_or_slow_stops_at_once(
    state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    faults = (Silence(path="*/batch"), Delay(fixed_s=3_600, path="*/entity"))
    with faulty(state, *faults) as api:
        for path in ("/api/v2/batch", "/api/v2/entity"):
            with pytest.raises(httpx.ReadTimeout):
                api.client.post(path, json=PERSON, timeout=0.2)

    assert capfd.readouterr().err == ""


def test_a_delayed_answer_comes_whole_and_says_in_the_log_that_it_was(state: Path) -> None:
    with faulty(state, Delay(fixed_s=0.25)) as api:
        answer = api.batch(PERSON)

    assert answer.elapsed.total_seconds() >= 0.25
    assert logged(state) == [(200, "delayed 0.250 s")]


def test_throttled_requests_are_told_when_to_come_again(state: Path) -> None:
    with faulty(state, Throttle(requests_per_s=1, retry_after_s=2)) as api:
        answers = [api.batch() for _ in range(3)]

    assert [answer.status_code for answer in answers][:2] == [200, 429]
    assert answers[1].headers["retry-after"] == "2"


def numbered(number: int, **more: object) -> dict[str, Any]:
    return PERSON | {"identifiers": {"id": str(number)}, **more}


def test_chosen_operations_are_refused_each_time_and_all_others_taken(state: Path) -> None:
    chosen = Choice(attributes={"plan": "legacy*"})
    legacy = numbered(2, attributes={"plan": "legacy-1"})
    with faulty(state, Refusal(only=chosen, message="is no plan")) as api:
        batches = [api.batch(numbered(1), legacy) for _ in range(2)]
        entity = api.client.post("/api/v2/entity", json=legacy)

    refusal = {"reason": "invalid", "field": "body", "message": "is no plan"}
    assert [answer.status_code for answer in batches] == [207, 207]
    assert batches[0].json() == {"errors": [{"batch_index": 1, **refusal}]}
    assert (entity.status_code, entity.json()) == (400, {"errors": [refusal]})
    assert summary(state)["people"] == 1
    assert logged(state) == [(207, "refused 1"), (207, "refused 1"), (400, "refused 1")]


@pytest.mark.parametrize("status", [400, 413, 500])
def test_halving_finds_what_poisons_a_batch(state: Path, status: Any) -> None:
    spoilt = {3, 11}
    fault = Poison(only=Choice(attributes={"bad": "true"}), status=status)
    people = [numbered(n, attributes={"bad": n in spoilt}) for n in range(16)]

    def deliver(api: Api, batch: list[dict[str, Any]]) -> list[str]:
        answer = api.batch(*batch)
        if answer.status_code == 200:
            return []
        assert answer.status_code == status
        if len(batch) == 1:
            return [batch[0]["identifiers"]["id"]]
        half = len(batch) // 2
        return deliver(api, batch[:half]) + deliver(api, batch[half:])

    with faulty(state, fault) as api:
        found = deliver(api, people)

    assert found == ["3", "11"]
    assert summary(state)["people"] == 14


def test_faults_meet_the_track_api_only_and_nobody_without_the_key(state: Path) -> None:
    with faulty(state, Failure(status=500)) as api:
        stranger = api.client.post("/api/v2/batch", json={}, auth=("a", "b"))
        page = api.client.get("/static/page.css")
        v1 = api.client.put("/api/v1/customers/1", json={})

    assert [stranger.status_code, page.status_code, v1.status_code] == [401, 200, 500]
