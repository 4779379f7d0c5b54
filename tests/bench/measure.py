"""What the benchmarks share: a command as a measured process, contestants in turns, tables."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

Name = TypeVar("Name")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a process went.

    began_s: when it was started, by the monotonic clock, which all processes share.
    peak_mb: the most memory it held, in 1,000,000 bytes.
    printed: its standard output.
    """

    began_s: float
    wall_s: float
    cpu_s: float
    peak_mb: float
    printed: str


def run(command: Sequence[str | Path], folder: Path, environ: Mapping[str, str]) -> Ran:
    """Run a command to its end in a process of its own; raises RuntimeError where it fails.

    Linux counts the memory of whoever starts a process as the least peak of that process: a
    benchmark that calls this must itself stay small.
    """
    with tempfile.TemporaryFile("w+") as errors:
        began_s = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environ,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - began_s
        process.stdout.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}:\n{errors.read()}")
    peak_mb = usage.ru_maxrss * 1024 / 1_000_000
    return Ran(began_s, wall_s, usage.ru_utime + usage.ru_stime, peak_mb, printed)


def interleaved(
    rounds: int, contestants: Mapping[Name, Callable[[], Outcome]]
) -> dict[Name, list[Outcome]]:
    """What each contestant came to, a round each; they take turns within a round."""
    found: dict[Name, list[Outcome]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measured in contestants.items():
            found[name].append(measured())
    return found


def spread(values: Sequence[float], form: str = ",.0f") -> list[str]:
    """Min, median and max, as cells of a table."""
    return [format(value, form) for value in (min(values), statistics.median(values), max(values))]


def machine() -> str:
    """The line that says what the figures were taken on."""
    told = Path("/proc/cpuinfo").read_text()
    model = next(line for line in told.splitlines() if line.startswith("model name"))
    cores = len(os.sched_getaffinity(0))
    name = model.partition(":")[2].strip()
    return f"machine: {name}, {cores} cores, Python {platform.python_version()}"


def describe(path: Path, rows: int) -> str:
    """The line that says what was read."""
    return f"input: {path.name}, {rows:,} rows, {path.stat().st_size:,} bytes"


def peers(*packages: str) -> str:
    """The line that says which releases were compared."""
    return "peers: " + ", ".join(f"{package} {version(package)}" for package in packages)


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Print columns: the first to the left, the others to the right."""
    cells = [head, *lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *others in cells:
        rest = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        print("  ".join((f"{first:<{widths[0]}}", *rest)), flush=True)
