"""Nights: an export after the other sent to a workspace, which is then read back whole."""

from __future__ import annotations

import contextlib
import http.client
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from backfill import engine
from backfill.changes import Known
from backfill.changes.known import path_of
from backfill.config import load, only
from backfill.following import Follower
from backfill.pipeline import Options
from backfill.report import Closing
from backfill.sandbox import Sandbox, contents, embedded
from tests.end_to_end.command import Ended, run_job, write_job
from tests.end_to_end.recorder import Answer, Posted, Recorder, recording

Row = Mapping[str, Any]
Operation = dict[str, Any]

KEY = "key-nobody-may-see"

PEOPLE = {
    "name": "people",
    "source": "people.csv",
    "person": {"id": "id"},
    "attributes": "*",
    "changes": {"key": "id"},
}


class Heard(Follower):
    """Keeps what a person is told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.texts: list[str] = []

    def says(self, text: str, event: str = "remark", level: Any = "info") -> None:
        self.texts.append(f"{event}: {text}")


def nothing(_: Operation) -> None:
    return None


@dataclass
class Nights:
    """A folder with a job, and the workspace it sends to.

    refuses: an operation that the API does not take.
    loses:   a batch of which the answer never comes, although it was applied; drops: and was not.
    """

    folder: Path
    state: Path
    sandbox: str
    server: Recorder = field(default_factory=Recorder)
    refuses: Callable[[Operation], object] = nothing
    loses: Callable[[Posted], bool] = lambda _: False
    drops: Callable[[Posted], bool] = lambda _: False
    heard: list[str] = field(default_factory=list)

    def job(self, *streams: dict[str, Any], **destination: Any) -> None:
        """Write job.yaml."""
        write_job(self.folder, *streams, **{"give_up_after": 1, **destination})

    def night(
        self, *overrides: str, of: tuple[str, Path | None] | None = None, **options: Any
    ) -> Closing:
        """Run the job in this process; of: only a stream, from another file or its own.

        Raises what was raised before anything began, and what stopped the run.
        """
        job = load(self.folder / "job.yaml", overrides)
        job = only(job, *of) if of else job
        watcher = Heard()
        try:
            closing = engine.send(job, Options(**options), watcher)
        finally:
            self.heard = watcher.texts
        if closing.error is not None:
            raise closing.error
        return closing

    def run(self, *arguments: str) -> Ended:
        """Run the job as a process of its own."""
        return run_job(self.folder, self.server.address, *arguments)

    @contextlib.contextmanager
    def sending(self) -> Iterator[list[Operation]]:
        """The operations that arrive in here, in order."""
        found: list[Operation] = []
        begun = len(self.server.posted)
        yield found
        found += [o for posted in self.server.posted[begun:] for o in posted.operations]

    def known(self, stream: str = "people") -> Path:
        """The file of what is known."""
        return path_of(self.folder / "state/job.checkpoint", stream)

    def remembered(self, stream: str = "people") -> dict[bytes, tuple[int, ...]]:
        """What is known, by key, less the checks."""
        return as_dict(Known.look(self.known(stream)))

    def people(self) -> dict[str, dict[str, Any]]:
        """Everybody in the workspace, by their first identifier."""
        return people(self.state)

    def answer(self, posted: Posted) -> Answer:
        """What the sandbox says of what was posted."""
        if self.drops(posted):
            return Answer(is_lost=True)
        reasons = {i: o for i, o in enumerate(posted.operations) if self.refuses(o)}
        left = [o for i, o in enumerate(posted.operations) if i not in reasons]
        status, body = _post(self.sandbox, left) if left else (200, b"{}\n")
        assert status == 200, body
        if self.loses(posted):
            return Answer(is_lost=True)
        if not reasons:
            return Answer(200, body)
        errors = [
            {"batch_index": i, "reason": "invalid", "field": "x", "message": "no"} for i in reasons
        ]
        return Answer(207, json.dumps({"errors": errors}).encode())


def as_dict(known: Known) -> dict[bytes, tuple[int, ...]]:
    """What is known, by the bytes of the key."""
    found = {}
    with contextlib.closing(known):  # type: ignore[type-var]
        for piece in known.pieces():
            for record in piece.tolist():
                hi, lo, *rest = record
                key = hi.to_bytes(8, "big") + (lo >> 8).to_bytes(3, "big")
                assert key not in found
                found[key] = tuple(rest)
    return found


def people(state: Path) -> dict[str, dict[str, Any]]:
    """Everybody in a workspace, by their first identifier."""
    found = contents(state, 0, 0).things["people"]
    return {str(key[1]): _values(person.values) for key, person in found.items()}


def _values(values: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: json.loads(value) for name, value in values.items() if name not in ("id", "email")
    }


def _post(address: str, operations: list[Operation]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    headers = {"Authorization": "Basic " + b64encode(f"site:{KEY}".encode()).decode()}
    body = json.dumps({"batch": operations}, ensure_ascii=False, separators=(",", ":")).encode()
    connection.request("POST", "/api/v2/batch", body, headers)
    answer = connection.getresponse()
    status, text = answer.status, answer.read()
    connection.close()
    return status, text


@contextlib.contextmanager
def beginning(folder: Path) -> Iterator[Nights]:
    """A job's folder and its workspace, until the context ends."""
    state = folder / "workspace.db"
    with embedded(Sandbox(state, "site", KEY)) as sandbox:
        found = Nights(folder, state, sandbox)
        with recording(lambda posted: found.answer(posted)) as server:
            found.server = server
            yield found
