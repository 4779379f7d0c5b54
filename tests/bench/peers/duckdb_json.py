"""DuckDB, a CSV file as text to JSON lines: `python tests/bench/peers/duckdb_json.py people.csv`.

On all cores, or on `--threads`. Prints rows and the seconds after the imports as JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import duckdb


def main() -> None:
    """Convert once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    began_s = time.perf_counter()
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    if given.threads:
        connection.execute(f"SET threads = {given.threads}")
    read = f"SELECT * FROM read_csv('{given.path}', all_varchar = true)"
    told = connection.execute(f"COPY ({read}) TO '/dev/null' (FORMAT json)").fetchone()
    assert told is not None
    print(json.dumps({"rows": told[0], "seconds": time.perf_counter() - began_s}))


if __name__ == "__main__":
    main()
