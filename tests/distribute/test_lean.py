"""Who does not spread a run has nothing of it: not installed, not loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_core_install_has_no_ray_in_it():
    locked = (ROOT / "requirements.lock").read_text().splitlines()

    assert not [line for line in locked if line.startswith(("ray==", "moto==", "boto3=="))]
    assert [line for line in locked if line.startswith("polars==")]


def loaded(imports: str, begins: tuple[str, ...]) -> list[str]:
    """The modules, by how their names begin, that a process has once it imports others."""
    script = f"import sys, {imports}; print(*(m for m in sys.modules if m.startswith({begins!r})))"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()


def test_a_run_of_one_process_loads_no_engine():
    imports = "backfill.cli.commands, backfill.engine, backfill.pipeline"

    assert loaded(imports, ("ray", "backfill.distribute")) == []


def test_a_worker_settles_its_process_before_it_loads_what_that_is_about():
    assert loaded("backfill.distribute.process", ("polars", "numpy", "pyarrow")) == []
