"""The help that teaches: the commands of a migration in their order, and those beside them."""

from __future__ import annotations

import click

#: Title to commands, each with what it is for; what stands here fits on a screen of 80 by 24.
SECTIONS = {
    "A migration, in order": {
        "init": "look at exports and write a config for them, commented",
        "plan": "what will a run do? reads everything, counts, sends nothing",
        "run": "send what is not done; the same command again goes on",
        "rejects": "which rows were refused, and the change that mends them",
        "why": "what became of one person or object, and in which request",
    },
    "Beside it": {
        "demo": "all of it on this machine, with sample data",
        "check": "do the config, its files and the key fit?",
        "status": "how far is a run? also while it is alive",
        "history": "every run so far, how it ended, and which was odd",
        "undo": "take back what a run changed, as far as can be",
        "report": "a run's report as one HTML file, made again",
        "sandbox": "a local Track API to rehearse against",
        "chaos": "rehearse a config with everything going wrong",
        "schema": "the config's JSON Schema, for editors",
        "completion": "completes commands in bash, zsh and fish",
    },
}


class Group(click.Group):
    """Commands that are listed in an order that explains them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands alone: the two options stand in the last line."""
        self.format_commands(ctx, formatter)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, says) for name, says in commands.items()])
        formatter.write_paragraph()
        formatter.write_text("Each with --help tells more; --version. Begin with: backfill demo")
