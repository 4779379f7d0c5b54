"""The document of plans names every finding."""

from __future__ import annotations

import re
from pathlib import Path

PLANNING = Path(__file__).parents[2] / "backfill" / "planning"


def test_every_finding_is_explained_and_no_other():
    sources = "".join(path.read_text() for path in PLANNING.rglob("*.py"))
    kinds = set(re.findall(r"[fF]inding\(\s*\"([a-z_]+)\"", sources))
    rows = re.findall(r"^\| (`.*?) \|", (PLANNING / "README.md").read_text(), re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} == kinds
    assert kinds
