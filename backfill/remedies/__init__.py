"""What a refused row is about, and which change of the config would mend all like it.

A reason names the place of the config it is about; the rule and that place tell the change. Each
is a line of YAML that can be pasted into the stream, or says that none helps.
"""

from backfill.remedies.fields import RULES, columns_of, field_of
from backfill.remedies.proposals import remedy

__all__ = ["RULES", "columns_of", "field_of", "remedy"]
