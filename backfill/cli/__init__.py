"""The command line: `backfill COMMAND`."""

from backfill.cli.commands import main

__all__ = ["main"]
