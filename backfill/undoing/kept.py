"""What is kept of the runs of a job: of which streams, of which runs, and when these were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import pairwise

from backfill.changes import Texts, texts
from backfill.checkpoint import began_s, locked, peek, peek_sittings
from backfill.config import Job, parts
from backfill.errors import UsageError
from backfill.mapping import Stream
from backfill.pipeline import comparing
from backfill.undoing.births import APPLIED_WITHIN_S, Span

#: Runs that a message names.
_NAMED_MAX = 5

#: Why a stream's part in a run cannot be undone, by the action of its operations.
_IRREVERSIBLE = {
    "event": "events cannot be undone",
    "page": "page views cannot be undone",
    "screen": "screen views cannot be undone",
    "merge": "a merge cannot be undone",
    "delete": "what was deleted cannot be brought back with its history",
    "suppress": "who was suppressed cannot be brought back with their history",
}


@contextmanager
def alone(job: Job) -> Iterator[None]:
    """No run of the whole job begins until this ends; raises CheckpointError while one is alive."""
    path = job.checkpoint.resolve()
    with locked(path) if path.parent.is_dir() else nullcontext():
        yield


@contextmanager
def keeping(job: Job) -> Iterator[dict[str, Texts]]:
    """What is kept of each stream that keeps what it sent, by name.

    Raises CheckpointError and StorageError where it cannot be read.
    """
    with ExitStack() as held:
        found = {}
        for stream in job.streams:
            path = texts.path_of(comparing.known_path(job, stream.name))
            if stream.changes is not None and stream.changes.keep_previous and path.exists():
                found[stream.name] = Texts(path, keeps_previous=True)
                held.callback(found[stream.name].close)
        yield found


def check(job: Job, run_id: str, of: Mapping[str, Texts]) -> None:
    """Raise UsageError where nothing is kept of a run."""
    known = sorted({each for one in of.values() for each in one.runs()})
    if run_id in known:
        return
    if not any(one.changes and one.changes.keep_previous for one in job.streams):
        raise UsageError(
            "no stream keeps what it sent before, so nothing can be undone",
            str(job.path),
            "add `changes: {key: …, keep_previous: true}` to a stream; later runs can be undone",
        )
    named = ", ".join(known[-_NAMED_MAX:])
    raise UsageError(
        f"nothing is kept of a run '{run_id}'",
        str(job.path),
        f"name one of the last: {named}" if known else "run the job first",
    )


def span(job: Job, run_id: str, runs: list[str]) -> Span | None:
    """When a run was at work: until the next began, or until its own last commit."""
    began = began_s(run_id)
    later = next((after for run, after in pairwise(runs) if run == run_id), None)
    ended = began_s(later) if later else _ended_s(job, run_id)
    if began is None or ended is None:
        return None
    return Span(began, ended + APPLIED_WITHIN_S)


def _ended_s(job: Job, run_id: str) -> float | None:
    """When the last run of a stream did its last commit; None: no checkpoint tells of it."""
    for path in (job.checkpoint, *parts(job)):
        saved = peek(path)
        if saved is not None and saved.run_id == run_id:
            return max((sitting.ended_s for sitting in peek_sittings(path)), default=None)
    return None


def why_never(stream: Stream) -> str | None:
    """Why nothing of a stream can be undone; None: it can."""
    told, action = stream.changes, stream.operation[1]
    if action in _IRREVERSIBLE:
        return _IRREVERSIBLE[action]
    if action != "identify":
        return f"{action.replace('_', ' ')} cannot be undone"
    if told is not None and told.keep_previous:
        return None
    return "it does not keep what it sent before (changes: {key: …, keep_previous: true})"
