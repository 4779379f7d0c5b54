"""The command that makes a run's report again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from backfill.cli.options import config_argument, json_option, set_option
from backfill.cli.output import Output


@click.command()
@config_argument
@set_option
@json_option
@click.option(
    "--output",
    "place",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to write it, instead of beside the checkpoint.",
)
@click.pass_obj
def report(output: Output, config: Path, overrides: Sequence[str], place: Path | None) -> None:
    """Write the report of CONFIG's run, one HTML file; also while the run is alive.

    Every run leaves its report when it ends; this makes it again, as of the last commit.
    """
    from backfill import reporting
    from backfill.config import load

    path, saved = reporting.write(load(config, overrides), output=place)
    output.lines([f"Report: {path}"])
    output.result(
        {"state": "completed", "run_id": saved.run_id, "report": str(path), "error": None}
    )
