"""Arrow, a dict and orjson a row: `python tests/bench/peers/plain_loop.py people.csv`.

Makes the operations of a batch, packs and sends none. Prints rows and the seconds after the
imports as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import orjson
from arrow_text import blocks
from operations import operation


def main(path: Path) -> None:
    """Convert once."""
    began_s = time.perf_counter()
    rows = 0
    for block in blocks(path):
        rows += len([orjson.dumps(operation(row)) for row in block.to_pylist()])
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - began_s}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
