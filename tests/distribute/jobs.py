"""Sources of several files, the streams that map them, and what workers are seen to do."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from tests.end_to_end.recorder import Recorder
from tests.sending.servers import NOISE_S

PEOPLE = {"name": "people", "source": "people/", "person": {"id": "id"}, "attributes": "*"}
EVENTS = {
    "name": "orders",
    "source": "orders/",
    "person": {"id": "id"},
    "event": {"name": "order_placed", "timestamp": "at", "key": "key"},
    "attributes": {"note": "note"},
}

THREE = ("--engine", "local", "--workers", "3")

Row = dict[str, str]


def write(path: Path, rows: list[Row]) -> None:
    """Rows as a file of the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(rows[0])
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=700)
        return
    if ".jsonl" in path.suffixes:
        text = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        lines = [",".join(f'"{row[name]}"' for name in names) for row in rows]
        text = "\n".join([",".join(names), *lines]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def people(numbers: Iterable[int], note: str = "x") -> list[Row]:
    return [{"id": f"p{n}", "n": str(n), "note": note} for n in numbers]


def orders(numbers: Iterable[int], note: str = "x") -> list[Row]:
    return [{"id": f"p{n % 50}", "at": str(1_500_000_000 + n), "key": f"o{n}", "note": note}
            for n in numbers]  # fmt: skip


def spread(folder: Path, rows: list[Row], files: int, ending: str = "csv") -> None:
    """Rows over so many files of a folder, in their order."""
    size = -(-len(rows) // files)
    for i in range(files):
        write(folder / f"part-{i:03}.{ending}", rows[i * size : (i + 1) * size])


def workers_of(process_id: int) -> list[psutil.Process]:
    """The workers of a command; none once that has ended."""
    try:
        found = psutil.Process(process_id).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [one for one in found if "backfill.distribute.process" in " ".join(_words(one))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def until(holds: Any, within_s: float = 60.0) -> None:
    """Wait for something."""
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, "it did not come to that"
        time.sleep(0.005)


def most_in_a_second(times: Iterable[float]) -> int:
    """The most requests that a server took in at these times, in any second but for the noise."""
    ordered, most, first = sorted(times), 0, 0
    for i, at_s in enumerate(ordered):
        while at_s - ordered[first] >= 1.0 - NOISE_S:
            first += 1
        most = max(most, i - first + 1)
    return most


def arrivals(server: Recorder) -> list[float]:
    """When each batch arrived."""
    return [posted.at_s for posted in server.posted]


def canonical(operations: Iterable[dict[str, Any]]) -> list[str]:
    """Operations in an order of their own."""
    return sorted(json.dumps(operation, sort_keys=True) for operation in operations)


def rejects(folder: Path) -> list[str]:
    """The lines of all text rejects, without headers, in an order of their own."""
    return sorted(_lines(folder))


def _lines(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        if path.suffix == ".spool":
            continue
        if path.suffix == ".parquet":
            yield from map(json.dumps, pq.read_table(path).to_pylist())
        else:
            lines = path.read_text().splitlines()
            yield from lines[1:] if path.suffix == ".csv" else lines
