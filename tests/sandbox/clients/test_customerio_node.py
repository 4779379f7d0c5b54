"""The vendor's Node client, unchanged, against the sandbox: every method it has."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from backfill.sandbox import Sandbox, delivery_events, embedded, events_of, person, summary

HERE = Path(__file__).parent

METHODS = {
    "addCustomersToSegment",
    "addDevice",
    "batch",
    "deleteDevice",
    "destroy",
    "entity",
    "getAccountRegion",
    "identify",
    "mergeCustomers",
    "removeCustomersFromSegment",
    "reportMetric",
    "submitForm",
    "suppress",
    "track",
    "trackAnonymous",
    "trackPageView",
    "trackPush",
    "unsubscribe",
    "unsuppress",
}

AWKWARD = "a/b c@ü?#%"

NODE, NPM = shutil.which("node"), shutil.which("npm")

pytestmark = pytest.mark.skipif(
    NODE is None or NPM is None, reason="node and npm are not on this machine"
)


class Played(NamedTuple):
    """What `every_method.mjs` did: the workspace it left, and what it printed."""

    state: Path
    methods: set[str]
    came: list[tuple[str, dict[str, Any]]]


def run(folder: Path, *command: str, wait_s: int = 100) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=wait_s, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    assert NODE is not None
    assert NPM is not None
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "every_method.mjs"):
        shutil.copy(HERE / name, folder)
    run(folder, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    state = folder / "workspace.db"
    with embedded(Sandbox(state)) as address:
        told = json.loads(run(folder, NODE, "every_method.mjs", address, wait_s=60))
    return Played(state, set(told["methods"]), told["came"])


def profile(played: Played, value: str, kind: Any = "id") -> dict[str, Any]:
    found = person(played.state, kind, value)
    assert found is not None
    return found


def answers(played: Played, method: str) -> list[dict[str, Any]]:
    return [came for name, came in played.came if name == method]


def test_every_method_of_the_client_is_known_here_and_called(played: Played) -> None:
    assert played.methods == METHODS
    assert {name for name, _ in played.came} == METHODS


def test_every_call_is_accepted_save_the_two_that_are_wrong(played: Played) -> None:
    refused = [(name, came["failed"]) for name, came in played.came if "failed" in came]
    *_, greeting = answers(played, "batch")

    assert refused == [("identify", 400), ("getAccountRegion", 401)]
    assert [error["batch_index"] for error in greeting["done"]["errors"]] == [1]
    assert answers(played, "getAccountRegion")[0]["done"]["region"] == "us"


def test_a_refusal_is_raised_with_the_api_s_words(played: Played) -> None:
    *_, wrong = answers(played, "identify")

    assert json.loads(wrong["body"])["meta"]["errors"] == [
        "id attribute and identifier are not the same value",
        "value for attribute 'token' cannot be longer than 1000 bytes",
    ]


def test_people_are_what_the_calls_made_of_them(played: Played) -> None:
    awkward, one = profile(played, AWKWARD), profile(played, "1")

    assert awkward["attributes"] == {"name": "Zoë", "born": "1970-01-01T00:00:00.000Z"}
    assert (one["email"], one["attributes"]) == ("one@example.com", {"seats": 2})
    assert profile(played, "5")["attributes"] == {}
    assert profile(played, "entity")["attributes"] == {"plan": "pro"}
    assert profile(played, "form@example.com", "email")["attributes"] == {"food": "pizza"}
    assert [person(played.state, "id", gone) for gone in ("gone", "blocked")] == [None, None]
    assert profile(played, "freed")["attributes"] == {}
    assert summary(played.state)["people"] == 7


def test_events_are_whose_they_were(played: Played) -> None:
    (bought,) = events_of(played.state, "id", AWKWARD)
    names = [(event["kind"], event["name"]) for event in events_of(played.state, "id", "1")]

    assert (bought["timestamp"], bought["attributes"]) == (1_600_000_000, {"price": 2.5})
    assert names == [("event", "looked"), ("page", "/home")]


def test_devices_keep_what_the_client_nests(played: Played) -> None:
    assert profile(played, "1")["devices"] == [
        {
            "token": "t/ü",
            "platform": "ios",
            "last_used": 1_600_000_000,
            "attributes": {"primary": True},
        }
    ]


def test_deliveries_are_reported(played: Played) -> None:
    kept = [(event["delivery"], event["name"]) for event in delivery_events(played.state)]

    assert kept == [("d1", "opened"), ("d2", "clicked"), ("d/3", "unsubscribed")]
