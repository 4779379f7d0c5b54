"""Folders that only their owner may look into."""

from __future__ import annotations

from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, as far as they are missing, with mode 0700; OSError.

    Those that are there keep their mode. `Path.mkdir(parents=True)` gives only the last one its
    mode.  [docs.python.org, pathlib]
    """
    for each in reversed((folder, *folder.parents)):
        each.mkdir(mode=0o700, exist_ok=True)
