from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from backfill.sandbox import Behaviour, Sandbox, embedded

from .conftest import CREDENTIALS, Api
from .operations import of_object, of_person, profile

TYPE_AS_NUMBER = of_object("identify", {"object_type_id": 1, "object_id": "acme"})
DEVICE_WITH_NUMBER = of_person(
    "add_device", device={"token": "t", "platform": "ios", "attributes": {"battery": 5}}
)
ODD = [TYPE_AS_NUMBER, DEVICE_WITH_NUMBER]
STILL_WRONG = [
    of_object("identify", {"object_type_id": 0, "object_id": "acme"}),
    of_object("identify", {"object_type_id": True, "object_id": "acme"}),
    of_object("identify", {"object_type_id": 1.5, "object_id": "acme"}),
    of_person("add_device", device={"token": "t", "platform": "web", "attributes": {"a": 5}}),
]


def items(kilobyte: Any, *bodies: bytes) -> list[int]:
    """Which of these is refused, as items of one batch."""
    with embedded(Sandbox(None, behaviour=Behaviour(kilobyte=kilobyte))) as address:
        content = b'{"batch":[' + b",".join(bodies) + b"]}"
        answer = httpx.post(f"{address}/api/v2/batch", content=content, auth=CREDENTIALS)
    return [error["batch_index"] for error in answer.json().get("errors", [])]


@pytest.fixture(scope="module")
def loose() -> Iterator[httpx.Client]:
    sandbox = Sandbox(None, behaviour=Behaviour(takes_undocumented=True))
    with (
        embedded(sandbox) as address,
        httpx.Client(base_url=address, auth=CREDENTIALS) as client,
    ):
        yield client


@pytest.mark.parametrize("operation", ODD)
def test_what_the_document_has_not_is_refused_by_default(
    shared_api: Api, operation: dict[str, Any]
) -> None:
    assert shared_api.batch(operation).status_code == 207


@pytest.mark.parametrize("operation", ODD)
def test_what_the_document_has_not_can_be_taken(
    loose: httpx.Client, operation: dict[str, Any]
) -> None:
    assert loose.post("/api/v2/entity", json=operation).status_code == 200


@pytest.mark.parametrize("operation", STILL_WRONG)
def test_what_is_wrong_by_any_reading_is_never_taken(
    loose: httpx.Client, operation: dict[str, Any]
) -> None:
    assert loose.post("/api/v2/entity", json=operation).status_code == 400


def test_what_stands_beside_a_device_s_members_is_an_attribute_of_it(api: Api) -> None:
    beside = {"token": "t", "platform": "ios", "app_version": "1", "colour": "red"}
    api.take(of_person("add_device", device={**beside, "attributes": {"app_version": "2"}}))
    (device,) = profile(api)["devices"]

    assert device["attributes"] == {"app_version": "2", "colour": "red"}


@pytest.mark.parametrize(("kilobyte", "refused"), [(1000, [1, 2]), (1024, [2])])
def test_an_item_may_have_32_kilobytes_of_either_size(kilobyte: int, refused: list[int]) -> None:
    head, tail = b'{"type":"person","action":"delete","identifiers":{"id":"1"}', b"}"
    sizes = (32_000, 32_768, 32_769)
    bodies = [head + b" " * (size - len(head) - len(tail)) + tail for size in sizes]

    assert items(kilobyte, *bodies) == refused
