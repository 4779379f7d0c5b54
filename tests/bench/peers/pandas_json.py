"""pandas, a CSV file as text to JSON lines: `python tests/bench/peers/pandas_json.py people.csv`.

Prints rows and the seconds after the imports as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import pandas as pd


def main(path: str) -> None:
    """Convert once."""
    began_s = time.perf_counter()
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.to_json("/dev/null", orient="records", lines=True)
    print(json.dumps({"rows": len(frame), "seconds": time.perf_counter() - began_s}))


if __name__ == "__main__":
    main(sys.argv[1])
