"""The commands that ask what became of rows; they change nothing and send nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from backfill.cli.options import config_argument, json_option, set_option
from backfill.cli.output import Output
from backfill.errors import BackfillError


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
@set_option
@json_option
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    metavar="N",
    help="How many runs to show.",
)
@click.pass_obj
def history(output: Output, config: Path, overrides: Sequence[str], last: int) -> None:
    """The runs of CONFIG: when, how long, how much, how each ended, and which are odd.

    A run is odd where its numbers are far from the median of those before it, where it was stopped
    or killed, where a run is missing before it, and where nothing was new. Also while one is alive.
    """
    from backfill import history as nights
    from backfill.checkpoint import holder, peek, peek_work
    from backfill.config import load
    from backfill.logbook import Work

    checkpoint = load(config, overrides).checkpoint
    entries, unread = nights.read(checkpoint)
    held_by, saved, work = holder(checkpoint), None, Work()
    try:
        saved, work = peek(checkpoint), peek_work(checkpoint)
    except BackfillError as error:  # the history is whole without it
        output.says(str(error), "checkpoint_unread", "warning")
    known = nights.as_of(entries, saved, work, held_by)
    found, path = nights.looked_at(known, last, datetime.now(UTC)), nights.beside(checkpoint)
    output.lines(nights.lines(found, path, unread))
    output.result(nights.as_json(found, path, unread))


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
