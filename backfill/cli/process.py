"""How the process of a command takes memory and cores; to be called before the engine is imported.

Measured on 1 M people of 12 columns as CSV and as Parquet, read and encoded on two cores.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

#: glibc's parameters.  [malloc.h] One arena (M_ARENA_MAX): each thread would keep what it freed in
#: one of its own. What is freed stays with the process (M_MMAP_MAX, M_TRIM_THRESHOLD): block after
#: block needs the same again, and half of all page faults are those of getting it back.
_MALLOC = {-8: 1, -4: 0, -1: 256 << 20}

#: polars: our stages are its threads; with a pool of two, small steps take half as long again.
#: Arrow: what its own pools keep for later is 20 to 60 MB more than malloc's.
_SETTINGS = {"POLARS_MAX_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def settle() -> None:
    """Settle it, as far as the environment does not say otherwise."""
    for name, wanted in _SETTINGS.items():
        os.environ.setdefault(name, wanted)
    with suppress(OSError, AttributeError):  # another C library has no such function
        for parameter, value in _MALLOC.items():
            ctypes.CDLL(None).mallopt(parameter, value)
