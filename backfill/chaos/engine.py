"""The engine as a process: begun, watched, and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.parse import urlsplit

from backfill.loopback import is_loopback

#: Where anything but the sandbox is looked for: nobody listens there.
_NOWHERE: Final = "http://127.0.0.1:9"

#: How often a process is looked at, in seconds; a kill comes so much later than its request.
_LOOK_S: Final = 0.005

#: A process that has made so many requests does not end: a job of 5,000 rows that each were sent
#: alone, and half of them twice again.
_REQUESTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process came to its end.

    code:      its exit code; below zero the signal that ended it.
    told:      what it printed on stdout; None where that is no JSON object.
    is_killed: whether that was asked for; is_hung: whether it had to be, for it would not end.
    stall_s:   the longest that we were late to look at it: we, or the machine, stood still.
    """

    code: int
    told: dict[str, Any] | None
    is_killed: bool
    is_hung: bool
    stall_s: float


@dataclass(frozen=True, slots=True)
class Engine:
    """What can be run again and again.

    environ:     as `environ` gives it; it holds credentials.
    folder:      for what it prints.
    requests:    how many have reached the sandbox by now.
    quiet_s_max: how long it may make none before it counts as hanging.
    """

    command: Sequence[str]
    environ: Mapping[str, str] = field(repr=False)
    folder: Path
    requests: Callable[[], int]
    quiet_s_max: float

    def run(self, until: int | None = None) -> Ended:
        """Run it until it ends, hangs, or the sandbox has had so many requests: then kill it."""
        with self._begun() as process:
            seen, seen_s = self.requests(), time.monotonic()
            looked_s, stall_s = seen_s, 0.0
            is_hung = is_killed = False
            while process.poll() is None and not (is_hung or is_killed):
                time.sleep(_LOOK_S)
                now_s, count = time.monotonic(), self.requests()
                stall_s, looked_s = max(stall_s, now_s - looked_s - _LOOK_S), now_s
                seen, seen_s = (count, now_s) if count != seen else (seen, seen_s)
                is_killed = until is not None and count >= until
                is_hung = now_s - seen_s > self.quiet_s_max or count > _REQUESTS_MAX
            process.kill()
            code = process.wait()
        is_killed &= code == -signal.SIGKILL
        return Ended(code, self._told(), is_killed, is_hung, stall_s)

    @contextmanager
    def _begun(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process, which does not outlive the context."""
        with (
            (self.folder / "stdout").open("wb") as out,
            (self.folder / "stderr").open("ab") as said,
        ):
            signals = _Held()
            process = subprocess.Popen(  # noqa: S603 (our own command, or the caller's)
                self.command, env=self.environ, stdin=subprocess.DEVNULL, stdout=out, stderr=said
            )
            try:
                signals.release()
                yield process
            finally:
                process.kill()
                process.wait()

    def _told(self) -> dict[str, Any] | None:
        try:
            told = json.loads((self.folder / "stdout").read_bytes())
        except ValueError:
            return None
        return told if isinstance(told, dict) else None


class _Held:
    """Signals that wait: one that came while a process is being made would leave it behind."""

    def __init__(self) -> None:
        self._came: list[int] = []
        self._before = {
            number: signal.signal(number, self._hold)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
            if signal.getsignal(number) != signal.SIG_IGN
        }

    def _hold(self, number: int, _frame: FrameType | None) -> None:
        self._came.append(number)

    def release(self) -> None:
        """Let them through, those that came as well."""
        for held, handler in self._before.items():
            signal.signal(held, handler)
        for number in self._came[:1]:
            signal.raise_signal(number)


def environ(address: str, site_id: str, api_key: str) -> dict[str, str]:
    """What leads an engine to the sandbox at an address of this machine, and nowhere else."""
    assert is_loopback(urlsplit(address).hostname or "")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith("CUSTOMERIO_") or name.lower().endswith("_proxy"))
    }
    kept |= {"CUSTOMERIO_SITE_ID": site_id, "CUSTOMERIO_API_KEY": api_key}
    return kept | {
        "CUSTOMERIO_TRACK_URL": address,
        "HTTPS_PROXY": _NOWHERE,
        "NO_PROXY": "127.0.0.1",
    }
