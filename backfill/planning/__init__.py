"""What a run will do, before it does it: every row read and packed, nothing sent."""

from backfill.planning.forecast import LATENCY_S
from backfill.planning.plan import Plan, StreamPlan
from backfill.planning.survey import Scope, survey
from backfill.planning.told import as_json, essence, lines

__all__ = ["LATENCY_S", "Plan", "Scope", "StreamPlan", "as_json", "essence", "lines", "survey"]
