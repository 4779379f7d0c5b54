"""What the commands print: text for people on stderr, one JSON object on stdout if asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from backfill.errors import BackfillError

#: What `--json` prints of a run that did not begin.
_NOTHING = {"read": 0, "delivered": 0, "rejected": 0, "filtered": 0, "unprocessed": 0}


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's words go.

    wants_json: whether stdout gets one JSON object and nothing else.
    """

    wants_json: bool

    def lines(self, lines: list[str]) -> None:
        """Text for people; on stderr where stdout is for a program."""
        for line in lines:
            click.echo(line, err=self.wants_json)

    def result(self, found: Mapping[str, Any]) -> None:
        """The JSON object, if it was asked for."""
        if self.wants_json:
            click.echo(json.dumps(found))

    @contextmanager
    def errors(self, empty: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
        """Turn a BackfillError into its message, the JSON object and the exit code.

        empty: the JSON object without the error.
        """
        try:
            yield
        except BackfillError as error:
            say_error(error)
            told = {"what": error.what, "where": error.where, "fix": error.fix}
            self.result({**empty(), "error": told})
            sys.exit(error.exit_code)


def say_error(error: BackfillError) -> None:
    """An error, for people."""
    click.echo(f"error: {error}", err=True)


def no_run() -> dict[str, Any]:
    """The JSON object of a run that did not begin."""
    return {
        "state": "stopped",
        "run_id": None,
        "rows": dict(_NOTHING),
        "operations": {"delivered": 0, "rejected": 0},
        "requests": {"sent": 0, "retried": 0},
        "bytes_sent": 0,
        "elapsed_s": 0.0,
        "streams": [],
        "rejects": [],
        "checkpoint": None,
    }
