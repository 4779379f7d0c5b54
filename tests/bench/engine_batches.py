"""A file to packed batches, by the stages of a run and as its process is set up; no network.

    python tests/bench/engine_batches.py job_csv.yaml

Prints one JSON object: seconds from after the imports to the last batch, operations, bytes, and
the largest body. `--expect people.csv` compares every operation with its row; not for timed runs.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backfill.process import settle


class Nobody:
    """Books that nobody keeps; a row that is rejected is a mistake."""

    def expects(self, rows: int | None) -> None:
        """How many rows there will be."""

    def settled(self, settled: Any) -> None:
        """A block was encoded."""
        assert not len(settled.rejected.rows), settled.rejected

    def ended(self, file: Any, rows: int) -> None:
        """A file was read."""

    def read_through(self) -> None:
        """All was read."""


def expected(path: Path) -> Iterator[dict[str, Any]]:
    """The operation of each row."""
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            identifiers = {"id": row.pop("contact_id")}
            attributes = row | {"created_at": int(row["created_at"])}
            person = {"type": "person", "action": "identify"}
            yield person | {"identifiers": identifiers, "attributes": attributes}


async def taken(config: Path, rows: Iterator[dict[str, Any]] | None) -> dict[str, int]:
    """Take every batch of the job's first stream."""
    from backfill import config as configs
    from backfill.ledger import Ledger
    from backfill.pipeline import open_streams
    from backfill.pipeline.encoding import encoded
    from backfill.pipeline.flow import Flow
    from backfill.pipeline.watching import Terms

    nobody: Any = Nobody()
    stream = open_streams(configs.load(config))[0]
    terms = Terms(int(time.time()), None, None, True, None, Path("rejects"))
    flow = Flow(stream, terms, nobody)
    found = encoded(stream, Ledger(), None, terms.now_s)
    operations = total = largest = 0
    async for batch in flow.batches(found):
        body = batch.body()
        size = sum(map(len, body))
        operations, total, largest = operations + len(batch), total + size, max(largest, size)
        if rows is not None:
            for operation in json.loads(b"".join(body))["batch"]:
                assert operation == next(rows)
    return {"operations": operations, "bytes": total, "largest": largest}


def main() -> None:
    """Print what was made, and in what time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--expect", type=Path)
    given = parser.parse_args()
    settle()
    import backfill.engine  # noqa: F401  all that a run imports

    began_s = time.perf_counter()
    found = asyncio.run(taken(given.config, expected(given.expect) if given.expect else None))
    print(json.dumps({"seconds": time.perf_counter() - began_s} | found))


if __name__ == "__main__":
    main()
