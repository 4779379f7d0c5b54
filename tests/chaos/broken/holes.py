"""An engine that remembers the last row that is done, and not which before it are."""

import numpy as np

from backfill.cli import main
from backfill.ledger import Ledger

is_done = Ledger.is_done


def up_to_the_last(self, file, start_row, stop_row):
    done = is_done(self, file, start_row, stop_row)
    return np.arange(len(done)) <= max(np.flatnonzero(done), default=-1)


Ledger.is_done = up_to_the_last
main()
