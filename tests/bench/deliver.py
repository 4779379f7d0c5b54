"""The whole command over generated people: does everything arrive, how fast, in how much memory?

    python tests/bench/deliver.py 1000000 --formats csv parquet jsonl --delay-s 0

Each run is a process of its own; the server is another. A run counts only if the server saw
every person once.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CONFIG = """\
destination: {{region: us, requests_per_s: 1000}}
streams:
  - name: people
    source: people.{format}
    person: {{id: contact_id}}
    attributes: "*"
"""


def measure(folder: Path, form: str, people: int, delay_s: float) -> dict[str, float]:
    """Run the command once; returns rows/s, seconds and peak memory in MB."""
    (folder / "job.yaml").write_text(CONFIG.format(format=form))
    server = subprocess.Popen(
        [sys.executable, HERE / "counting_server.py", str(people), str(delay_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    environ = os.environ | {
        "CUSTOMERIO_TRACK_URL": server.stdout.readline().strip(),
        "CUSTOMERIO_SITE_ID": "bench",
        "CUSTOMERIO_API_KEY": "bench",
    }
    command = [sys.executable, "-m", "backfill", "run", "job.yaml", "--json", "--fresh"]
    began_s = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    told = json.loads(process.stdout.read())
    _, _, usage = os.wait4(process.pid, 0)
    elapsed_s = time.monotonic() - began_s
    server.stdin.close()
    seen = json.loads(server.stdout.readline())
    server.wait()
    assert seen["distinct"] == told["rows"]["delivered"] == people, (seen, told)
    assert seen["twice"] == 0
    return {
        "rows_per_s": people / elapsed_s,
        "elapsed_s": elapsed_s,
        "peak_mb": usage.ru_maxrss / 1000,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "requests": seen["requests"],
    }


def main() -> None:
    """Print one line a format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", type=int, nargs="+")
    parser.add_argument("--formats", nargs="+", default=["csv", "parquet", "jsonl"])
    parser.add_argument("--delay-s", type=float, default=0.0)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    sys.path.insert(0, str(HERE))
    import people

    for count in given.people:
        for form in given.formats:
            with tempfile.TemporaryDirectory() as folder:
                people.write(Path(folder, f"people.{form}"), count)
                runs = [
                    measure(Path(folder), form, count, given.delay_s) for _ in range(given.runs)
                ]
            rates = sorted(run["rows_per_s"] for run in runs)
            peak = max(run["peak_mb"] for run in runs)
            print(
                f"{count:>10,} {form:8} rows/s min {rates[0]:>9,.0f} median"
                f" {rates[len(rates) // 2]:>9,.0f} max {rates[-1]:>9,.0f}"
                f"  peak {peak:,.0f} MB  CPU {runs[0]['cpu_s']:.1f} s"
                f"  requests {runs[0]['requests']:,}",
                flush=True,
            )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
