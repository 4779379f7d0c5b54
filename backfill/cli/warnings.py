"""What is said before a command begins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from backfill.cli.output import Output

if TYPE_CHECKING:
    from backfill.config import Job


def say_warnings(output: Output, job: Job) -> None:
    """What a person should know of a config, and of the files of its credentials."""
    for warning in job.warnings:
        output.says(warning, "config_warning", "warning")
    say_exposed(output)


def say_exposed(output: Output) -> None:
    """The credentials' files that others may read."""
    from backfill.config import exposed_files

    for warning in exposed_files(os.environ):
        output.says(warning, "exposed_credential", "warning")
