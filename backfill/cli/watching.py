"""Who watches a run that a command starts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from backfill.cli.output import Output

if TYPE_CHECKING:
    from backfill.progress import Bars, JsonLog, Lines, Logged
    from backfill.remarks import Level
    from backfill.report import Closing


def progress(output: Output) -> Bars | Lines | Logged:
    """What shows on stderr how the run goes."""
    from backfill.progress import Bars, Lines, Logged

    if output.log:
        return Logged(output.log)
    return Bars() if sys.stderr.isatty() else Lines()


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
