"""The config: a YAML file, what `--set` changes in it, and what the environment adds."""

from backfill.config.environment import (
    Credentials,
    address,
    app_api_key,
    credentials,
    exposed_files,
    identity,
    sandbox_app_api_key,
    sandbox_credentials,
)
from backfill.config.job import Destination, Job, json_schema, load, of
from backfill.config.only import PART, only, parts

__all__ = [
    "PART",
    "Credentials",
    "Destination",
    "Job",
    "address",
    "app_api_key",
    "credentials",
    "exposed_files",
    "identity",
    "json_schema",
    "load",
    "of",
    "only",
    "parts",
    "sandbox_app_api_key",
    "sandbox_credentials",
]
