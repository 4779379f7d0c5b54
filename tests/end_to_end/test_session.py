"""The migration that sample_data/README.md shows, typed as it stands there."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .command import environ, start

ROOT = Path(__file__).parents[2]
README = ROOT / "sample_data" / "README.md"

#: What differs from run to run, and how it is written for the comparison.
VARYING = (
    (r"\d{8}T\d{6}Z-[0-9a-f]{6}", "RUN"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", "TIME"),
    (r" \(TIME here\)", ""),
    (r"after [\d.]+ s\b", "after N s"),
    (r"(less than a second|\d+ s)$", "N s"),
    (r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:8080"),
)
ELLIPSIS = "..."


class Shown(NamedTuple):
    """A command and what the document says it prints."""

    typed: str
    printed: list[str]


def shown(text: str) -> Iterator[Shown]:
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for typed, printed in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            yield Shown(typed, printed.splitlines())


def alike(text: str) -> str:
    for varying, written in VARYING:
        text = re.sub(varying, written, text)
    return text.rstrip()


def is_shown(expected: list[str], found: list[str]) -> bool:
    """Whether the lines are those that were printed, an ellipsis standing for any number."""
    if not expected:
        return not found
    if expected[0].strip() == ELLIPSIS:
        return any(is_shown(expected[1:], found[n:]) for n in range(len(found) + 1))
    return bool(found) and expected[0] == found[0] and is_shown(expected[1:], found[1:])


@pytest.fixture
def typed_in(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder that holds the sample data, and an environment that leads to a sandbox."""
    shutil.copytree(README.parent, tmp_path / "sample_data")
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "backfill"
    script.write_text(f"#!{sys.executable}\nfrom backfill.cli import main\n\nmain()\n")
    script.chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    around = environ(f"http://127.0.0.1:{port}")
    around |= {"CUSTOMERIO_SITE_ID": "sandbox", "CUSTOMERIO_API_KEY": "sandbox", "COLUMNS": "80"}
    around["PATH"] = f"{tmp_path / 'bin'}:{around['PATH']}"
    sandbox = start(tmp_path, None, "sandbox", "--port", str(port), "--state", "state/workspace.db",
                    CUSTOMERIO_SITE_ID="sandbox", CUSTOMERIO_API_KEY="sandbox")  # fmt: skip
    assert sandbox.stdout is not None
    try:
        sandbox.stdout.readline()  # it listens
        yield tmp_path, around
    finally:
        sandbox.terminate()
        sandbox.communicate(timeout=30)


def test_the_session_prints_what_the_document_shows(typed_in):
    folder, around = typed_in
    told = [*shown(README.read_text())]

    for typed, printed in told:
        run = subprocess.run(
            typed, shell=True, cwd=folder, env=around, stdout=subprocess.PIPE, text=True, timeout=60
        )
        found = [alike(line) for line in run.stdout.splitlines()]
        assert is_shown([alike(line) for line in printed], found), "\n".join([typed, *found])

    assert [typed.split()[1] for typed, _ in told if typed.startswith("backfill")] == [
        "init", "plan", "run", "rejects", "run", "why", "report",
    ]  # fmt: skip
