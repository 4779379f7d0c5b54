"""How the process of a command takes memory and cores; to be called before the engine is imported.

Measured on 1 M people of 12 columns as CSV and as Parquet, read and encoded on two cores.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

#: glibc's M_ARENA_MAX.  [malloc.h] Each thread would keep what it freed in an arena of its own.
_ARENA_MAX = -8

#: polars: our stages are its threads; with a pool of two, small steps take half as long again.
#: Arrow: what its own pools keep for later is 20 to 60 MB more than malloc's.
_SETTINGS = {"POLARS_MAX_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def settle() -> None:
    """Settle it, as far as the environment does not say otherwise."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with suppress(OSError, AttributeError):  # another C library: it has no arenas
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
