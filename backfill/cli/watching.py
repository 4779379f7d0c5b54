"""Who watches a run that a command starts: progress on stderr, and what monitoring reads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backfill.cli.output import Output

if TYPE_CHECKING:
    from backfill.cli.audience import Audience, Monitor
    from backfill.progress import Bars, JsonLog, Lines, Logged
    from backfill.remarks import Level
    from backfill.report import Closing


@contextmanager
def watched(output: Output, config: Path, metrics_file: Path | None = None) -> Iterator[Audience]:
    """Whom to tell of a run, from before it begins until its command ends.

    config: names the job in what monitoring reads.
    """
    from backfill.cli.audience import Audience

    progress = _progress(output)
    monitors: list[Monitor] = []
    with ExitStack() as open_ones:
        open_ones.callback(progress.close)
        if metrics_file is not None:
            from backfill.telemetry.metrics import Metrics

            metrics = Metrics(metrics_file, config.stem, progress.says)
            monitors.append(open_ones.enter_context(metrics))
        yield Audience(progress, monitors)


def log_end(log: JsonLog, closing: Closing, exit_code: int) -> None:
    """Log what the run came to, and what stopped it."""
    from backfill.report import as_json

    if closing.error:
        log.fail(closing.error)
    log.run_id = closing.run_id
    told = as_json(closing)
    told["requests"], told["retries"] = told["requests"]["sent"], told["requests"]["retried"]
    kept = ("state", "requests", "retries", "bytes_sent", "elapsed_s", "held", "rejects")
    facts = told["rows"] | {key: told[key] for key in kept} | {"exit_code": exit_code}
    level: Level = "info" if exit_code == 0 else "error" if exit_code == 1 else "warning"
    log.write(level, "run_ended", f"run {closing.run_id} {closing.state}", **facts)


def _progress(output: Output) -> Bars | Lines | Logged:
    from backfill.progress import Bars, Lines, Logged

    if output.log:
        return Logged(output.log)
    return Bars() if sys.stderr.isatty() else Lines()
