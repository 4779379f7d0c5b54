"""The tables of the sandbox's README are whole, and every test they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import backfill.sandbox
from backfill import trackapi
from backfill.sandbox import Behaviour, app_api, track

README = (Path(backfill.sandbox.__file__).parent / "README.md").read_text()
HERE = Path(__file__).parent


def test_every_call_is_in_the_tables() -> None:
    told = set(re.findall(r"^\| `([A-Z]+) (/\S+)`", README, re.M))
    calls = {(call.method, call.path.replace(":path", "")) for call in track.ENDPOINTS}
    looks = {(look.method, look.path) for look in app_api.LOOKUPS}
    older = {(method, path) for method, path in looks if path.startswith("/v1/api/")}

    assert told == (calls | looks) - older


def test_every_action_is_in_the_tables() -> None:
    told = set(re.findall(r"^\| (person|object|delivery) \| `(\w+)`", README, re.M))

    assert told == {(kind, a) for kind, actions in trackapi.ACTIONS.items() for a in actions}


def test_every_switch_is_in_the_tables_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", README, re.M))
    switches = {name: getattr(Behaviour(), name) for name in Behaviour.__dataclass_fields__}

    assert told == {name: str(value).lower() for name, value in switches.items()}


def test_every_test_named_is_there() -> None:
    named = re.findall(r"`(test_\w+)::(test_\w+)`", README)
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not re.search(rf"^def {test}\(", (HERE / f"{file}.py").read_text(), re.M)
    ]

    assert len(named) > 50
    assert missing == []
