"""The command that takes back what a run changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backfill.cli.commands import exit_code
from backfill.cli.options import config_argument, json_option, log_format_option, set_option
from backfill.cli.output import Output
from backfill.cli.planning import agree, asks
from backfill.cli.warnings import say_warnings
from backfill.cli.watching import log_end, watched

if TYPE_CHECKING:
    from backfill.config import Job
    from backfill.report import Closing
    from backfill.undoing import Undo


@click.command()
@config_argument
@click.argument("run_id", metavar="RUN")
@click.option("--plan", "is_plan", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask before sending to a workspace.")
@set_option
@json_option
@log_format_option
@click.pass_obj
def undo(
    output: Output, config: Path, run_id: str, is_plan: bool, yes: bool, overrides: Sequence[str]
) -> None:
    """Take back what RUN changed, as far as can be; first look with --plan.

    Of streams with `changes: {…, keep_previous: true}`: attributes are set back to what was sent
    before, people whom the run created are deleted. Who was changed again since, or existed
    before, is left alone. Events cannot be undone. The same command again goes on where it stopped.
    """
    from backfill import undoing
    from backfill.config import load

    job = load(config, overrides)
    say_warnings(output, job)
    with undoing.alone(job):
        is_under_way = undoing.under_way(job, run_id) is not None
        if is_plan:
            _tell_plan(output, job, run_id, is_under_way=is_under_way)
            return
        found = None if is_under_way else _asked(output, job, run_id, yes=yes)
        if found is not None and not found.set_back + found.delete:
            _tell_nothing(output, job, found)
            return
        if is_under_way:
            output.says(f"The undo of run {run_id} goes on.", "undo_resumed")
        closing = _sent(output, job, run_id, found)
    _finish(output, job, run_id, closing, found)


def _tell_plan(output: Output, job: Job, run_id: str, *, is_under_way: bool) -> None:
    from backfill import engine, undoing

    found = engine.undo_surveyed(job, run_id, lists=False)
    again = " go on with" if is_under_way else ""
    command = f"backfill undo {job.typed} {run_id}"
    there_is = is_under_way or found.set_back + found.delete
    after = f"Next, to{again or ' do'} it: {command}" if there_is else "Nothing is to be undone."
    output.lines([*undoing.lines(found), "", f"Nothing was sent. {after}"])
    output.result(undoing.as_json(found))


def _asked(output: Output, job: Job, run_id: str, *, yes: bool) -> Undo:
    """What is to be undone, listed, once a person agreed; nothing stays listed otherwise."""
    from backfill import engine, undoing

    found = engine.undo_surveyed(job, run_id, lists=True)
    output.lines(undoing.lines(found))
    try:
        if not yes and asks(job) and found.set_back + found.delete:
            region = f"region: {job.destination.region}"
            agree(f"Set {found.set_back:,} back and delete {found.delete:,} ({region})?")
    except BaseException:
        undoing.forget(job, run_id)
        raise
    return found


def _sent(output: Output, job: Job, run_id: str, found: Undo | None) -> Closing:
    """Send the lists; found: what is on them; None: an undo goes on."""
    from backfill import engine, undoing
    from backfill.pipeline import Options

    last_runs = {one.stream.name: one.last_run for one in found.streams} if found else {}
    options = Options(fresh=found is not None, prepares=undoing.preparing(job, run_id, last_runs))
    with watched(output, job.path) as audience:
        closing = engine.send(undoing.job_of(job, run_id), options, audience, takes_signals=True)
        audience.closes(closing, exit_code(closing))
    return closing


def _tell_nothing(output: Output, job: Job, found: Undo) -> None:
    from backfill import report, undoing

    closing = report.Closing("completed", None, {}, report.Effort(0, 0, 0, 0.0), [], None)
    output.lines(["", "Nothing is left to undo, and nothing was sent.", *_left(job, found.run_id)])
    output.result(report.as_json(closing) | {"undo": undoing.as_json(found)})


def _finish(output: Output, job: Job, run_id: str, closing: Closing, found: Undo | None) -> None:
    from backfill import report, undoing

    code = exit_code(closing)
    if output.log:
        log_end(output.log, closing, code)
    *said, following = report.summary_lines(closing, undoing.NEXT)
    output.lines(["", *said, *_left(job, run_id), following])
    output.result(report.as_json(closing) | {"undo": undoing.as_json(found) if found else None})
    sys.exit(code)


def _left(job: Job, run_id: str) -> list[str]:
    from backfill import undoing

    paths = undoing.left_lists(job, run_id)
    return [f"Left alone, each with the reason: {path}" for path in paths]
