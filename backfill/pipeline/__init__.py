"""The engine wired together: readers → operations → chunker → sender → ledger → report."""

from backfill.pipeline.destination import Confirmed, Place, confirmed
from backfill.pipeline.flow import Watcher
from backfill.pipeline.run import Options, Stop, run
from backfill.pipeline.sources import OpenStream, open_streams

__all__ = [
    "Confirmed",
    "OpenStream",
    "Options",
    "Place",
    "Stop",
    "Watcher",
    "confirmed",
    "open_streams",
    "run",
]
