"""How the process of a command takes memory and cores; to be called before the engine is imported.

Measured on people of 12 columns, two cores: 1 M as CSV and as Parquet, and 4 M as CSV of which a
condition takes one in 10,000.
"""

from __future__ import annotations

import ctypes
import os

#: glibc's parameters.  [malloc.h] One arena (M_ARENA_MAX): each thread would keep what it freed in
#: one of its own. What is freed stays with the process (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD): block
#: after block needs the same again, and half of all page faults are those of getting it back. What
#: is larger than any block, as what is known of millions, goes back: it would leave holes.
_MALLOC = {-8: 1, -3: 32 << 20, -1: 256 << 20}


def settle() -> None:
    """Settle it, as far as the environment does not say otherwise."""
    # Our stages are polars' threads; with a pool of two, small steps take half as long again.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    # numpy's algebra, which nothing of ours calls, would begin a thread that looks for work for a
    # tenth of a second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # no glibc
        return
    for parameter, value in _MALLOC.items():
        mallopt(parameter, value)
    # Arrow's builds for glibc have jemalloc, which keeps small and large apart: in one heap the few
    # rows a batch takes of each block hold up what was between them, 300 MB after 300 blocks.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
