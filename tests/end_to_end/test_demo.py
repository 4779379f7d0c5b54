"""The demo, and what the README shows of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .command import environ

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of what the demo needs of a checkout."""
    top = tmp_path_factory.mktemp("checkout")
    for name in ("backfill", "configs", "sample_data"):
        shutil.copytree(TOP / name, top / name, ignore=shutil.ignore_patterns("__pycache__"))
    return top


def said(checkout: Path, *arguments: str) -> tuple[int, str]:
    run = subprocess.run(
        [sys.executable, "-m", "backfill", *arguments],
        cwd=checkout,
        env=environ(None),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return run.returncode, run.stdout


def without_time(text: str) -> str:
    text = re.sub(r"Run \S+ ", "Run RUN ", text)
    text = re.sub(r"checkpoint\.\S+\.html", "checkpoint.RUN.html", text)
    return re.sub(r"after [0-9.]+ s", "after SECONDS s", text).strip()


def test_the_demo_prints_what_the_readme_shows(checkout):
    shown = re.search(r"```text\n(.*?)```", (TOP / "README.md").read_text(), re.DOTALL)

    code, text = said(checkout, "demo")

    assert code == 0
    assert shown is not None
    assert without_time(text) == without_time(shown[1])


def test_running_the_demos_config_again_does_nothing(checkout):
    said(checkout, "demo")

    code, text = said(checkout, "run", "configs/demo.yaml")

    assert code == 0
    assert "had completed before: nothing was sent" in text


def test_the_rows_that_are_refused_are_those_the_sample_data_names(checkout):
    said(checkout, "demo")
    readme = (TOP / "sample_data/README.md").read_text()
    counts = re.findall(r"^\| `(\S+)` \|.*\| ([\d,]+) \| (\d+) \| (\d+) \|$", readme, re.MULTILINE)

    _, text = said(checkout, "status", "configs/demo.yaml")

    told = [line.split() for line in text.splitlines()]
    rows = [(line[2], line[4], line[3]) for line in told if len(line) == 6 and line[0] != "stream"]
    order = ["gdpr_erased.csv", "unsubscribed.csv", "companies.csv", "contacts.csv",
             "orders.parquet", "page_views.jsonl", "devices.jsonl", "merges.csv"]  # fmt: skip
    named = {
        name: (delivered, filtered, rejected) for name, delivered, filtered, rejected in counts
    }
    assert rows[:-1] == [named[name] for name in order]


def test_a_reader_that_has_seen_enough_changes_no_exit_code(checkout):
    said(checkout, "demo")
    run = subprocess.Popen(
        [sys.executable, "-m", "backfill", "run", "configs/demo.yaml"],
        cwd=checkout,
        env=environ(None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    run.stdout.close()

    complaints = run.stderr.read()
    run.stderr.close()

    assert (run.wait(60), complaints) == (0, "")


def test_a_run_loads_no_pandas_where_it_is_installed(checkout):
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "backfill", "demo"],
        cwd=checkout,
        env=environ(None),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )

    loaded = {line.split("|")[-1].strip() for line in run.stderr.splitlines() if "|" in line}
    assert "polars" in loaded
    assert "pandas.core" not in loaded
