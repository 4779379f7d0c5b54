"""Whatever is sent to the sandbox, it answers, and as its own OpenAPI document says."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib.resources import files

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backfill import sandbox
from backfill.sandbox import Sandbox, embedded

#: Both APIs' credentials by the first part of the path.
HEADERS = {
    "/api/": {"authorization": "Basic " + base64.b64encode(b"sandbox:sandbox").decode()},
    "/v1/": {"authorization": "Bearer sandbox"},
}

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


schema = schemathesis.openapi.from_path(str(files(sandbox) / "openapi.json"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = tmp_path_factory.mktemp("fuzz") / "workspace.db"
    with embedded(Sandbox(state, app_requests_per_s=None)) as url:
        yield url


@schema.parametrize()
@settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_it_and_every_answer_is_as_documented(
    case: schemathesis.Case, address: str
) -> None:
    wanted = (given for prefix, given in HEADERS.items() if case.path.startswith(prefix))
    case.call_and_validate(base_url=address, checks=CHECKS, headers=next(wanted, {}))
