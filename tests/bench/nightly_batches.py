"""A file to packed batches as a night makes them: compared, encoded, packed; no network.

    python tests/bench/nightly_batches.py nightly_csv.yaml

Prints one JSON object: CPU seconds of all threads from after the imports to the last batch, and how
many operations there are. Of a job without `changes` it is what a full run takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from contextlib import ExitStack, aclosing
from pathlib import Path

from backfill.process import settle


async def packed(config: Path, *, is_full: bool) -> int:
    """Every operation of the job's first stream, counted; is_full: as `run --full` makes them."""
    from backfill.chunker import Chunker
    from backfill.config import load
    from backfill.ledger import Ledger
    from backfill.pipeline import comparing, open_streams
    from backfill.pipeline.encoding import encoded

    job, count = load(config), 0
    with ExitStack() as held:
        streams = open_streams(job)[:1]
        found: list[comparing.OpenStream] = []
        memories = comparing.looked_at(job, streams, held)
        for _ in comparing.compared(streams, memories, comparing.Scope(is_full), found):
            pass
        chunker = Chunker(found[0].name)
        async with aclosing(encoded(found[0], Ledger(), None, int(time.time()))) as blocks:
            async for _, made in blocks:
                if made is not None:
                    count += sum(map(len, chunker.add(made)))
        return count + sum(map(len, chunker.flush()))


def main() -> None:
    """Measure once, in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--full", action="store_true")
    given = parser.parse_args()
    settle()
    import backfill.chunker
    import backfill.config
    import backfill.operations
    import backfill.pipeline  # noqa: F401

    began_s = time.process_time()
    count = asyncio.run(packed(given.config, is_full=given.full))
    print(json.dumps({"cpu_s": time.process_time() - began_s, "operations": count}))


if __name__ == "__main__":
    main()
