"""Moves historical records from files into a Customer.io workspace through the Track API v2.

From Python: `backfill.plan("crm.yaml")`, then `backfill.run("crm.yaml")`; see `backfill.api`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backfill.api import Job, Progress, Result, job, plan, run
    from backfill.errors import BackfillError

__all__ = ["BackfillError", "Job", "Progress", "Result", "job", "plan", "run"]


def __getattr__(name: str) -> Any:
    """Load the engine when it is first asked for: `backfill --help` does without."""
    if name == "BackfillError":
        from backfill import errors

        return errors.BackfillError
    if name in __all__:
        from backfill import api

        return getattr(api, name)
    raise AttributeError(f"module 'backfill' has no attribute {name!r}")
