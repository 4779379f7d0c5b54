"""What several commands take."""

from __future__ import annotations

from pathlib import Path

import click

config_argument = click.argument("config", type=click.Path(path_type=Path))

#: Asked for before the command line is understood, so that its own mistakes are told as JSON too.
json_option = click.option(
    "--json", is_flag=True, expose_value=False, help="Print one JSON object on stdout."
)

set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Override one config value: destination.requests_per_s=50. Repeatable.",
)
