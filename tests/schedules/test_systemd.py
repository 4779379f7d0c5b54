"""The unit and its timer."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from .calls import FOLDER, assert_is_nightly

ANALYZE = shutil.which("systemd-analyze")
COMMAND = "/opt/backfill/bin/backfill"

Unit = dict[str, dict[str, list[str]]]


def read(name: str) -> Unit:
    """Section -> key -> values, each in its order."""
    unit: Unit = {}
    for line in (FOLDER / name).read_text().splitlines():
        if line.startswith("["):
            section = unit.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return unit


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_systemd_takes_both_without_a_word(tmp_path: Path):
    text = (FOLDER / "backfill.service").read_text()
    assert COMMAND in text
    (tmp_path / "backfill.service").write_text(text.replace(COMMAND, "/bin/true"))
    shutil.copy(FOLDER / "backfill.timer", tmp_path)

    verified = subprocess.run(
        [ANALYZE, "verify", "--man=no", "backfill.service", "backfill.timer"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_the_timer_names_a_time_that_comes_every_night():
    (time,) = read("backfill.timer")["Timer"]["OnCalendar"]

    shown = subprocess.run(
        [ANALYZE, "calendar", "--iterations=3", time], capture_output=True, text=True, check=True
    ).stdout
    assert shown.count(" 04:30:00") >= 3


def test_its_command_line_is_one():
    (line,) = read("backfill.service")["Service"]["ExecStart"]

    command, *words = shlex.split(line)
    assert command == COMMAND
    assert_is_nightly(words)


def test_its_secrets_are_credentials_of_the_unit():
    service = read("backfill.service")["Service"]

    names = {value.partition(":")[0] for value in service["LoadCredential"]}
    (variables,) = service["Environment"]
    assert dict(pair.split("=") for pair in variables.split()) == {
        f"CUSTOMERIO_{name.upper()}_FILE": f"%d/{name}" for name in names
    }


def test_a_run_with_refused_rows_is_no_failure_and_what_needs_a_person_is_not_tried_again():
    service = read("backfill.service")["Service"]

    assert service["SuccessExitStatus"] == ["3 143"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == (["on-failure"], ["2"])
