"""Spans of a run for an OpenTelemetry collector; needs the extra `backfill[otel]`.

Facts. A run makes 10 to 100,000 requests; a span each would cost more than it tells, and the SDK's
queue of 2,048 spans would drop most. What is looked for in a trace is where the time of a run went,
and which requests failed.
Rules. One span for the run, one below it for each stream, with its counts, and one below that for
each request that has to be tried again or was abandoned, the first `FAILED_MAX` of a stream. No
attribute is a value of a row. A collector that cannot be reached is said once and stops nothing.
Where to and with what headers, the SDK's own variables say.  [opentelemetry.io, OTLP Exporter
Configuration]
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Self

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, Status, StatusCode, set_span_in_context

from backfill.courier import RequestLog
from backfill.errors import BackfillError
from backfill.ledger import Counts
from backfill.remarks import Level, Says
from backfill.report import Closing, total
from backfill.waiting import Limit

#: Failed requests of a stream that become spans: an outage of ten minutes makes thousands that look
#: alike.
FAILED_MAX = 100

#: How long the last spans are waited for, in seconds: a collector that is gone holds up no exit.
FLUSH_S_MAX = 5.0

_NANO = 1_000_000_000


class Spans:
    """A watcher that makes the spans; from entering its context to leaving it.

    job: the config's name. says: hears once of a collector that takes nothing.
    """

    def __init__(self, job: str, says: Says) -> None:
        named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "backfill"}
        resource = Resource.create({**named, "service.version": version("backfill")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("backfill")
        self._logger, self._told = logging.getLogger("opentelemetry"), _Told(says)
        self._run = self._tracer.start_span("backfill.run", attributes={"backfill.job": job})
        self._stream: Span | None = None
        self._counts = Counts()
        self._sent: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._logger.addHandler(self._told)
        self._logger.propagate = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._end_stream()
        if isinstance(error, BackfillError):
            self._run.set_status(Status(StatusCode.ERROR, error.what))
            self._run.set_attribute("backfill.exit_code", error.exit_code)
        elif error is not None:
            self._run.set_status(Status(StatusCode.ERROR, type(error).__name__))
        self._run.end()
        flushing = threading.Thread(target=self._provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(FLUSH_S_MAX)
        if flushing.is_alive():
            self._told.tell()

    def starts(self, run_id: str) -> None:
        """The run begins, or goes on, under this name."""
        self._run.set_attribute("backfill.run_id", run_id)

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""
        self._end_stream()
        self._stream = self._tracer.start_span(
            "backfill.stream",
            set_span_in_context(self._run),
            attributes={"backfill.stream": stream, "backfill.rows.done_before": rows_done},
        )
        self._counts = Counts()
        self._sent = dict.fromkeys(("requests", "retries", "requests_failed", "sent_bytes"), 0)

    def expects(self, rows: int | None) -> None:
        """An estimate is no attribute."""

    def settled(self, rows: int, rejected: int) -> None:
        """The next tick tells."""

    def requested(self, log: RequestLog) -> None:
        """A request has ended; one that failed becomes a span."""
        is_failed = bool(log.failure) or not log.status
        self._sent["requests"] += 1
        self._sent["retries"] += log.attempt > 1
        self._sent["requests_failed"] += is_failed
        self._sent["sent_bytes"] += log.batch.body_bytes
        if is_failed and self._sent["requests_failed"] <= FAILED_MAX:
            self._failed(log)

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:  # noqa: ARG002
        """What is known of the stream now, should it not end."""
        self._counts = counts

    def ends(self, counts: Counts) -> None:
        """The stream is finished."""
        self._counts = counts
        self._end_stream()

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:  # noqa: ARG002
        """A remark is an event of the run: its name, for the text may be long."""
        self._run.add_event(event)

    def closes(self, closing: Closing, exit_code: int) -> None:
        """What the run came to."""
        self._end_stream()
        facts = {"backfill.state": closing.state, "backfill.exit_code": exit_code}
        self._run.set_attributes({**facts, **_rows(total(closing.counts.values()))})
        if closing.error is not None:
            self._run.set_status(Status(StatusCode.ERROR, closing.error.what))

    def _failed(self, log: RequestLog) -> None:
        assert self._stream is not None
        span = self._tracer.start_span(
            "backfill.request",
            set_span_in_context(self._stream),
            start_time=round(log.started_at_s * _NANO),
            attributes={
                "http.response.status_code": log.status,
                "backfill.attempt": log.attempt,
                "backfill.operations": len(log.batch),
                "backfill.body_bytes": log.batch.body_bytes,
                "backfill.waited_s": log.waited_s,
            },
        )
        span.set_status(Status(StatusCode.ERROR, log.failure or "abandoned"))
        span.end(round((log.started_at_s + log.elapsed_s) * _NANO))

    def _end_stream(self) -> None:
        if self._stream is not None:
            sent = {f"backfill.{name}": count for name, count in self._sent.items()}
            self._stream.set_attributes({**_rows(self._counts), **sent})
            self._stream.end()
            self._stream = None


def _rows(counts: Counts) -> Mapping[str, int]:
    names = ("read", "delivered", "rejected", "filtered", "unprocessed")
    return {f"backfill.rows.{name}": getattr(counts, name) for name in names}


class _Told(logging.Handler):
    """Says once that the collector takes nothing, in place of what the SDK would print."""

    def __init__(self, says: Says) -> None:
        super().__init__(logging.WARNING)
        self._says, self._has_told = says, False

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        """Take the SDK's word that something is wrong; its text may quote the address."""
        self.tell()

    def tell(self) -> None:
        """Say it, if it was not said."""
        if not self._has_told:
            self._has_told = True
            words = (
                "the spans do not reach the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, over"
                " http/protobuf; the run goes on without them"
            )
            self._says(words, "spans_failed", "warning")
