"""Change detection: of each entity, what was last acknowledged, and how an export differs from it.

known        the file: 36 bytes an entity, ordered by key, later records behind them
comparison   an export against it: which rows are new or different, who is gone
candidates   the rows that may have changed, kept as long as they are few
sifting      operations against it: those that say nothing new are left out
memory       what the run learns, made durable with its commits
texts        where asked for: what was sent, as text
told         whether that is what was said last
gone         who is gone, as a source of its own
"""

from backfill.changes.candidates import Candidates
from backfill.changes.comparison import Comparing, Comparison
from backfill.changes.detection import Detection, Detector
from backfill.changes.digests import Key
from backfill.changes.gone import Departures
from backfill.changes.known import Known
from backfill.changes.memory import Memory, News, refused
from backfill.changes.texts import Change, Overtaken, Texts
from backfill.changes.told import ToldLast

__all__ = [
    "Candidates",
    "Change",
    "Comparing",
    "Comparison",
    "Departures",
    "Detection",
    "Detector",
    "Key",
    "Known",
    "Memory",
    "News",
    "Overtaken",
    "Texts",
    "ToldLast",
    "refused",
]
