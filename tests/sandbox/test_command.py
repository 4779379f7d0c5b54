"""`backfill sandbox`, as a person at a terminal meets it."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from backfill.errors import UsageError
from backfill.sandbox import embedded
from backfill.sandbox.door.certificate import authority

KEYS = {
    "CUSTOMERIO_SITE_ID": "hush-site",
    "CUSTOMERIO_API_KEY": "hush-key",
    "CUSTOMERIO_APP_API_KEY": "hush-app",
}


def said(*arguments: str, **environ: str) -> tuple[int, str]:
    """The exit code and the error of a command that does not begin to serve."""
    command = [sys.executable, "-m", "backfill", "sandbox", *arguments]
    kept = {name: value for name, value in os.environ.items() if name not in KEYS}
    ended = subprocess.run(
        command, env={**kept, **environ}, capture_output=True, text=True, timeout=60
    )
    return ended.returncode, ended.stderr


@contextmanager
def serving(*arguments: str, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command once it serves, and its address."""
    command = [sys.executable, "-m", "backfill", "sandbox", *arguments]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


def test_every_option_is_taken_and_no_credential_is_told(tmp_path: Path) -> None:
    state, scenario = tmp_path / "workspace.db", tmp_path / "scenario.yaml"
    scenario.write_text("faults: [{fault: failure, status: 503, path: '*/entity'}]")
    options = ["--tls", "--host", "localhost", "--state", str(state), "--region", "eu"]
    options += ["--other-region-port", "0", "--requests-per-s", "1000"]
    options += ["--scenario", str(scenario)]
    with serving(*options, **KEYS) as (process, address):
        trusted = ssl.create_default_context(cafile=authority(state))
        with httpx.Client(
            base_url=address, auth=("hush-site", "hush-key"), verify=trusted
        ) as client:
            region = client.get("/api/v1/accounts/region").json()["region"]
            failed = client.post("/api/v2/entity", json={})
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stderr is not None
        hints, errors = process.stdout.read(), process.stderr.read()
        process.wait(timeout=20)

    assert address.startswith("https://localhost:")
    assert (region, failed.status_code) == ("eu", 503)
    assert (process.returncode, errors) == (0, "")
    assert all(name in hints for name in [*KEYS, str(authority(state)), str(state), "SSL_CERT"])
    assert "hush" not in hints


def test_beyond_this_machine_the_credentials_to_set_are_named() -> None:
    code, error = said("--host", "0.0.0.0", CUSTOMERIO_API_KEY="hush")

    assert code == 2
    assert "set CUSTOMERIO_SITE_ID, CUSTOMERIO_APP_API_KEY" in error


def test_a_key_file_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("hush")
    key.chmod(0o644)
    _, error = said("--host", "0.0.0.0", CUSTOMERIO_API_KEY_FILE=str(key))

    assert f"warning: other users of this machine may read CUSTOMERIO_API_KEY_FILE, {key}" in error


def test_a_scenario_with_a_mistake_is_not_played(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("sede: 1")
    code, error = said("--scenario", str(scenario))

    assert code == 2
    assert f"{scenario}, line 1" in error
    assert "write `seed`" in error


def test_a_state_in_use_is_refused_until_its_holder_is_gone_however_it_went(
    tmp_path: Path,
) -> None:
    state = tmp_path / "workspace.db"
    with serving("--state", str(state)) as (process, _):
        with pytest.raises(UsageError, match=f"process {process.pid}"), embedded(state):
            pass
        process.kill()
        process.wait()
        with embedded(state) as address:
            pass

    assert address
