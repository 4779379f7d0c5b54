"""The job that a config describes: where to, how fast, and which streams.

The shape of `streams:` is in `backfill.mapping`; the rest of the config is here.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic import Field as Described

from backfill import concurrency, trackapi
from backfill.config.complaints import report, translate
from backfill.config.document import Document, read
from backfill.config.overrides import override
from backfill.config.rules import broken
from backfill.mapping import Model, RowsMax, Stream
from backfill.mapping.durations import seconds_of

FilePath = Annotated[str, Described(min_length=1)]
PositiveInteger = Annotated[int, Described(ge=1, strict=True)]

Concurrency = Annotated[int, Described(ge=1, le=concurrency.MOST, strict=True)]


def _number_or_auto(given: Any) -> Any:
    return None if given == "auto" else given


def _give_up_after(given: Any) -> float:
    found = seconds_of(given)
    if found is None:
        raise ValueError("give_up_after is a time, as 90s, 10m or 2h")
    return found


class Destination(Model):
    """The workspace that is written to, and the pace; either a region or a sandbox."""

    region: Literal["us", "eu", "auto"] | None = Described(
        None, description="Where the workspace is; auto asks the API."
    )
    sandbox: FilePath | None = Described(
        None, description="State file of an embedded local Track API, instead of a region."
    )
    requests_per_s: PositiveInteger = Described(
        trackapi.REQUESTS_PER_S_MAX, description="Requests started in any one second."
    )
    operations_per_s: PositiveInteger | None = Described(
        None, description="Operations sent in any one second; no bound where not given."
    )
    concurrency: Annotated[
        Concurrency | None,
        BeforeValidator(
            _number_or_auto, json_schema_input_type=Literal["auto"] | Concurrency | None
        ),
    ] = Described(None, description="Requests in flight at once; auto (default) chooses.")

    give_up_after: Annotated[
        float, BeforeValidator(_give_up_after, json_schema_input_type=float | str)
    ] = Described(
        600.0,
        description="How long the API may fail before the run stops: seconds, or as 90s, 10m, 2h.",
    )

    @model_validator(mode="after")
    def _is_one_place(self) -> Self:
        if (self.region is None) == (self.sandbox is None):
            raise ValueError("a destination is either a region or a sandbox")
        return self


class Config(Model):
    """A backfill job. Paths are relative to the config file."""

    # An error is shown to people; what the config holds may be a secret put there by mistake.
    model_config = ConfigDict(hide_input_in_errors=True)

    destination: Destination
    checkpoint: FilePath | None = Described(
        None,
        description="File that holds what is done; state/<config name>.checkpoint by default.",
    )
    rejects: FilePath | None = Described(
        None, description="Folder of the refused rows; state/<config name>.rejects by default."
    )
    max_rejects: RowsMax | None = Described(
        None, description="The same for every stream that does not say it."
    )
    streams: list[Stream] = Described(min_length=1, description="One after the other, in order.")

    @model_validator(mode="after")
    def _keeps_files_apart(self) -> Self:
        given = (self.checkpoint, self.rejects, self.destination.sandbox)
        places = [posixpath.normpath(path) for path in given if path]
        if len(set(places)) < len(places):
            raise ValueError("checkpoint, rejects and destination.sandbox are places of their own")
        return self


@dataclass(frozen=True, slots=True)
class Job:
    """A config that holds together.

    path: the config file; base: its folder, to which the paths of `streams` are relative.
    checkpoint, rejects, sandbox: paths that hold from where the process was started.
    sandbox: the state file of the embedded Track API, or None for a region.
    part_of: the job that this one is a part of, as `config.only` makes it.
    typed:   how a command names it, for people: its path, and a hint at overrides there were.
    """

    path: Path
    base: Path
    destination: Destination
    checkpoint: Path
    rejects: Path
    sandbox: Path | None
    max_rejects: int | str | None
    streams: tuple[Stream, ...]
    part_of: Job | None = None
    typed: str = "CONFIG"

    @property
    def plan_file(self) -> Path:
        """Where the last plan is kept, for the report to compare with."""
        return self.checkpoint.with_name(f"{self.checkpoint.name}.plan.json")

    @property
    def learnt_file(self) -> Path:
        """What the exports of earlier nights looked like; a part of a job has that of the whole."""
        checkpoint = (self.part_of or self).checkpoint
        return checkpoint.with_name(f"{checkpoint.name}.learnt.json")

    @property
    def warnings(self) -> list[str]:
        """What is allowed and probably not meant."""
        if self.destination.requests_per_s <= trackapi.REQUESTS_PER_S_MAX:
            return []
        return [
            f"destination.requests_per_s is above {trackapi.REQUESTS_PER_S_MAX}, the API's limit: "
            "sustained excess may be throttled or dropped"
        ]


def load(path: Path, overrides: Sequence[str] = ()) -> Job:
    """Read a config file into a job.

    overrides: PATH=VALUE each, see `overrides.override`.
    Raises ConfigError, with every mistake found, each with its line.
    """
    return _read(read(path), path, overrides)


def of(content: Mapping[str, Any], path: Path, overrides: Sequence[str] = ()) -> Job:
    """Make a job of a config's values as Python has them.

    path: where a file of it would be: names the job, and its folder is what paths are relative to.
    Raises as `load` does.
    """
    document = Document(f"the job '{path.name}'", _plain(content), {(): ""})
    return replace(_read(document, path, overrides), typed="CONFIG")


def _plain(value: Any) -> Any:
    """The value as YAML would have given it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _read(document: Document, path: Path, overrides: Sequence[str]) -> Job:
    for text in overrides:
        override(document, text)
    typed = f"{shlex.quote(str(path))}{' --set ...' if overrides else ''}"
    return replace(_job(path, _validated(document)), typed=typed)


def _validated(document: Document) -> Config:
    if document.content is None:
        document.content = {}
    try:
        config = Config.model_validate(document.content)
    except ValidationError as error:
        found = translate(error, document.content, json_schema())
        raise report(document, document.complaints + found) from error
    found = document.complaints + broken(config.streams)
    if found:
        raise report(document, found)
    return config


def _job(path: Path, config: Config) -> Job:
    base = path.parent
    sandbox = config.destination.sandbox
    return Job(
        path=path,
        base=base,
        destination=config.destination,
        checkpoint=_from_here(base / (config.checkpoint or f"state/{path.stem}.checkpoint")),
        rejects=_from_here(base / (config.rejects or f"state/{path.stem}.rejects")),
        sandbox=_from_here(base / sandbox) if sandbox else None,
        max_rejects=config.max_rejects,
        streams=tuple(config.streams),
    )


def _from_here(path: Path) -> Path:
    """The path as one would type it in the current folder; whole where it is not below that."""
    whole, here = path.resolve(), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


@cache
def json_schema() -> dict[str, Any]:
    """The config's JSON Schema, for editors."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | Config.model_json_schema()
