"""The document of plans names every finding."""

from __future__ import annotations

import re
from pathlib import Path

PLANNING = Path(__file__).parents[2] / "backfill" / "planning"
#: What a run warns of and a plan finds.
PIPELINE = [
    PLANNING.parent / "pipeline" / name
    for name in ("cautions.py", "departing.py", "overlaps.py", "vanishing.py")
]


def test_every_finding_is_explained_and_no_other():
    sources = "".join(path.read_text() for path in PLANNING.rglob("*.py"))
    kinds = set(re.findall(r"[fF]inding\(\s*\"([a-z_]+)\"", sources))
    for path in PIPELINE:
        kinds |= set(re.findall(r"\"([a-z_]+)\", \"warning\"", path.read_text()))
    rows = re.findall(r"^\| (`.*?) \|", (PLANNING / "README.md").read_text(), re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} == kinds
    assert kinds
