"""An engine whose counts do not add up."""

from backfill import report
from backfill.cli import main

as_json = report.as_json


def one_more(closing):
    told = as_json(closing)
    told["streams"][0]["rows"]["delivered"] += 1
    return told


report.as_json = one_more
main()
