"""An engine whose event ids are others in each process."""

import os

from backfill import event_ids
from backfill.cli import main

ulids = event_ids.ulids
event_ids.ulids = lambda seconds, scope, parts: ulids(seconds, f"{scope} {os.getpid()}", parts)
main()
