"""What a report was made by."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

#: Whose versions decide what is read, typed, packed and sent.
_PACKAGES = ("backfill", "pyarrow", "polars", "numpy", "httpx")


def versions() -> dict[str, str]:
    """Name to version; no name of the machine."""
    found = {name: _version(name) for name in _PACKAGES}
    return found | {"Python": platform.python_version(), "platform": _platform()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from a folder, not installed
        return "not installed"


def _platform() -> str:
    return f"{platform.system()} {platform.release()}, {platform.machine()}"
