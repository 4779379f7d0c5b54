"""The commands that ask what became of rows; they change nothing and send nothing."""

from __future__ import annotations

import sys
import time
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

    Groups those that were not sent again since by rule and field, the largest first, with three
    samples each and the change of the config that would mend the group. Also while a run is alive.
    """
    from backfill.config import load
    from backfill.inquiry import rejects as inquiry
    from backfill.inquiry.refused import found

    job = load(config, overrides)
    every = found(job)
    output.lines(inquiry.lines(job, every))
    output.result(inquiry.as_json(job, every))


@click.command()
@config_argument
@click.argument("identifier", metavar="ID")
@set_option
@json_option
@click.pass_obj
def why(output: Output, config: Path, identifier: str, overrides: Sequence[str]) -> None:
    """What became of the person or object ID? Every row of CONFIG that names it, and its requests.

    ID stands in any field that names somebody or something: ids exactly, emails whatever their
    case. Rows that name the same person by another identifier are found through those that have
    both. Shows no value of a row. Ends with 1 where no row names ID.
    """
    from backfill.config import load
    from backfill.inquiry import telling
    from backfill.inquiry.why import answer

    found = answer(load(config, overrides), identifier, int(time.time()))
    output.lines(telling.lines(found))
    output.result(telling.as_json(found))
    sys.exit(0 if found.outcomes else 1)
