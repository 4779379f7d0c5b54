"""Spans, as a collector on this machine receives them."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from backfill.courier import RequestLog
from backfill.telemetry.spans import FAILED_MAX, Spans
from tests.end_to_end.command import NOWHERE, Ended, ended, start
from tests.end_to_end.recorder import Answer, recording
from tests.sending.doubles import batch_of

from .jobs import ROWS, VALUE, write

Told = dict[str, Any]


class Collector:
    """What was received."""

    def __init__(self, address: str) -> None:
        self.address, self.bodies = address, list[bytes]()

    def spans(self, name: str) -> list[Any]:
        """Those of that name, in order of their start."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        found = [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if span.name == name
        ]
        return sorted(found, key=lambda span: span.start_time_unix_nano)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A receiver of OTLP over http."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Any) -> Told:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


@pytest.fixture
def job(tmp_path):
    write(tmp_path)
    return tmp_path


def run(folder: Any, address: str, endpoint: str, **variables: str) -> Ended:
    variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    return ended(start(folder, address, "run", "job.yaml", "--json", **variables))


def test_a_run_is_a_span_and_each_stream_one_below_it(job):
    with collecting() as collector, recording() as server:
        told = run(job, server.address, collector.address).told

    (whole,), streams = collector.spans("backfill.run"), collector.spans("backfill.stream")
    assert [span.parent_span_id for span in streams] == [whole.span_id] * 2
    facts = attributes(whole)
    assert facts["backfill.run_id"] == told["run_id"]
    assert (facts["backfill.job"], facts["backfill.state"]) == ("job", "completed")
    assert (facts["backfill.rows.delivered"], facts["backfill.exit_code"]) == (ROWS, 3)
    people = attributes(streams[1])
    assert people["backfill.stream"] == "people"
    assert people["backfill.rows.read"] == ROWS
    assert people["backfill.rows.rejected"] == 1
    assert (people["backfill.requests"], people["backfill.requests_failed"]) == (1, 0)
    assert collector.spans("backfill.request") == []


def test_a_request_that_failed_is_a_span_of_its_stream_with_its_status(job):
    statuses = itertools.chain([503], itertools.repeat(200))
    with collecting() as collector, recording(lambda _: Answer(next(statuses))) as server:
        run(job, server.address, collector.address)

    (failed,), (first, _) = collector.spans("backfill.request"), collector.spans("backfill.stream")
    assert failed.parent_span_id == first.span_id
    assert attributes(failed)["http.response.status_code"] == 503
    assert attributes(failed)["backfill.attempt"] == 1
    assert first.start_time_unix_nano <= failed.start_time_unix_nano
    assert failed.end_time_unix_nano <= first.end_time_unix_nano


def test_a_run_that_is_stopped_says_why_in_its_status(job):
    with collecting() as collector, recording(lambda _: Answer(401)) as server:
        told = run(job, server.address, collector.address).told

    (whole,) = collector.spans("backfill.run")
    assert (whole.status.code, whole.status.message) == (2, told["error"]["what"])


def test_a_plan_is_no_span_of_a_run(job):
    with collecting() as collector, recording() as server:
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address}
        done = ended(start(job, server.address, "plan", "job.yaml", "--json", **variables))

    assert (done.code, collector.spans("backfill.run")) == (0, [])


def test_an_interrupted_run_sends_its_spans(job):
    with collecting() as collector, recording(lambda _: Answer(delay_s=20)) as server:
        to = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address}
        process = start(job, server.address, "run", "job.yaml", "--json", **to)
        while not server.posted:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        ended(process)

    (whole,) = collector.spans("backfill.run")
    assert attributes(whole)["backfill.state"] == "interrupted"


def test_no_value_of_a_row_and_no_secret_is_sent(job):
    with collecting() as collector, recording(lambda _: Answer(401)) as server:
        run(job, server.address, collector.address)
        run(job, server.address, collector.address)

    sent = b"".join(collector.bodies)
    assert b"backfill.run" in sent
    assert VALUE.encode() not in sent
    assert b"key-nobody-may-see" not in sent


def test_a_collector_that_is_not_there_is_said_once_and_stops_nothing(job):
    with recording() as server:
        done = run(job, server.address, NOWHERE, OTEL_EXPORTER_OTLP_TIMEOUT="1")

    assert (done.code, done.told["state"]) == (3, "completed")
    assert done.text.count("the spans do not reach the collector") == 1
    assert "Traceback" not in done.text


def test_without_the_extra_a_run_says_how_to_install_it_and_goes_on(job):
    (job / "first").mkdir()
    (job / "first" / "sitecustomize.py").write_text(
        "import sys\nsys.modules['opentelemetry.sdk'] = None\n"
    )

    path = os.pathsep.join([str(job / "first"), os.environ.get("PYTHONPATH", "")])
    with recording() as server:
        done = run(job, server.address, NOWHERE, PYTHONPATH=path)

    assert (done.code, done.told["state"]) == (3, "completed")
    assert "pip install 'backfill[otel]'" in done.text


def test_nothing_of_it_is_loaded_where_no_collector_is_named(job):
    with recording() as server:
        done = ended(
            start(job, server.address, "run", "job.yaml", "--json", PYTHONPROFILEIMPORTTIME="1")
        )

    assert "backfill.pipeline" in done.text
    assert "opentelemetry" not in done.text
    assert "prometheus_client" not in done.text


def test_of_an_outage_only_the_first_failures_are_spans():
    with collecting() as collector, pytest.MonkeyPatch.context() as environ:
        environ.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        with Spans("job", lambda *_: None) as spans:
            spans.begins("people", 0)
            for attempt in range(1, FAILED_MAX + 51):
                spans.requested(RequestLog(batch_of([1]), attempt, 0.0, status=503, failure="503"))

    (stream,) = collector.spans("backfill.stream")
    assert len(collector.spans("backfill.request")) == FAILED_MAX
    assert attributes(stream)["backfill.requests_failed"] == FAILED_MAX + 50
