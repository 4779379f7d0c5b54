"""The command that says what a run will do."""

from __future__ import annotations

import json
import re
import select
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from backfill.cli.options import (
    Part,
    config_argument,
    full_option,
    job_of,
    json_option,
    limit_option,
    log_format_option,
    part_options,
    set_option,
)
from backfill.cli.output import Output
from backfill.cli.warnings import say_warnings
from backfill.cli.watching import progress_on
from backfill.errors import BackfillError

if TYPE_CHECKING:
    from backfill.config import Job
    from backfill.pipeline import Options
    from backfill.planning import Plan, Scope

_LATENCY = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(ms|s)?")

#: How long Ctrl-C may take to be seen at the question, in seconds.
_TURN_S = 0.1

#: The longest the API is given to answer is a minute.
_LATENCY_S_MAX = 60.0


class _Latency(click.ParamType[float]):
    """A time as 100ms or 0.1s, in seconds; without a unit it is milliseconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds, up to a minute."""
        found = _LATENCY.fullmatch(str(value))
        seconds = float(found[1]) * (1.0 if found[2] == "s" else 0.001) if found else -1.0
        if not 0 <= seconds <= _LATENCY_S_MAX:
            self.fail(f"'{value}' is no time up to a minute, as 100ms or 0.1s", param, ctx)
        return seconds


@click.command()
@config_argument
@set_option
@json_option
@log_format_option
@limit_option
@part_options
@full_option
@click.option(
    "--latency",
    "latency_s",
    type=_Latency(),
    default="100ms",
    show_default=True,
    help="How long the API takes to answer, for the expected time.",
)
@click.pass_obj
def plan(
    output: Output,
    config: Path,
    overrides: Sequence[str],
    limit: int | None,
    full: bool,
    latency_s: float,
    **part: Unpack[Part],
) -> None:
    """What will a run of CONFIG do? Reads everything, counts exactly, sends nothing."""
    from backfill import planning
    from backfill.checkpoint import peek

    job = job_of(config, overrides, part)
    say_warnings(output, job)
    scope = planning.Scope(peek(job.checkpoint), limit=limit, full=full, latency_s=latency_s)
    found = surveyed(output, job, scope)
    if limit is None and not full:
        _keep(output, job, found)
    output.lines(planning.lines(found))
    output.result(planning.as_json(found))


def ask(output: Output, job: Job, options: Options) -> None:
    """Say what is about to go to a workspace, and ask; never without a terminal.

    Raises BackfillError where the answer is not yes.
    """
    if not asks(job):
        return
    from backfill import planning
    from backfill.checkpoint import peek
    from backfill.phrases import counted

    click.echo("Reading everything once to say what will be sent; --yes does without.", err=True)
    saved = None if options.fresh else peek(job.checkpoint)
    found = surveyed(
        output, job, planning.Scope(saved, goes_on=True, limit=options.limit, full=options.full)
    )
    if found.is_done:
        return
    click.echo("\n".join(["", *planning.essence(found), ""]), err=True)
    operations = counted(found.total("operations"), "operation")
    agree(f"Send {operations} to {found.address} (region: {job.destination.region})?")


def asks(job: Job) -> bool:
    """Whether anybody is asked: on a terminal, of what goes to a workspace."""
    return job.sandbox is None and sys.stdin.isatty() and sys.stderr.isatty()


def agree(question: str) -> None:
    """Ask a question on the terminal; raises BackfillError where the answer is not yes."""
    click.echo(f"{question} [y/N]: ", nl=False, err=True)
    if not _answer().startswith("y"):
        raise BackfillError("not confirmed: nothing was sent", "this terminal", "say y, or --yes")


def _answer() -> str:
    """The line that is typed, in lower case.

    Waited for in short turns: a Ctrl-C that comes just before the system reads would be kept back
    until Enter, and polars' handler of it has the system read on.
    """
    while not select.select([sys.stdin], [], [], _TURN_S)[0]:
        pass
    return sys.stdin.readline().strip().lower()


def surveyed(output: Output, job: Job, scope: Scope) -> Plan:
    """The plan of a job, with progress on stderr."""
    from backfill import engine

    with closing(progress_on(output)) as progress:
        return engine.surveyed(job, scope, progress)


def _keep(output: Output, job: Job, found: Plan) -> None:
    """Keep the plan beside the checkpoint: the report compares the run with it."""
    from backfill import planning
    from backfill.private import write_whole

    try:
        write_whole(job.plan_file, json.dumps(planning.as_json(found)).encode())
    except OSError as error:
        text = f"the plan is not kept for the report: {error.strerror}"
        output.says(text, "plan_not_kept", "warning")
