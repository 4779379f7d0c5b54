"""The command that rehearses a job against everything that goes wrong."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from backfill.cli.options import config_argument, json_option, log_format_option, set_option
from backfill.cli.output import Output
from backfill.errors import HungUp
from backfill.remarks import Remark

if TYPE_CHECKING:
    from backfill.chaos import Outcome, Rehearsed

#: Seeds where nobody says how many: of the demo they take 80 s, and they have every kind of fault.
SEEDS = 9


@click.command()
@config_argument
@set_option
@json_option
@log_format_option
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
    """Rehearse CONFIG on this machine with everything going wrong, and prove the promises.

    Needs no credentials and sends nothing to a workspace. Runs the job against a Track API on this
    machine that throttles, fails, loses answers and refuses rows, kills the engine and damages its
    checkpoint, and compares what stands then with what an undisturbed run leaves. Ends with 1 if a
    promise is broken.
    """
    from backfill.chaos import rehearsed

    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
        signal.signal(signal.SIGHUP, _hang_up)
    first, count = (1, seeds or SEEDS) if seed is None else (seed, seeds or 1)
    _rehearse(output, rehearsed(config, overrides), range(first, first + count))


def _hang_up(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, once: the system and the shell both say that the terminal went away."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise HungUp("the terminal went away", "this rehearsal", "run it again")


def _rehearse(output: Output, job: Rehearsed, seeds: range) -> None:
    from backfill.chaos import rehearsals, table

    folder = Path(tempfile.mkdtemp(prefix="backfill-chaos-"))  # 0700
    outcomes: list[Outcome] = []
    kept = None
    output.says(f"{len(seeds)} seeds, each against a run that nothing disturbs", "chaos_started")
    try:
        began_s = time.monotonic()
        for outcome in rehearsals(job, seeds, folder):
            outcomes.append(outcome)
            output.says(*_progress(outcome, seeds, time.monotonic() - began_s))
        kept = None if table.holds(outcomes) else folder
    except BaseException:  # an interruption does not cost what was found
        if outcomes:
            kept = None if table.holds(outcomes) else folder
            output.lines(table.lines(outcomes, job, kept))
        raise
    finally:
        if kept is None:
            shutil.rmtree(folder)
    output.lines(table.lines(outcomes, job, kept))
    output.result(table.as_json(outcomes, job, kept))
    sys.exit(0 if kept is None else 1)


def _progress(outcome: Outcome, seeds: range, elapsed_s: float) -> Remark:
    seed, word = outcome.plan.seed, "BREACH" if outcome.breaches else "ok"
    text = f"seed {seed}: {word} ({seed - seeds[0] + 1} of {len(seeds)}, {elapsed_s:,.0f} s)"
    return Remark(text, "seed_ended")
