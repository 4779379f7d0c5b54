"""The crontab."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from crontab import CronTab

from .calls import FOLDER, assert_is_nightly


@pytest.fixture
def crontab() -> CronTab:
    return CronTab(tab=(FOLDER / "crontab").read_text())


def words(crontab: CronTab) -> list[str]:
    (job,) = crontab
    return shlex.split(job.command, comments=False)


def test_cron_takes_it_as_one_job_a_night(crontab):
    (job,) = crontab

    assert job.is_valid()
    assert job.is_enabled()
    assert str(job.slices) == "30 4 * * *"
    assert "%" not in job.command  # to cron it is a new line


def test_its_command_line_is_one(crontab):
    found = words(crontab)

    first = found.index("backfill") + 1
    last = next(i for i, word in enumerate(found) if word.startswith((">", "2>")))
    assert_is_nightly(found[first:last])


def test_its_secrets_are_files(crontab):
    assert {name for name in crontab.env if "CUSTOMERIO" in name} == {
        "CUSTOMERIO_SITE_ID_FILE",
        "CUSTOMERIO_API_KEY_FILE",
    }


@pytest.mark.parametrize(("code", "mailed"), [(0, ""), (3, "backfill ended with 3"), (1, "with 1")])
def test_cron_has_something_to_mail_only_where_a_person_is_needed(tmp_path, crontab, code, mailed):
    (tmp_path / "backfill").write_text(f"#!/bin/sh\necho out\necho err >&2\nexit {code}\n")
    (tmp_path / "backfill").chmod(0o755)
    (job,) = crontab
    shell = subprocess.run(
        ["/bin/sh", "-c", job.command.replace("/srv/crm", str(tmp_path))],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert (mailed in shell.stdout, shell.stderr) == (True, "")
    assert bool(mailed) == bool(shell.stdout)
