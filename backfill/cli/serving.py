"""The command that is a Track API on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypedDict, Unpack

import click

from backfill.cli.options import json_option
from backfill.cli.output import Output
from backfill.cli.warnings import say_exposed


class _Door(TypedDict):
    """Where a sandbox listens, as `backfill.sandbox.Door` takes it."""

    host: str
    port: int
    tls: bool
    other_region_port: int | None


_port = click.IntRange(0, 65_535)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=_port, default=0, show_default="any that is free", help="Port to listen on."
)
@click.option(
    "--tls", is_flag=True, help="Serve https, with a certificate made for it (backfill[tls])."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that keeps the workspace; without one it is gone with the process.",
)
@click.option(
    "--region",
    type=click.Choice(["us", "eu"]),
    default="us",
    show_default=True,
    help="Region the workspace is in.",
)
@click.option(
    "--other-region-port", type=_port, help="Play the other region's host, too, on this port."
)
@click.option(
    "--requests-per-s",
    type=click.IntRange(min=1),
    help="Answer more Track requests in any second with 429.",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file of what goes wrong; configs/scenario.yaml is one.",
)
@json_option
@click.pass_obj
def sandbox(
    output: Output,
    state: Path | None,
    region: Literal["us", "eu"],
    requests_per_s: int | None,
    scenario: Path | None,
    **door: Unpack[_Door],
) -> None:
    """A local Track API to rehearse against, until Ctrl-C.

    Takes the credentials in CUSTOMERIO_SITE_ID and CUSTOMERIO_API_KEY, and for reading back by the
    App API the key in CUSTOMERIO_APP_API_KEY: `sandbox` for each that is not set. Each may be in a
    file that CUSTOMERIO_…_FILE names. On a --host that other machines reach, all three must be set.
    """
    from backfill.config import sandbox_app_api_key, sandbox_credentials
    from backfill.sandbox import Door, Sandbox, serve
    from backfill.sandbox.faults.scenario import Scenario, read

    say_exposed(output)
    taken = sandbox_credentials(os.environ)
    played = read(scenario) if scenario else Scenario()
    workspace = Sandbox(
        state,
        taken.site_id,
        taken.api_key,
        sandbox_app_api_key(os.environ),
        region=region,
        behaviour=played.behaviour,
        requests_per_s=requests_per_s,
        seed=played.seed,
        faults=played.faults,
    )
    serve(workspace, Door(**door), as_json=output.wants_json)
