"""Taking back what a run changed, as far as that can be: see the README of this folder.

reversal  what takes back what the run did to one entity
births    whom it created, as the App API tells
kept      what is known of its runs
survey    all of it together: who is set back, deleted, left alone, and why
lists     who they are, as files, and the streams that send them
sending   the job of these streams
telling   what people and programs are told
"""

from backfill.undoing.kept import alone
from backfill.undoing.sending import forget, job_of, left_lists, preparing, under_way
from backfill.undoing.survey import Undo, survey
from backfill.undoing.telling import NEXT, as_json, lines

__all__ = [
    "NEXT",
    "Undo",
    "alone",
    "as_json",
    "forget",
    "job_of",
    "left_lists",
    "lines",
    "preparing",
    "survey",
    "under_way",
]
