"""Who watches a run that a command starts: progress on stderr, and what monitoring reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backfill.cli.output import Output

if TYPE_CHECKING:
    from backfill.cli.audience import Audience, Monitor
    from backfill.progress import Bars, JsonLog, Lines, Logged
    from backfill.remarks import Level, Says
    from backfill.report import Closing
    from backfill.telemetry.spans import Spans


@contextmanager
def watched(output: Output, config: Path, metrics_file: Path | None = None) -> Iterator[Audience]:
    """Whom to tell of a run, from before it begins until its command ends.

    config: names the job in what monitoring reads.
    """
    from backfill.cli.audience import Audience

    progress = progress_on(output)
    monitors: list[Monitor] = []
    with ExitStack() as open_ones:
        open_ones.callback(progress.close)
        if metrics_file is not None:
            from backfill.telemetry.metrics import Metrics

            metrics = Metrics(metrics_file, config.stem, progress.says)
            monitors.append(open_ones.enter_context(metrics))
        if _asks_for_spans(os.environ) and (spans := _spans(config.stem, progress.says)):
            monitors.append(open_ones.enter_context(spans))
        audience = Audience(progress, monitors)
        try:
            yield audience
        finally:
            output.run_id = audience.run_id


def _asks_for_spans(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a collector, as the OpenTelemetry SDKs read it.

    [opentelemetry.io, OTLP Exporter Configuration; Environment Variable Specification]
    """
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_off = is_off or environ.get("OTEL_TRACES_EXPORTER") == "none"
    return not is_off and any(environ.get(name) for name in names)


def _spans(job: str, says: Says) -> Spans | None:
    """What makes the spans; None, and a warning, where that cannot be."""
    try:
        from backfill.telemetry.spans import Spans

        return Spans(job, says)
    except ModuleNotFoundError:
        fix = "pip install 'backfill[otel]', or unset the variable"
        says(
            f"OTEL_EXPORTER_OTLP_ENDPOINT asks for spans and OpenTelemetry is not installed: {fix}",
            "spans_not_installed",
            "warning",
        )
    except (ValueError, OSError) as error:
        words = f"no spans: the OTEL_ variables do not hold ({type(error).__name__})"
        says(words, "spans_failed", "warning")
    return None


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


def progress_on(output: Output) -> Bars | Lines | Logged:
    """What tells on stderr how it goes; to be closed."""
    from backfill.progress import Bars, Lines, Logged

    if output.log:
        return Logged(output.log)
    return Bars() if sys.stderr.isatty() else Lines()
