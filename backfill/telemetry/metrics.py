"""The state and the numbers of a job's last run, in a file for node-exporter's textfile collector.

Facts. A batch job is gone when its metrics are read, so they are gauges that tell of its last run:
counters of a process that begins anew each time would count nothing.  [prometheus.io, Writing
exporters and Instrumentation, Batch jobs] The collector reads every *.prom of its folder at any
time, under a user of its own.  [node_exporter, Textfile Collector]
Rules. The file is whole at any time and readable by everybody: it holds counts and names of
streams, no value of a row. The time of the last success outlives runs that fail, so that an alert
can ask how long ago it was. A metrics file that cannot be written stops no run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from backfill.courier import RequestLog
from backfill.errors import BackfillError, Interrupted
from backfill.ledger import Counts
from backfill.remarks import Level, Says
from backfill.report import Closing
from backfill.resumption import State
from backfill.waiting import Limit

#: Seconds between two writes while a run goes on: Prometheus asks every 15 to 60.
WRITE_EVERY_S = 15.0

#: How long the last write is waited for, in seconds: a disk that does not answer holds up no exit.
LAST_WRITE_S_MAX = 5.0

_OUTCOMES = ("delivered", "rejected", "filtered", "unprocessed")
_LAST_SUCCESS = "backfill_last_success_timestamp_seconds"


class Metrics:
    """A watcher that keeps the file; from entering its context, which writes it, to leaving it.

    job:   the value of the label `job`. says: hears once of a file that cannot be written.
    """

    def __init__(
        self, path: Path, job: str, says: Says, clock_s: Callable[[], float] = time.time
    ) -> None:
        self._path, self._job, self._says, self._clock_s = path, job, says, clock_s
        self._began_s = self._written_s = clock_s()
        self._run_id: str | None = None
        self._state: State = "running"
        self._exit_code: int | None = None
        self._success_s: float | None = None
        self._stream = ""
        self._counts: dict[str, Counts] = {}
        self._requests = self._retries = self._body_bytes = 0
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._has_failed = False

    def __enter__(self) -> Self:
        self._success_s = _last_success(self._path, self._job)
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._exit_code is None:  # it ended before there was a closing
            is_wish = isinstance(error, Interrupted | KeyboardInterrupt)
            self._state = "interrupted" if is_wish else "stopped"
            self._exit_code = error.exit_code if isinstance(error, BackfillError) else 1
        self._look(LAST_WRITE_S_MAX)
        self._write()
        self._look(LAST_WRITE_S_MAX)
        self._thread.shutdown(wait=False)

    def starts(self, run_id: str) -> None:
        """The run begins, or goes on, under this name."""
        self._run_id = run_id

    def begins(self, stream: str, rows_done: int) -> None:  # noqa: ARG002
        """A stream's turn has come; so many of its rows are done already."""
        self._stream = stream

    def expects(self, rows: int | None) -> None:
        """An estimate is no metric."""

    def settled(self, rows: int, rejected: int) -> None:
        """The next tick tells."""

    def requested(self, log: RequestLog) -> None:
        """A request has ended."""
        self._requests += 1
        self._retries += log.attempt > 1
        self._body_bytes += log.batch.body_bytes

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:  # noqa: ARG002
        """What is known of the stream now; writes it now and then."""
        self._counts[self._stream] = counts
        if self._clock_s() - self._written_s >= WRITE_EVERY_S:
            self._write()

    def ends(self, counts: Counts) -> None:
        """The stream is finished."""
        self._counts[self._stream] = counts

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        """Words are no metric."""

    def closes(self, closing: Closing, exit_code: int) -> None:
        """What the run came to."""
        self._run_id, self._state, self._exit_code = closing.run_id, closing.state, exit_code
        self._counts = dict(closing.counts)
        if closing.state == "completed":
            self._success_s = self._clock_s()

    def _write(self) -> None:
        """Have the file written, unless the disk has not taken the last one yet."""
        self._written_s = self._clock_s()
        if self._look(0.0):
            self._writing = self._thread.submit(_replace, self._path, self._text())

    def _look(self, wait_s: float) -> bool:
        """Whether the last write is over; a first failure is said."""
        try:
            if self._writing is not None:
                self._writing.result(wait_s)
        except TimeoutError:
            return False
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                words = f"the metrics cannot be written: {error.strerror} ({self._path})"
                self._says(words, "metrics_failed", "warning")
        return True

    def _text(self) -> bytes:
        table = _Table(self._job)
        table.set("backfill_run_info", "The last run.", 1, **self._names())
        for state in get_args(State):
            table.set(
                "backfill_run_state",
                "1 for the state of the last run.",
                state == self._state,
                state=state,
            )
        for name, help_text, value in self._numbers():
            if value is not None:
                table.set(name, help_text, value)
        for stream, counts in self._counts.items():
            for outcome in _OUTCOMES:
                table.set(
                    "backfill_rows",
                    "Rows of the job by what became of them, earlier processes' included.",
                    getattr(counts, outcome),
                    stream=stream,
                    outcome=outcome,
                )
        return generate_latest(table.registry)

    def _names(self) -> Mapping[str, str]:
        return {"run_id": self._run_id or "", "version": version("backfill")}

    def _numbers(self) -> list[tuple[str, str, float | None]]:
        """Name, help and value of the metrics without labels of their own."""
        return [
            ("backfill_run_start_timestamp_seconds", "When this process began.", self._began_s),
            (
                "backfill_run_duration_seconds",
                "How long this process has run, or ran.",
                self._clock_s() - self._began_s,
            ),
            ("backfill_run_exit_code", "Exit code, once it has ended.", self._exit_code),
            (_LAST_SUCCESS, "When a run last finished, rejects or not.", self._success_s),
            ("backfill_run_requests", "Requests of this process.", self._requests),
            ("backfill_run_retries", "Those that were sent again.", self._retries),
            ("backfill_run_sent_bytes", "Bytes of their bodies.", self._body_bytes),
        ]


class _Table:
    """Gauges under the label of one job."""

    def __init__(self, job: str) -> None:
        self.registry, self._job = CollectorRegistry(), job
        self._gauges: dict[str, Gauge] = {}

    def set(self, name: str, help_text: str, value: float, **labels: str) -> None:
        """Set one of a gauge's values."""
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, help_text, ["job", *labels], registry=self.registry)
        self._gauges[name].labels(self._job, *labels.values()).set(value)


def _last_success(path: Path, job: str) -> float | None:
    """What an earlier run wrote; None where there is nothing, or what is there is no metrics."""
    try:
        families = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    samples = [s for f in families for s in f.samples if s.name == _LAST_SUCCESS]
    return next((s.value for s in samples if s.labels.get("job") == job), None)


def _replace(path: Path, content: bytes) -> None:
    """Put the content in the file's place in one step."""
    written = path.with_name(f"{path.name}.tmp")  # not *.prom: the collector leaves it alone
    with written.open("wb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(content)
    written.replace(path)
