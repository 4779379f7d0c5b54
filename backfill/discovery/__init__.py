"""From files to a config: what they hold, how sure that is, and what somebody has to decide.

    files -> opening -> sampling -> profile -> roles -> kinds -> drafts -> proof -> text

Nothing is sent, no value of a row is written down: comments hold names of columns and counts, and
conditions the words (yes, UNSUBSCRIBED, deleted, …) they compare with.
"""

from backfill.discovery.survey import Surveyed, survey

__all__ = ["Surveyed", "survey"]
