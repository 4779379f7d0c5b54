"""customerio's `batch()` in a loop: `python tests/bench/peers/customerio_batch.py people.csv`.

Sends to CUSTOMERIO_TRACK_URL; the client itself knows https alone.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from customerio import CustomerIO
from operations import Operation, packed


class Client(CustomerIO):
    """The client, aimed at an address of any scheme."""

    def batch(self, operations: list[Operation]) -> object:
        """As the client's own, with another address."""
        url = os.environ["CUSTOMERIO_TRACK_URL"] + "/api/v2/batch"
        return self.send_request("POST", url, {"batch": operations})


def main(path: Path) -> None:
    """Send a file, one request after the other; it is written with ", " between operations."""
    site_id, api_key = os.environ["CUSTOMERIO_SITE_ID"], os.environ["CUSTOMERIO_API_KEY"]
    with Client(site_id, api_key) as client:
        for operations in packed(path, lambda one: len(json.dumps(one)), len(", ")):
            client.batch(operations)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
