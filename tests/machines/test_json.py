"""`--json`: one object on stdout, whatever the command and however it ends."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backfill.cli.commands import commands
from tests.end_to_end.command import adds_up, environ, start

TOP = Path(__file__).parents[2]


def told(folder: Path, *arguments: str) -> tuple[int, dict]:
    """Exit code and object; anything else on stdout is no JSON."""
    with start(folder, None, *arguments, "--json") as process:
        out, _ = process.communicate(timeout=60)
    return process.returncode, json.loads(out)


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_tells_its_own_mistakes_as_an_object(tmp_path, name):
    code, found = told(tmp_path, name, "--no-such-option")

    assert code == 2
    assert set(found["error"]) == {"what", "where", "fix"}


def test_the_demo_tells_the_run_and_what_stands_in_the_sandbox(tmp_path):
    for name in ("backfill", "configs", "sample_data"):
        shutil.copytree(TOP / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))

    line = [sys.executable, "-m", "backfill", "demo", "--json"]  # of the copy
    run = subprocess.run(line, cwd=tmp_path, env=environ(None), capture_output=True, check=False)
    found = json.loads(run.stdout)

    assert (run.returncode, found["state"], found["error"]) == (0, "completed", None)
    assert adds_up(found["rows"])
    assert found["sandbox"]["people"] > 0
    assert (tmp_path / found["config"]).samefile(tmp_path / "configs/demo.yaml")


def test_a_sandbox_tells_where_it_listens(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "backfill", "sandbox", "--json"],
        cwd=tmp_path,
        env=environ(None),
        stdout=subprocess.PIPE,
        text=True,
    )
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=60)

    assert (first["state"], first["error"], rest) == ("listening", None, "")
    assert first["address"].startswith("http://127.0.0.1:")
