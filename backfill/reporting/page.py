"""The report as one HTML page that needs nothing but itself.

Facts: a page opened from a file may run its own script and must fetch nothing; the policy in its
head holds that, and names the script by its digest, so that no text in the page can become one.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from backfill.config import Job
from backfill.identity import JobIdentity
from backfill.logbook import reason_in
from backfill.report import DELIVERED_MEANS
from backfill.reporting import batches, drawing, settings, words
from backfill.reporting.comparison import Actual, compared
from backfill.reporting.course import quantile
from backfill.reporting.facts import Facts
from backfill.reporting.versions import versions

_HERE = Path(__file__).parent

#: In this order.
_SCRIPTS = ("template/sharp.js", "uplot/uPlot.iife.min.js", "template/charts.js")

#: State to how it is said, and which colour it has.
_STATES = {
    "completed": ("Completed", "good"),
    "held": ("Events held back", "warn"),
    "stopped": ("Stopped", "bad"),
    "interrupted": ("Interrupted", "warn"),
    "running": ("Running", "soft"),
}

#: Status to what it means to the operations of the request.
_MEANINGS = {
    0: "no answer",
    200: "accepted",
    207: "accepted, but for some operations",
    400: "refused as a whole, and halved",
    408: "the API waited too long",
    413: "refused as a whole, and halved",
    422: "refused as a whole, and halved",
    429: "too many at once",
}


def page(
    job: Job, identity: JobIdentity, facts: Facts, planned: Mapping[str, Any] | None = None
) -> str:
    """The HTML of a run's report.

    planned: the object `plan --json` printed for this job; None where there is none.
    """
    script = "".join(map(_text, _SCRIPTS))
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            _headline(job, identity, facts)
            | _numbers(job, facts)
            | {
                "script": Markup(script),  # noqa: S704 (our own files)
                "script_digest": _digest(script),
                "style": Markup(_text("uplot/uPlot.min.css") + _text("template/page.css")),  # noqa: S704
                "data": drawing.drawn(facts),
                "planned": compared(planned, _actual(facts)) if planned else None,
                "job": settings.of_job(job, settings.address_of(identity.destination)),
                "streams": [
                    (stream.name, settings.of_stream(stream, known))
                    for stream, known in _known(job, identity)
                ],
                "warnings": [*job.warnings],
                "versions": versions(),
                "delivered_means": DELIVERED_MEANS,
            }
        )
    )


def _headline(job: Job, identity: JobIdentity, facts: Facts) -> dict[str, Any]:
    said, tone = _STATES[facts.state]
    if facts.state == "completed" and facts.total.rejected:
        said, tone = "Completed, with rejects", "warn"
    if facts.is_cut:
        said, tone = "Completed, cut by --limit", "warn"
    return {
        "config": job.path.name,
        "state": said,
        "tone": tone,
        "facts": facts,
        "total": facts.total,
        "address": settings.address_of(identity.destination),
        "region": settings.region_of(identity.destination).upper(),
        "stopped": _why_stopped(facts),
    }


def _why_stopped(facts: Facts) -> str | None:
    """What stopped the run; a run that went on afterwards only keeps it among its remarks."""
    said = [reason for text in facts.remarks if (reason := reason_in(text))]
    return said[-1] if said and facts.state == "stopped" else None


def _numbers(job: Job, facts: Facts) -> dict[str, Any]:
    to, requests = job.destination, facts.requests
    answered = np.sort(requests.elapsed_s[requests.status > 0])
    return {
        "sent_operations": int(requests.operations[requests.is_accepted].sum()),
        "sent_bytes": int(requests.body_bytes.sum()),
        "latencies": {name: quantile(answered, q) for name, q in (("median", 0.5), ("p95", 0.95))},
        "fills": batches.fills(
            requests, list(facts.counts), to.operations_per_s, to.requests_per_s
        ),
        "by_bytes": batches.by_bytes(requests),
        "by_operations": batches.by_operations(requests),
        "meanings": _MEANINGS,
        "rates": drawing.rates(facts),
        "starts": facts.axis.edges_s[:-1],
    }


def _actual(facts: Facts) -> Actual:
    sent = facts.requests
    return Actual(facts.total, len(sent), int(sent.body_bytes.sum()), facts.work_s)


def _known(job: Job, identity: JobIdentity) -> list[tuple[Any, Any]]:
    """The streams that the config and the run both have."""
    known = {stream.name: stream for stream in identity.streams}
    return [(stream, known[stream.name]) for stream in job.streams if stream.name in known]


def _digest(script: str) -> str:
    """As a content security policy names a script.  [www.w3.org/TR/CSP3, 2.3.1]"""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=words.visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for told in (words.count, words.rate, words.signed, words.percent, words.size):
        environment.filters[told.__name__] = told
    environment.filters.update(duration=words.duration, moment=words.moment)
    return environment
