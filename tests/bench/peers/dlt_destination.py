"""dlt with a custom destination: `python tests/bench/peers/dlt_destination.py people.csv`.

Arrow all the way to the destination, which posts batches of rows to CUSTOMERIO_TRACK_URL. What dlt
keeps is in a folder that is gone afterwards; it tells nobody of the run.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import requests
from arrow_text import blocks
from operations import operation

#: 410 KB a request: dlt counts rows.
ROWS = 1_200


def main(path: Path, folder: str) -> None:
    """Send a file."""
    os.environ |= {"DLT_DATA_DIR": folder, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    import dlt

    url = os.environ["CUSTOMERIO_TRACK_URL"] + "/api/v2/batch"
    session = requests.Session()
    session.auth = (os.environ["CUSTOMERIO_SITE_ID"], os.environ["CUSTOMERIO_API_KEY"])

    @dlt.destination(batch_size=ROWS, loader_file_format="parquet")
    def track_api(items: pa.RecordBatch, _table: dict[str, Any]) -> None:
        body = orjson.dumps({"batch": [operation(row) for row in items.to_pylist()]})
        session.post(url, body).raise_for_status()

    @dlt.resource
    def people() -> Any:
        yield from blocks(path)

    pipeline = dlt.pipeline("people", destination=track_api, pipelines_dir=folder)
    pipeline.run(people()).raise_on_failed_jobs()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(sys.argv[1]), made)
