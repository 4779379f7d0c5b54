"""What helps to type: the config's schema for editors, completion for shells."""

from __future__ import annotations

import json
from pathlib import Path

import click

from backfill.cli.options import json_option
from backfill.cli.output import Output

#: Beside the models it is made from; read as a file, for they take long to import.
_SCHEMA = Path(__file__).parents[1] / "config" / "schema.json"

#: How each shell takes the script, in a file that it reads at its start.
_INSTALL = {
    "bash": 'in ~/.bashrc: eval "$(backfill completion bash)"',
    "zsh": 'in ~/.zshrc, after compinit: eval "$(backfill completion zsh)"',
    "fish": "backfill completion fish > ~/.config/fish/completions/backfill.fish",
}


@click.command()
@json_option
@click.pass_obj
def schema(output: Output) -> None:
    """Print the JSON Schema of a config, for editors and validators."""
    text = _SCHEMA.read_text(encoding="utf-8")
    if output.wants_json:
        output.result(json.loads(text))
    else:
        output.lines([text.rstrip("\n")])


@click.command()
@click.argument("shell", type=click.Choice(sorted(_INSTALL)))
@json_option
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and configs in SHELL.

    \b
    bash: in ~/.bashrc: eval "$(backfill completion bash)"
    zsh:  in ~/.zshrc, after compinit: eval "$(backfill completion zsh)"
    fish: backfill completion fish > ~/.config/fish/completions/backfill.fish
    """
    from click.shell_completion import get_completion_class

    made_by = get_completion_class(shell)
    assert made_by is not None
    script = made_by(context.find_root().command, {}, "backfill", "_BACKFILL_COMPLETE").source()
    output: Output = context.obj
    if output.wants_json:
        output.result({"shell": shell, "script": script, "install": _INSTALL[shell], "error": None})
    else:
        output.lines([script.rstrip("\n"), f"# {_INSTALL[shell]}"])
