"""The commands that ask what became of rows; they change nothing and send nothing."""

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
@click.pass_obj
def rejects(output: Output, config: Path, overrides: Sequence[str]) -> None:
    """Which rows of CONFIG were refused, why, and what would mend them? Shows no values.

    Groups them by rule and field, the largest first, with three samples each and the change of the
    config that would mend the group. Also while a run is alive.
    """
    from backfill.config import load
    from backfill.inquiry import rejects as inquiry

    job = load(config, overrides)
    found = inquiry.found(job)
    output.lines(inquiry.lines(job, found))
    output.result(inquiry.as_json(job, found))
