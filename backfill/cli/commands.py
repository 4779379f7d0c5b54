"""The commands. Heavy libraries are imported where a command needs them: `--help` is instant."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from backfill.cli.help import Group
from backfill.cli.options import (
    Part,
    Spread,
    config_argument,
    done_folder_option,
    full_option,
    job_of,
    json_option,
    limit_option,
    log_format_option,
    part_options,
    set_option,
    spread_options,
    wait_option,
)
from backfill.cli.output import Output, unbegun
from backfill.cli.planning import ask
from backfill.cli.warnings import say_warnings
from backfill.cli.watching import log_end, watched
from backfill.phrases import counted

if TYPE_CHECKING:
    from backfill.cli.audience import Audience
    from backfill.config import Job
    from backfill.pipeline import OpenStream, Options
    from backfill.report import Closing

#: What a shell reports of a process that a signal ended: 128 and the signal's number.
_SIGNALLED = 128


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="backfill")
def commands() -> None:
    """Move historical records from files into a Customer.io workspace, resumably."""


@commands.command()
@config_argument
@set_option
@json_option
@log_format_option
@click.pass_obj
def check(output: Output, config: Path, overrides: Sequence[str]) -> None:
    """Does CONFIG hold, do its files fit, does the API take the key? Sends nothing."""
    from backfill import engine, pipeline
    from backfill.checkpoint import peek
    from backfill.config import load

    job = load(config, overrides)
    streams = pipeline.open_streams(job, peek(job.checkpoint))
    say_warnings(output, job)
    for caution in pipeline.cautions(job, streams):
        output.says(*caution)
    found = engine.confirmed(job)
    region = found.region or "unknown (the address does not say)"
    key = "it takes the key" if found.region else "it does not say whether it takes the key"
    output.lines(
        [
            *(f"{stream.name}: {_files(stream)}" for stream in streams),
            f"destination: {job.sandbox or found.place.address}, region {region}; {key}",
        ]
    )
    output.result(
        {
            "state": "ok",
            "address": found.place.address,
            "region": found.region,
            "streams": [
                {"name": s.name, "files": len(s.files), "taken_before": s.taken_before}
                for s in streams
            ],
            "error": None,
        }
    )


def _files(stream: OpenStream) -> str:
    before = stream.taken_before
    files = counted(len(stream.files), "file")
    return f"{files}, {before:,} taken before" if before else files


class _Options(Part, Spread):
    """What the command line adds to a config."""

    limit: int | None
    fresh: bool
    full: bool
    wait_s: float
    done_folder: Path | None


@commands.command()
@config_argument
@set_option
@json_option
@log_format_option
@click.option("--yes", is_flag=True, help="Do not ask before sending to a workspace.")
@limit_option
@part_options
@click.option("--fresh", is_flag=True, help="Start anew; the old checkpoint is kept aside.")
@full_option
@wait_option
@done_folder_option
@spread_options
@click.option(
    "--metrics-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the run's metrics in this file, for Prometheus' node-exporter.",
)
@click.pass_obj
def run(
    output: Output,
    config: Path,
    metrics_file: Path | None,
    yes: bool,
    overrides: Sequence[str],
    **options: Unpack[_Options],
) -> None:
    """Send what is not done of CONFIG; the same command again goes on where it stopped."""
    from backfill import distribute, engine
    from backfill.pipeline import Options

    part = Part(only=options["only"], source=options["source"])
    until_s = time.monotonic() + options["wait_s"]
    spread = options["engine"], options["workers"], options["ray_address"]
    with watched(output, config, metrics_file) as audience:
        job = job_of(config, overrides, part)
        output.unfinished = partial(unbegun, job)
        extent = Options(
            options["limit"],
            options["fresh"],
            options["full"],
            until_s,
            options["done_folder"],
            carries=distribute.carries(*spread),
        )
        engine.wait(job, until_s, audience.says)
        say_warnings(output, job)
        if not yes:
            ask(output, job, extent)
        closing = _sent(job, extent, audience)
    _finish(output, closing)


@commands.command()
@config_argument
@set_option
@json_option
@click.pass_obj
def status(output: Output, config: Path, overrides: Sequence[str]) -> None:
    """How far is CONFIG? Also while a run is alive."""
    from backfill import report
    from backfill.checkpoint import holder, peek, peek_reason
    from backfill.config import load
    from backfill.rejects import refused

    job = load(config, overrides)
    saved, held_by = peek(job.checkpoint), holder(job.checkpoint)
    names = [stream.name for stream in (saved.job.streams if saved else job.streams)]
    files = [path for name in names for path in refused(job.rejects, name)]
    reason = peek_reason(job.checkpoint) if saved and saved.state == "stopped" else None
    output.lines(report.status_lines(saved, held_by, job.checkpoint, files, reason))
    output.result(report.status_as_json(saved, held_by, job.checkpoint, files, reason))


@commands.command()
@json_option
@log_format_option
@click.pass_obj
def demo(output: Output) -> None:
    """Show the whole job on this machine: sample data into a local Track API."""
    from backfill import report
    from backfill.cli import demonstration
    from backfill.pipeline import Options

    job = demonstration.prepared()
    output.lines(demonstration.introduction(job))
    with watched(output, job.path) as audience:
        closing = _sent(job, Options(), audience)
    ended = 0 if closing.state == "completed" else exit_code(closing)
    if output.log:
        log_end(output.log, closing, ended)
    output.lines(report.summary_lines(closing))
    found = demonstration.found(job) if closing.state == "completed" else {}
    output.result(report.as_json(closing) | {"config": str(job.path), "sandbox": found})
    if found:
        output.lines(demonstration.outcome(job, found))
    sys.exit(ended)


def _sent(job: Job, options: Options, audience: Audience) -> Closing:
    from backfill import engine

    closing = engine.send(job, options, audience, takes_signals=True)
    audience.closes(closing, exit_code(closing))
    return closing


def _finish(output: Output, closing: Closing) -> None:
    from backfill import report

    if output.log:
        log_end(output.log, closing, exit_code(closing))
    output.lines(report.summary_lines(closing))
    output.result(report.as_json(closing))
    sys.exit(exit_code(closing))


def exit_code(closing: Closing) -> int:
    """0 all delivered, 1 stopped or held, 3 some rows rejected, 130 or 143 interrupted."""
    if closing.was_done:
        return 0
    if closing.error is not None:
        return closing.error.exit_code
    if closing.signal is not None:
        return _SIGNALLED + closing.signal
    if closing.state == "held":
        return 1
    return 3 if any(counts.rejected for counts in closing.counts.values()) else 0
