"""The engine wired together: readers → operations → chunker → sender → ledger → report."""

from backfill.pipeline import comparing, departing
from backfill.pipeline.carrying import Carries
from backfill.pipeline.cautions import cautions
from backfill.pipeline.destination import Confirmed, Place, confirmed
from backfill.pipeline.options import Options, Prepares
from backfill.pipeline.run import run
from backfill.pipeline.sources import OpenStream, open_streams
from backfill.pipeline.stop import Stop, before_anything
from backfill.pipeline.turn import Turn
from backfill.pipeline.watching import Watcher

__all__ = [
    "Carries",
    "Confirmed",
    "OpenStream",
    "Options",
    "Place",
    "Prepares",
    "Stop",
    "Turn",
    "Watcher",
    "before_anything",
    "cautions",
    "comparing",
    "confirmed",
    "departing",
    "open_streams",
    "run",
]
