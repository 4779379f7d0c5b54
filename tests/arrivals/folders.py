"""A folder that files come to, and what a job over it sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.end_to_end.command import Ended, run_job, write_job
from tests.end_to_end.people import ids
from tests.end_to_end.recorder import Recorder

PEOPLE = {"name": "people", "source": "in/*.csv", "person": {"id": "id"}, "attributes": "*"}


def come(folder: Path, **files: Sequence[str]) -> None:
    """Write in/NAME.csv, a row for each id."""
    (folder / "in").mkdir(exist_ok=True)
    for name, people in files.items():
        rows = "".join(f"{person},{person}\n" for person in people)
        (folder / "in" / f"{name}.csv").write_text(f"id,note\n{rows}")


def standing(folder: Path) -> list[str]:
    """Every file below a folder, by its path from there."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class Nights:
    """Runs of one job, one after the other."""

    def __init__(self, folder: Path, server: Recorder, *streams: dict[str, object]) -> None:
        self.folder, self._server, self._seen = folder, server, 0
        write_job(folder, *(streams or (PEOPLE,)))

    def run(self, *arguments: str) -> tuple[list[str], Ended]:
        """Run it; the ids that were sent, sorted, and what the command said."""
        ended = run_job(self.folder, self._server.address, *arguments)
        posted, self._seen = self._server.posted[self._seen :], len(self._server.posted)
        return sorted(ids(o for p in posted for o in p.operations)), ended
