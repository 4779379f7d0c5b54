"""Moves historical records from files into a Customer.io workspace through the Track API v2.

From Python: `backfill.run("configs/migration.yaml")` returns what the run came to.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backfill.api import Options, run

__all__ = ["Options", "run"]


def __getattr__(name: str) -> Any:
    """Load the engine when it is first asked for: `backfill --help` does without."""
    if name in __all__:
        from backfill import api

        return getattr(api, name)
    raise AttributeError(f"module 'backfill' has no attribute {name!r}")
