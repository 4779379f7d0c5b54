"""The report of a run: one HTML file, made from its checkpoint. See README.md beside this file."""

from backfill.reporting.file import path_of, write

__all__ = ["path_of", "write"]
