"""How a run goes, on stderr: a line that moves on a terminal, lines in a log, lines of JSON."""

from backfill.progress.bars import Bars
from backfill.progress.jsonlog import JsonLog
from backfill.progress.lines import Lines
from backfill.progress.logged import Logged

__all__ = ["Bars", "JsonLog", "Lines", "Logged"]
