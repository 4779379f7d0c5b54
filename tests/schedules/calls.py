"""Where the schedules are, and whether a command line they hold is one."""

from __future__ import annotations

from pathlib import Path

import click

import backfill.cli  # noqa: F401  every command is registered
from backfill.cli.commands import commands
from backfill.cli.output import Output

FOLDER = Path(__file__).parents[2] / "configs" / "schedules"


def call(words: list[str]) -> click.Context:
    """What `backfill WORDS` would be; raises click.UsageError where it is no command line."""
    name, *rest = words
    command = commands.commands[name]
    with command.make_context(name, rest, obj=Output(wants_json=False)) as context:
        return context


def assert_is_nightly(words: list[str]) -> None:
    """It runs the nightly config, asks nobody, and logs for a program."""
    context = call(words)

    assert context.info_name == "run"
    assert context.params["config"] == Path("nightly.yaml")
    assert context.params["yes"] is True
    assert "--log-format json" in " ".join(words)
    assert (FOLDER.parent / "nightly.yaml").exists()
