"""A run spread over workers, on this machine or on a cluster; see the README.md here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from backfill.errors import UsageError

if TYPE_CHECKING:
    from backfill.distribute.links import Engine
    from backfill.pipeline import Carries

__all__ = ["EngineName", "carries"]

EngineName = Literal["local", "ray"]


def carries(engine: EngineName | None, workers: int | None, address: str | None) -> Carries:
    """Who carries the waves of a run.

    engine:  None: this process alone.
    workers: None: one for each core that the engine has. address: of the cluster.
    Raises UsageError for an engine that does not exist, workers without one or fewer than one, an
    address that is not Ray's, and where the engine is not installed or cannot be reached.
    """
    if engine not in (None, *get_args(EngineName)):
        raise UsageError(f"there is no engine '{engine}'", "--engine", "take local or ray")
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise UsageError(f"'{workers}' is no number of workers", "--workers", "take 1 or more")
    if engine is None and workers is not None:
        raise UsageError("--workers does not say whose", "--workers", "add --engine local or ray")
    if engine != "ray" and address is not None:
        raise UsageError("--ray-address is for Ray", "--ray-address", "add --engine ray")
    # Here, so that a worker settles its process before it imports what that is about.
    if engine is None:
        from backfill.pipeline.carrying import Alone

        return Alone
    from backfill.distribute.crew import Crew

    found = _engine(engine, address)
    return partial(Crew, engine=found, workers=workers or found.workers)


def _engine(name: EngineName, address: str | None) -> Engine:
    if name == "ray":
        from backfill.distribute.on_ray import RayEngine

        return RayEngine(address)
    from backfill.distribute.local import LocalEngine

    return LocalEngine()
