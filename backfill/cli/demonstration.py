"""The demo: the sample data into a sandbox, always from the beginning."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from backfill import sandbox
from backfill.config import Job, load

_CHECKOUT = Path(__file__).parents[2]

#: Where a wheel carries `configs/demo.yaml` and `sample_data/`.
_SHIPPED = Path(__file__).parent / "demo"

#: Where the demo of an installed package is unpacked to, below the current folder.
_UNPACKED = Path("backfill-demo")

_FACTS = (
    ("people", "people"),
    ("objects", "companies"),
    ("events", "events"),
    ("relationships", "people tied to companies"),
    ("devices", "devices"),
    ("suppressed", "suppressed identifiers"),
)


def prepared() -> Job:
    """The demo's job, with nothing left of an earlier demo."""
    folder = _folder()
    config = Path(_shown(folder / "configs" / "demo.yaml"))
    job = load(config)
    assert job.sandbox is not None
    _clear(folder / "state" / "demo", job.sandbox)
    return job


def introduction(job: Job) -> list[str]:
    """What is about to happen."""
    return [f"Loading the sample data into a Track API on this machine: {_shown(job.path)}", ""]


def _clear(folder: Path, state: Path) -> None:
    """Remove what an earlier demo left, the lock excepted by which it is known to be nobody's.

    Raises UsageError: a sandbox has it open.
    """
    if not folder.exists():
        return
    with sandbox.locked(state) as lock:
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != lock:
                path.unlink()


def found(job: Job) -> dict[str, int]:
    """How much of everything stands in the sandbox now."""
    assert job.sandbox is not None
    return sandbox.summary(job.sandbox)


def outcome(job: Job, found: Mapping[str, int]) -> list[str]:
    """What stands in the sandbox now, and what to look at next."""
    assert job.sandbox is not None
    config = _shown(job.path)
    return [
        "",
        "In the sandbox now: " + ", ".join(f"{found[key]:,} {name}" for key, name in _FACTS) + ".",
        f"Look at it in a browser: backfill sandbox --port 8080 --state {_shown(job.sandbox)}",
        f"With that ended, run it again, and nothing is sent: backfill run {config}",
        f"What became of one person: backfill why {config} 000042",
    ]


def _folder() -> Path:
    """The folder that holds the demo: the checkout, or a copy of what the wheel carries."""
    if (_CHECKOUT / "configs" / "demo.yaml").exists():
        return _CHECKOUT
    shutil.copytree(_SHIPPED, _UNPACKED, dirs_exist_ok=True)
    return _UNPACKED


def _shown(path: Path) -> str:
    """A path as one would type it here."""
    whole = path.resolve()
    here = Path.cwd()
    return str(whole.relative_to(here) if whole.is_relative_to(here) else whole)
