"""The command that rehearses a job against everything that goes wrong."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backfill.cli.options import config_argument, json_option, set_option
from backfill.cli.output import Output

if TYPE_CHECKING:
    from backfill.chaos import Outcome, Rehearsed

#: Seeds where nobody says how many: of the demo they take 45 s, and have most kinds of faults.
SEEDS = 5


@click.command()
@config_argument
@set_option
@json_option
@click.option(
    "--seeds", type=click.IntRange(min=1), help=f"How many rehearsals, {SEEDS} if not told."
)
@click.option(
    "--seed", type=click.IntRange(min=0), help="The first seed; without --seeds the only one."
)
@click.pass_obj
def chaos(
    output: Output, config: Path, seeds: int | None, seed: int | None, overrides: Sequence[str]
) -> None:
    """Does CONFIG keep every promise when everything goes wrong? Sends nothing to a workspace.

    Runs the job against a Track API on this machine that throttles, fails, loses answers and
    refuses rows, kills the engine and damages its checkpoint, and compares what stands then with
    what an undisturbed run leaves. Ends with 1 if a promise is broken.
    """
    from backfill.chaos import rehearsed

    first, count = (1, seeds or SEEDS) if seed is None else (seed, seeds or 1)
    _rehearse(output, rehearsed(config, overrides), range(first, first + count))


def _rehearse(output: Output, job: Rehearsed, seeds: range) -> None:
    from backfill.chaos import rehearsals, table

    folder = Path(tempfile.mkdtemp(prefix="backfill-chaos-"))  # 0700
    outcomes: list[Outcome] = []
    kept = None
    try:
        began_s = time.monotonic()
        for outcome in rehearsals(job, seeds, folder):
            outcomes.append(outcome)
            click.echo(_progress(outcome, seeds, time.monotonic() - began_s), err=True)
        kept = None if table.holds(outcomes) else folder
    finally:
        if kept is None:
            shutil.rmtree(folder)
    output.lines(table.lines(outcomes, job, kept))
    output.result(table.as_json(outcomes, job, kept))
    sys.exit(0 if kept is None else 1)


def _progress(outcome: Outcome, seeds: range, elapsed_s: float) -> str:
    seed, word = outcome.plan.seed, "BREACH" if outcome.breaches else "ok"
    return f"seed {seed}: {word} ({seed - seeds[0] + 1} of {len(seeds)}, {elapsed_s:,.0f} s)"
