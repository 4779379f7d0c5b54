"""A run spread over workers, on this machine or on a cluster; see the README.md here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from backfill.distribute.links import Engine
    from backfill.pipeline import Carries

__all__ = ["EngineName", "carries"]

EngineName = Literal["local", "ray"]


def carries(engine: EngineName, workers: int | None, address: str | None = None) -> Carries:
    """Who carries the waves of a run by an engine.

    workers: None: one for each core it has. address: of the cluster.
    Raises UsageError where the engine is not installed or cannot be reached.
    """
    # Here, so that a worker settles its process before it imports what that is about.
    from backfill.distribute.crew import Crew

    found = _engine(engine, address)
    return partial(Crew, engine=found, workers=workers or found.workers)


def _engine(name: str, address: str | None) -> Engine:
    if name == "ray":
        from backfill.distribute.on_ray import RayEngine

        return RayEngine(address)
    from backfill.distribute.local import LocalEngine

    return LocalEngine()
