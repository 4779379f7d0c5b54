"""Objects in stores: what names one, how it is read, and what goes wrong with it.

A file of another place as the readers see it: with as much of pathlib.Path as they use. pyarrow's
file systems do the work, and are loaded when the first object is asked for.
"""

from __future__ import annotations

from pathlib import Path

from backfill.remote.failures import store_failure
from backfill.remote.path import RemotePath
from backfill.remote.ranges import RangedFile
from backfill.remote.uris import is_uri, refusal, remote_path

#: Where rows are read from: on this machine, or in a store.
AnyPath = Path | RemotePath

__all__ = [
    "AnyPath",
    "RangedFile",
    "RemotePath",
    "is_uri",
    "refusal",
    "remote_path",
    "store_failure",
]
