from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from backfill.sandbox import (
    Behaviour,
    Sandbox,
    embedded,
    person,
    summary,
)

from .conftest import CREDENTIALS, Api
from .operations import (
    LONG_AGO,
    Json,
    failures,
    identify,
    profile,
)


def test_identify_creates_then_merges_by_name(api: Api) -> None:
    api.take(identify(plan="pro", city="Bonn"), identify(plan="free", score=7))

    assert profile(api)["attributes"] == {"plan": "free", "city": "Bonn", "score": 7}
    assert summary(api.state)["people"] == 1


def test_values_are_kept_digit_by_digit_as_they_came_in(api: Api) -> None:
    value = b'{"n": [12345678901234567890123.10, 1E5, null, "\xc3\xbc"]}'
    body = b'{"type":"person","action":"identify","identifiers":{"id":"1"},"attributes":{"a":%s}}'
    api.client.post("/api/v2/entity", content=body % value).raise_for_status()

    kept = api.state.with_name("workspace.db-wal").read_bytes()

    assert value.replace(b": ", b":").replace(b", ", b",") in kept


def test_null_removes_a_person_s_attribute_with_its_time_and_empty_text_stays(api: Api) -> None:
    api.take(identify(a=1, b=1), identify(a=None, b=""))

    assert profile(api)["attributes"] == {"b": ""}
    assert "a" not in profile(api)["times"]


def test_empty_text_removes_a_person_s_attribute_where_so_switched(tmp_path: Path) -> None:
    state = tmp_path / "workspace.db"
    with embedded(Sandbox(state, behaviour=Behaviour(empty_removes=True))) as address:
        api = Api(state, httpx.Client(base_url=address, auth=CREDENTIALS))
        with api.client:
            api.take(identify(a=1, b=1), identify(b=""))

        assert profile(api)["attributes"] == {"a": 1}


def test_ids_differ_by_case_and_emails_do_not(api: Api) -> None:
    api.take(identify("a"), identify("A"), identify("X@b.c", "email", n=1))
    api.take(identify("x@B.C", "email", n=2))

    assert summary(api.state)["people"] == 3
    assert profile(api, "x@b.c", "email")["attributes"] == {"n": 2}
    assert profile(api, "x@b.c", "email")["email"] == "X@b.c"


def test_a_number_and_its_text_are_one_identifier(api: Api) -> None:
    api.take(identify(5), identify("5"))

    assert summary(api.state)["people"] == 1


def test_update_only_never_creates_and_does_update(api: Api) -> None:
    api.take(identify("new", _update=True, a=1), identify("1"), identify(_update=True, a=2))

    assert person(api.state, "id", "new") is None
    assert profile(api)["attributes"] == {"a": 2}
    assert failures(api) == ["failed_attribute_change"]


def test_an_older_identify_changes_nothing_and_is_answered_with_200(api: Api) -> None:
    api.take(identify(a=1), identify(a=2, b=2) | {"timestamp": LONG_AGO})
    api.take(identify(a=3) | {"timestamp": LONG_AGO})

    assert profile(api)["attributes"] == {"a": 1, "b": 2}
    assert profile(api)["times"]["b"] == LONG_AGO
    assert failures(api) == ["skipped_update"]


def test_times_win_over_the_order_of_arrival(api: Api) -> None:
    times = [3, 1, 2]
    api.take(*(identify(a=n) | {"timestamp": LONG_AGO + n} for n in times))

    assert profile(api)["attributes"] == {"a": 3}


def test_the_same_value_again_does_not_move_its_time(api: Api) -> None:
    api.take(*(identify(a=1) | {"timestamp": LONG_AGO + n} for n in (0, 5)))

    assert profile(api)["times"]["a"] == LONG_AGO


@pytest.mark.parametrize("told", [None, "2001-09-09", LONG_AGO * 1000, -1])
def test_what_is_no_unix_time_becomes_the_time_of_receipt(api: Api, told: Any) -> None:
    before = int(time.time())
    api.take(identify(a=1) | {"timestamp": told})

    assert before <= profile(api)["times"]["a"] <= time.time()


def test_an_email_given_as_attribute_identifies_the_person_from_then_on(api: Api) -> None:
    api.take(identify(email="a@b.c"), identify("A@B.C", "email", a=1))

    assert profile(api)["attributes"] == {"a": 1}
    assert profile(api)["email"] == "a@b.c"


def test_a_person_known_by_attribute_receives_the_identifier(api: Api) -> None:
    api.take(identify("a@b.c", "email", a=1), identify("1", email="a@b.c", b=2))

    assert profile(api)["attributes"] == {"a": 1, "b": 2}
    assert summary(api.state)["people"] == 1


def test_an_email_may_be_changed_and_removed_by_id(api: Api) -> None:
    api.take(identify(email="a@b.c"), identify(email="d@b.c"))
    assert profile(api)["email"] == "d@b.c"

    api.take(identify(email=None))
    assert profile(api)["email"] is None


@pytest.mark.parametrize(
    "conflict",
    [
        identify("1", email="two@b.c", a=2),
        identify("two@b.c", "email", id="1", a=2),
        identify("3", email="two@b.c", a=2),
        identify("1", id="9", a=2),
    ],
)
def test_a_conflict_of_identifiers_is_200_and_a_failed_change(api: Api, conflict: Json) -> None:
    api.take(identify("1", a=1), identify("2", email="two@b.c", a=1), conflict)

    assert [profile(api, value)["attributes"] for value in "12"] == [{"a": 1}, {"a": 1}]
    assert summary(api.state)["people"] == 2
    assert failures(api) == ["failed_attribute_change"]


def test_a_set_id_is_changed_by_the_server_s_own_identifier_only(api: Api) -> None:
    api.take(identify("1", a=1))
    api.take(identify(profile(api)["cio_id"], "cio_id", id="2"))
    api.take(identify("ffffffffffff", "cio_id", a=1), identify("cio_1", "cio_id", a=1))

    assert profile(api, "2")["attributes"] == {"a": 1}
    assert summary(api.state)["people"] == 1


def test_a_person_never_has_more_than_300_attributes(api: Api) -> None:
    first, second = ({f"{part}{i}": i for i in range(200)} for part in "ab")
    api.take(identify(**first), identify(**second))

    assert profile(api)["attributes"] == first
    assert failures(api) == ["failed_attribute_change"]
