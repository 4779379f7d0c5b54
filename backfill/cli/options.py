"""What several commands take."""

from __future__ import annotations

import glob
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click
from click.shell_completion import CompletionItem

from backfill.errors import UsageError

if TYPE_CHECKING:
    from backfill.config import Job
    from backfill.distribute import EngineName


def _configs(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The YAML files that a shell may complete to: there, and one folder down."""
    begun = glob.escape(incomplete)
    found = [*glob.glob(f"{begun}*"), *glob.glob(f"{begun}*/*")]  # noqa: PTH207
    configs = sorted({path for path in found if path.endswith((".yaml", ".yml"))})
    return [CompletionItem(path) for path in configs] or [CompletionItem(incomplete, "dir")]


config_argument = click.argument("config", type=click.Path(path_type=Path), shell_complete=_configs)

#: Asked for before the command line is understood, so that its own mistakes are told as JSON too.
json_option = click.option(
    "--json", is_flag=True, expose_value=False, help="Print one JSON object on stdout."
)

#: Asked for just as early.
log_format_option = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    expose_value=False,
    help="What stderr gets: text for people, or one JSON object a line.",
)

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Override one config value: destination.requests_per_s=50. Repeatable.",
)

full_option = click.option(
    "--full", is_flag=True, help="Send what did not change since it was last sent, too."
)

limit_option = click.option(
    "--limit", type=click.IntRange(min=1), help="Only the first N rows of each stream."
)

done_folder_option = click.option(
    "--done-folder",
    type=click.Path(path_type=Path),
    help="Move files of folders and globs here once all of their rows are delivered or filtered.",
)


class _Wait(click.ParamType[float]):
    """A time as `destination.give_up_after` takes it, in seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds; infinity as it is."""
        from backfill.mapping.durations import seconds_of

        found = value if isinstance(value, float) else seconds_of(str(value))
        if found is None:
            words = f"'{value}' is no time, as 90s, 30m or 2h; a --wait without one stands last"
            self.fail(words, param, ctx)
        return found


wait_option = click.option(
    "--wait",
    "wait_s",
    is_flag=False,
    flag_value=math.inf,
    default=0.0,
    type=_Wait(),
    metavar="[TIME]",
    help="Wait for another run of the job to end, so long at most (30m), instead of failing.",
)


class Spread(TypedDict):
    """Over which workers a run is spread: over none where no engine is given."""

    engine: EngineName | None
    workers: int | None
    ray_address: str | None


def spread_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command spread its run over workers."""
    command = click.option(
        "--ray-address",
        metavar="ADDR",
        help="With --engine ray: the cluster, HOST:6379; this machine's without it.",
    )(command)
    command = click.option(
        "--workers",
        type=click.IntRange(min=1),
        help="With --engine: how many; one for each core without it.",
    )(command)
    return click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        help="Spread the run over workers: processes here, or a Ray cluster.",
    )(command)


class Part(TypedDict):
    """Which part of a job is meant: all of it where neither is given."""

    only: str | None
    source: Path | None


def part_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command take one stream of a job, from another file if need be."""
    command = click.option(
        "--source",
        type=click.Path(path_type=Path),
        help="With --only: read this file instead, as rejects that were mended.",
    )(command)
    return click.option(
        "--only", metavar="STREAM", help="Only this stream, with a checkpoint of its own."
    )(command)


def job_of(config: Path, overrides: Sequence[str], part: Part) -> Job:
    """The job that a command is about.

    Raises what `config.load` and `config.only` raise; UsageError for a source without a stream.
    """
    from backfill.config import load, only

    job, name, source = load(config, overrides), part["only"], part["source"]
    if name is not None:
        return only(job, name, source)
    if source is not None:
        names = ", ".join(stream.name for stream in job.streams)
        fix = f"add --only STREAM, one of: {names}"
        raise UsageError("--source does not say of which stream it is", "--source", fix)
    return job
