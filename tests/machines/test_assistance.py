"""The schema and the completion, as an editor and a shell take them; help without a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backfill.cli.commands import commands
from backfill.config import json_schema
from tests.end_to_end.command import command, environ

#: What the shell function does when a user presses Tab, and what it then offers.
TAB = """
eval "$(backfill completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_backfill_completion backfill
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Configs and others, and the command on the path."""
    (tmp_path / "configs").mkdir()
    for name in ("crm.yaml", "crm.csv", "more.yml", "configs/demo.yaml", "configs/README.md"):
        (tmp_path / name).touch()
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "backfill"
    script.write_text(f"#!{sys.executable}\nfrom backfill.cli import main\n\nmain()\n")
    script.chmod(0o755)
    return tmp_path


def offered(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    shell = subprocess.run(
        ["bash", "--norc", "-c", TAB, "bash", "backfill", *words],
        cwd=folder,
        env=environ(None) | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stderr == ""
    return shell.stdout.split()


def test_bash_completes_every_command(folder):
    assert offered(folder, "") == sorted(commands.commands)


def test_bash_completes_a_config_to_yaml_files_here_and_one_folder_down(folder):
    assert offered(folder, "run", "") == ["configs/demo.yaml", "crm.yaml", "more.yml"]
    assert offered(folder, "check", "conf") == ["configs/demo.yaml"]
    assert offered(folder, "status", "crm.yaml") == ["crm.yaml"]


def test_bash_completes_options_and_their_words(folder):
    assert "--metrics-file" in offered(folder, "run", "--m")
    assert offered(folder, "run", "--log-format", "j") == ["json"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_says_in_its_last_line_how_to_install_it(folder, shell):
    script = command(folder, None, "completion", shell).text.splitlines()

    assert any("_BACKFILL_COMPLETE" in line for line in script)
    assert script[-1].startswith("# ")
    assert f"backfill completion {shell}" in script[-1]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_are_offered_the_same(folder, shell):
    words = {"COMP_WORDS": "backfill check conf", "COMP_CWORD": "2" if shell == "zsh" else "conf"}
    shown = subprocess.run(
        [folder / "bin" / "backfill"],
        cwd=folder,
        env=environ(None) | words | {"_BACKFILL_COMPLETE": f"{shell}_complete"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "configs/demo.yaml" in shown.stdout
    assert "README" not in shown.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_schema_is_the_one_of_the_models(folder, options):
    run = command(folder, None, "schema", *options)

    assert (run.code, run.told) == (0, json_schema())


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2(folder):
    run = command(folder, None)

    assert run.code == 2
    assert run.text.startswith("Usage: ")
    assert all(f"\n  {name} " in run.text for name in commands.commands)


def test_without_a_command_and_with_json_the_object_says_so(folder):
    run = command(folder, None, "--json")

    assert (run.code, run.told["error"]["fix"].count("--help")) == (2, 1)


def test_a_completion_as_json_holds_the_script(folder):
    told = command(folder, None, "completion", "fish", "--json").told

    assert told["shell"] == "fish"
    assert "_BACKFILL_COMPLETE" in told["script"]
    assert json.dumps(told["error"]) == "null"
