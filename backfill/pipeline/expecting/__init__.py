"""The contract of a nightly import: files that are cut or shifted stop it before its first request.

Plan: the files of every stream with `expect` are read once and held against what the config says
and what nights before looked like (`looking`, `judging`, `expectations`). What a night looked like
is kept with its run in the checkpoint, and becomes what the next nights are held against once that
run has completed (`nights`).
"""

from backfill.pipeline.expecting.expectations import Expectations, learn

__all__ = ["Expectations", "learn"]
