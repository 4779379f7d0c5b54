"""JSON lines on stderr, for what collects logs.

A few lines of our own instead of structlog: there is no logger to configure and no other library's
records to take in; every line is written by one call, in one process, with two ids beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from backfill.errors import BackfillError
from backfill.remarks import Level


def _now() -> datetime:
    return datetime.now(UTC)


class JsonLog:
    """One object a line: at, level, event, message, run_id, stream, and what the event has.

    `at` is ISO 8601 in UTC, to the millisecond.
    run_id, stream: None as long as there is none.
    """

    def __init__(self, out: TextIO | None = None, now: Callable[[], datetime] = _now) -> None:
        self._out, self._now = out or sys.stderr, now
        self.run_id: str | None = None
        self.stream: str | None = None

    def write(self, level: Level, event: str, message: str, **facts: Any) -> None:
        """Write one line; facts: numbers and words of a known few, never what a row holds."""
        at = self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"at": at, "level": level, "event": event, "message": message}
        line |= {"run_id": self.run_id, "stream": self.stream, **facts}
        self._out.write(json.dumps(line) + "\n")  # whole, whatever another thread writes
        self._out.flush()

    def fail(self, error: BackfillError) -> None:
        """Write what stopped the command."""
        self.write("error", "error", error.what, **error.as_json(), exit_code=error.exit_code)
