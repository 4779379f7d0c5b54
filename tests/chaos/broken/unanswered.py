"""An engine that takes what was only sent for delivered."""

from backfill import verdict
from backfill.cli import main

judge = verdict.judge


def trusting(reply, operations, now_s):
    """No answer is good news."""
    return verdict.Accepted() if reply.status == 0 else judge(reply, operations, now_s)


verdict.judge = trusting
main()
