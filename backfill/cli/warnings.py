"""What is said before a command begins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from backfill.config import Job


def say_warnings(job: Job) -> None:
    """What a person should know of a config, and of the files of its credentials."""
    for warning in job.warnings:
        click.echo(f"warning: {warning}", err=True)
    say_exposed()


def say_exposed() -> None:
    """The credentials' files that others may read."""
    from backfill.config import exposed_files

    for warning in exposed_files(os.environ):
        click.echo(f"warning: {warning}", err=True)
