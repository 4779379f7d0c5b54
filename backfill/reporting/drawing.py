"""What the page's script draws, as JSON that may stand in HTML."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from markupsafe import Markup

from backfill import trackapi
from backfill.reporting import batches
from backfill.reporting.facts import Facts

#: What could end the script element, or open a comment in it, as JSON may also write it.
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def drawn(facts: Facts) -> Markup:
    """The data of every chart: columns by bucket, when which stream was sent, resumes, sizes.

    left and x are where a bucket begins and its middle, in seconds at work; latencies are in
    seconds.
    """
    return as_script(
        {
            "long_s": _short([facts.work_s])[0],
            "left": _short(facts.axis.edges_s[:-1]),
            "x": _short((facts.axis.edges_s[:-1] + facts.axis.edges_s[1:]) / 2),
            "series": {name: _short(column) for name, column in rates(facts).items()},
            "bands": [[band.stream, *_short([band.from_s, band.to_s])] for band in facts.bands],
            "streams": list(facts.counts),
            "resumes": [
                _short([after.at_s, max(after.began_s - before.ended_s, 0.0)])
                for before, after in pairwise(facts.axis.stretches)
            ],
            "bytes": batches.by_bytes(facts.requests)._asdict(),
            "operations": batches.by_operations(facts.requests)._asdict(),
            "bytes_max": trackapi.BODY_BYTES_MAX,
        }
    )


def as_script(told: Any) -> Markup:
    """JSON for a script element, which nothing in it can end."""
    return Markup(orjson.dumps(told).decode().translate(_ESCAPES))  # noqa: S704 (just escaped)


def rates(facts: Facts) -> dict[str, npt.NDArray[np.float64]]:
    """The course of a run, each amount per second of its bucket."""
    course, widths_s = facts.course, facts.axis.widths_s
    return {
        "operations": course.operations / widths_s,
        "requests": course.started / widths_s,
        "again": course.tried_again / widths_s,
        "megabytes": course.body_bytes / widths_s / 1e6,
        "p50": course.p50_s,
        "p95": course.p95_s,
        "max": course.max_s,
        "in_flight": course.in_flight,
        "in_flight_max": course.in_flight_max.astype(np.float64),
    }


def _short(column: Iterable[float]) -> list[float | None]:
    """Four digits are more than a chart shows; what is no number is null."""
    return [None if value != value else float(f"{value:.4g}") for value in map(float, column)]
