"""A job of two streams for what programs read of it."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.command import write_job

ROWS = 40

#: Stands in every row, and in nothing that is logged.
VALUE = "nobody-may-see-this-value"


def write(folder: Path, rows: int = ROWS) -> None:
    """One company, and people of whom one has a value that is too long."""
    people = [f"p{n},{VALUE}{'x' * 1000 if n == 3 else n}\n" for n in range(rows)]
    (folder / "people.csv").write_text("id,value\n" + "".join(people))
    (folder / "companies.csv").write_text("id,value\nc1,1\n")
    write_job(
        folder,
        {"name": "companies", "source": "companies.csv", "object": {"type": "1", "id": "id"}},
        {"name": "people", "source": "people.csv", "person": {"id": "id"}, "attributes": "*"},
    )
