"""Answers that are not the Track API's: none of them counts as a delivery."""

from __future__ import annotations

import asyncio
import json

import pytest

from backfill.config import Credentials, load
from backfill.errors import DeliveryError
from backfill.pipeline import Place
from backfill.pipeline.destination import confirmed
from tests.end_to_end.recorder import Answer, recording
from tests.sending import servers

from .engine import assert_all_arrived, prepared, surround
from .engine import run as run_here

LOGIN = b"<!doctype html><title>Please log in</title>" + b"<p>nobody-may-see</p>" * 50
MEGABYTE = 1_000_000

ANSWERS = {
    "a login page": (200, LOGIN, "a page of"),
    "a page of a proxy": (207, LOGIN, "a page of"),
    "another API": (200, b'{"status": "ok", "data": "nobody-may-see"}', "bytes of JSON"),
    "an echo": (200, b'{"batch": [{"attributes": {"a": "nobody-may-see"}}]}', "bytes of JSON"),
    "a megabyte of JSON": (200, json.dumps(["nobody-may-see"] * 60_000).encode(), "of JSON"),
    "a megabyte of garbage": (200, b"\xff\x00nobody-may-see" * (MEGABYTE // 16), "are no JSON"),
    "no content": (204, b"", "unexpected (204)"),
    "a redirect": (302, b"", "redirect that may not be followed (302)"),
}


@pytest.mark.parametrize(("status", "body", "what"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_not_the_apis_stops_the_run_and_counts_as_no_delivery(
    tmp_path, monkeypatch, status, body, what
):
    job = prepared(tmp_path)
    with recording(lambda _: Answer(status, body)) as server:
        surround(monkeypatch, server.address, {})
        closing = run_here(job)

    counts, error = closing.counts["people"], closing.error
    assert closing.state == "stopped"
    assert (counts.delivered, counts.rejected) == (0, 0)
    assert what in error.what
    assert "check" in error.fix
    assert "\n" not in error.what
    assert len(error.what) < 200
    assert "nobody-may-see" not in str(error)


def test_a_page_with_a_failure_in_mid_run_is_waited_out(tmp_path, monkeypatch):
    job = prepared(tmp_path)
    page = Answer(502, LOGIN)
    with recording(lambda posted: page if posted.number == 3 else Answer()) as server:
        surround(monkeypatch, server.address, {})
        closing = run_here(job)

    assert_all_arrived(closing, server)
    assert closing.effort.requests_retried == 1


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (servers.Answer(200, LOGIN), "a page of"),
        (servers.Answer(200, b'{"region": 7}'), "bytes of JSON"),
        (servers.Answer(200, b'{"region": "\xff", "url": ""}'), "that are no JSON"),
        (servers.Answer(204, b""), "204"),
        (servers.Answer(302, headers={"Location": "/"}), "302"),
    ],
    ids=["a login page", "another API", "no text", "no content", "a redirect"],
)
def test_an_answer_that_names_no_region_stops_the_run_before_anything_is_sent(
    tmp_path, answer, what
):
    job = load(prepared(tmp_path))

    async def confirming():
        async with servers.Server(lambda _: answer) as server:
            await confirmed(job, Place(server.address, "anywhere", Credentials("site", "key")))

    with pytest.raises(DeliveryError) as caught:
        asyncio.run(confirming())

    assert what in caught.value.what
    assert "check" in caught.value.fix
    assert "nobody-may-see" not in str(caught.value)
