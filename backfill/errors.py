"""What can stop a run: each error says what, where and how to fix it."""

from __future__ import annotations

import traceback
from pathlib import Path


class BackfillError(Exception):
    """What went wrong, where, and what to do about it.

    what:  one clause, no trailing full stop, no attribute value and no secret.
    where: the user's place: a config line, a file and row, an environment variable.
    fix:   one imperative clause.
    """

    #: The process's exit code when this error ends it.
    exit_code = 1

    def __init__(self, what: str, where: str, fix: str) -> None:
        super().__init__(what, where, fix)  # positional: survives the trip from a worker
        self.what, self.where, self.fix = what, where, fix

    def as_json(self) -> dict[str, str]:
        """The three parts, for programs."""
        return {"what": self.what, "where": self.where, "fix": self.fix}

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  fix:   {self.fix}"


class UsageError(BackfillError):
    """The command line, the environment or the state of the job does not allow this."""

    exit_code = 2


class ConfigError(UsageError):
    """The config file cannot be read as a job."""


class MappingError(ConfigError):
    """The mapping and the source do not fit each other."""


class CheckpointError(UsageError):
    """The checkpoint is in use, belongs to another job, or cannot be read."""


class InUse(CheckpointError):
    """Another run holds what only one may have: it can be waited for."""


class SourceError(BackfillError):
    """A source file cannot be read on."""


class DeliveryError(BackfillError):
    """The API cannot be reached or does not take what is sent."""


class GuardError(BackfillError):
    """Going on would do harm: people mailed by accident, data that is plainly wrong."""


class Interrupted(BackfillError):
    """SIGINT before anything was begun; what a shell reports of it is 128 and its number."""

    exit_code = 130


class Terminated(Interrupted):
    """SIGTERM before anything was begun."""

    exit_code = 143


class HungUp(Interrupted):
    """SIGHUP before anything was begun: the terminal went away."""

    exit_code = 129


class StorageError(BackfillError):
    """The checkpoint, a rejects file or the report cannot be written."""


def unforeseen(error: BaseException) -> BackfillError:
    """What to say of an error nobody foresaw: its kind and place, never its own words.

    Those may quote a value of a row, or what was sent with the key.
    """
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "backfill" in f.filename]
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "backfill"
    kind = type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        kind += f": {error.strerror}"
    return BackfillError(
        f"a mistake in backfill itself, or an input it does not foresee ({kind})",
        place,
        "run the same command again: nothing that was acknowledged is lost; and report this",
    )


def foreseen(error: Exception) -> BackfillError:
    """An error as one of ours: itself, or what is to be said of one that nobody foresaw."""
    return error if isinstance(error, BackfillError) else unforeseen(error)
