"""An engine that writes each refused row down twice."""

from backfill.cli import main
from backfill.rejects import RejectsFile

append = RejectsFile.append
RejectsFile.append = lambda self, *rejected: append(self, *rejected, *rejected)
main()
