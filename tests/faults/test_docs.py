"""The table of faults is whole, and every test it names is there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
NAMED = set(re.findall(r"`([\w/]+)::(test_\w+)`", (HERE / "README.md").read_text()))


def defined_in(path: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.M))


def test_every_test_named_in_the_table_is_there() -> None:
    paths = {file: (HERE.parent if "/" in file else HERE) / f"{file}.py" for file, _ in NAMED}

    assert [f"{file}::{test}" for file, test in NAMED if test not in defined_in(paths[file])] == []


def test_every_test_of_a_fault_stands_in_the_table() -> None:
    files = [path for path in HERE.glob("test_*.py") if path != Path(__file__)]
    there = {(path.stem, test) for path in files for test in defined_in(path)}

    assert sorted(there - NAMED) == []
