"""The command as a user runs it: a process of its own, against a server on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.end_to_end.zygote import Copy

#: Nothing of a test reaches another machine, whatever goes wrong.
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Ended:
    """What a process came to."""

    code: int
    told: dict[str, Any]
    text: str


def environ(address: str | None) -> dict[str, str]:
    """The environment of a run that goes to `address`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CUSTOMERIO_", "COV_"))}
    kept |= {"CUSTOMERIO_SITE_ID": "site", "CUSTOMERIO_API_KEY": "key-nobody-may-see"}
    kept |= {"HTTPS_PROXY": NOWHERE, "HTTP_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1"}
    return kept | ({"CUSTOMERIO_TRACK_URL": address} if address else {})


def start(
    folder: Path, address: str | None, *arguments: str, **variables: str
) -> subprocess.Popen[str]:
    """Begin a command in a folder; variables: more of its environment.

    One that Python itself reads as it starts needs a process from its beginning.
    """
    is_own = sys.platform != "linux" or any(name.startswith("PYTHON") for name in variables)
    return (subprocess.Popen if is_own else Copy)(
        [sys.executable, "-m", "backfill", *arguments],
        cwd=folder,
        env=environ(address) | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], timeout_s: float = 60) -> Ended:
    """Wait for a command."""
    try:
        out, text = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        raise
    told = json.loads(out) if out.startswith("{") else {}
    return Ended(process.returncode, told, text + ("" if told else out))


def command(folder: Path, address: str | None, *arguments: str) -> Ended:
    """Run a command to its end."""
    return ended(start(folder, address, *arguments))


def run_job(folder: Path, address: str | None, *arguments: str) -> Ended:
    """`backfill run job.yaml --json`."""
    return command(folder, address, "run", "job.yaml", "--json", *arguments)


def write_job(folder: Path, *streams: dict[str, Any], **destination: Any) -> None:
    """Write job.yaml."""
    job = {"destination": {"region": "us", **destination}, "streams": list(streams)}
    (folder / "job.yaml").write_text(yaml.safe_dump(job, sort_keys=False))


def adds_up(rows: dict[str, int]) -> bool:
    """Whether every row read stands in one column."""
    return rows["read"] == sum(
        rows[part] for part in ("delivered", "rejected", "filtered", "unprocessed")
    )
