"""What the commands print: text for people on stderr, one JSON object on stdout if asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backfill.errors import BackfillError, Interrupted, StorageError, UsageError, unforeseen
from backfill.remarks import Level, shown

if TYPE_CHECKING:
    from backfill.config import Job
    from backfill.progress import JsonLog
    from backfill.resumption import State


@dataclass(slots=True)
class Output:
    """Where a command's words go, also when it fails.

    wants_json: whether stdout gets one JSON object and nothing else.
    log:        what stderr gets JSON lines by; None: it gets text for people.
    unfinished: the JSON object of a command that failed, less its error; told the state.
    has_told:   whether that object was printed.
    run_id:     of the run that the command began; None as long as there is none.
    """

    wants_json: bool
    unfinished: Callable[[State], Mapping[str, Any]] = lambda state: {"state": state}
    log: JsonLog | None = None
    has_told: bool = False
    run_id: str | None = None

    def lines(self, lines: list[str]) -> None:
        """Text for people: on stderr where stdout is for a program, nowhere where both are."""
        if not (self.wants_json and self.log):
            click.echo("\n".join(lines), err=self.wants_json)

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        """Something to know, on stderr; the parts of a Remark."""
        if self.log:
            self.log.write(level, event, text)
        else:
            click.echo(shown(text, level), err=True)

    def result(self, found: Mapping[str, Any]) -> None:
        """The JSON object, if it was asked for; one, whatever ends the command after it."""
        if self.wants_json and not self.has_told:
            self.has_told = True
            click.echo(json.dumps(found))

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn whatever ends the command into a message, the JSON object and the exit code."""
        try:
            yield
        except BackfillError as error:
            self.fail(error)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            fix = "name one of those that --help lists"
            self.fail(UsageError("no command is named", "the command line", fix))
        except click.UsageError as error:
            name = error.ctx.command_path if error.ctx else "backfill"
            what = error.format_message().rstrip(".")
            self.fail(UsageError(what, "the command line", f"see {name} --help"))
        except (click.Abort, KeyboardInterrupt):
            self.fail(Interrupted("interrupted", "this command", "run it again"))
        except SystemExit:
            raise
        except BaseException as error:  # a panic of polars is no Exception
            self.fail(unforeseen(error))

    def fail(self, error: BackfillError) -> None:
        """Say what went wrong, and end the process with its exit code."""
        if self.log:
            self.log.fail(error)
        else:
            lead = f"{self.run_id} " if self.run_id and not sys.stderr.isatty() else ""
            click.echo(f"{lead}error: {error}", err=True)
        state: State = "interrupted" if isinstance(error, Interrupted) else "stopped"
        with suppress(StorageError):  # the report itself: the exit code still tells
            self.result({**self.unfinished(state), "error": error.as_json()})
        sys.exit(error.exit_code)


def unbegun(job: Job | None, state: State) -> dict[str, Any]:
    """The JSON object of a run that ended before it began: what is done of an unfinished one.

    job: None where no config could be read.
    """
    from backfill import report
    from backfill.checkpoint import peek
    from backfill.ledger import Counts
    from backfill.rejects import refused

    nothing = report.Effort(0, 0, 0, 0.0)
    if job is None:
        return report.as_json(report.Closing(state, None, {}, nothing, [], None))
    saved, paths = None, list[Path]()
    with suppress(BackfillError):
        saved = peek(job.checkpoint)
    if saved is not None and saved.is_finished:  # the night before: none of it is of this one
        saved = None
    if saved is not None:
        with suppress(OSError):  # a folder that is another user's
            paths = [path for stream in job.streams for path in refused(job.rejects, stream.name)]
    known = saved.counts if saved else {}
    counts = {stream.name: known.get(stream.name, Counts()) for stream in job.streams}
    run_id = saved.run_id if saved else None
    return report.as_json(report.Closing(state, run_id, counts, nothing, paths, job.checkpoint))
