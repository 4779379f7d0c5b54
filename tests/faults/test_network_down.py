"""An API out of reach: before the run, in its middle, for a while and for good."""

from __future__ import annotations

import asyncio
import itertools
import signal
import socket

import pytest
import trustme

from backfill.config import Credentials, load
from backfill.errors import DeliveryError
from backfill.pacing import BACKOFF_S_MAX
from backfill.pipeline import Place
from backfill.pipeline.destination import Patience, confirmed
from backfill.pipeline.outage import QUIET_S, SAY_EVERY_S, Outage
from tests.end_to_end.command import ended, start
from tests.end_to_end.recorder import REGION, Answer, Posted, recording
from tests.sending import servers, virtual

from .door import door
from .engine import ROWS, Words, assert_all_arrived, prepared, surround
from .engine import run as run_here
from .https import HOST, outside, tls, trusted

#: Replaces the system's answers: the name cannot be resolved at first, then it is this machine.
RESOLVER = f"""
import itertools, socket
asked, ask = itertools.count(1), socket.getaddrinfo
def answer(host, *rest, **more):
    if host != "{HOST}":
        return ask(host, *rest, **more)
    if next(asked) <= 2:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return ask("127.0.0.1", *rest, **more)
socket.getaddrinfo = answer
"""

#: A resolver that never answers, and says that it was asked.
SILENT_RESOLVER = """
import os, socket, time
def answer(*_, **more):
    os.write(2, b"asked\\n")
    time.sleep(600)
socket.getaddrinfo = answer
"""


def test_a_name_that_cannot_be_resolved_at_first_is_waited_for_and_said(tmp_path):
    prepared(tmp_path)
    (tmp_path / "sitecustomize.py").write_text(RESOLVER)
    authority = trustme.CA()
    with recording(tls=tls(authority)) as server:
        address = server.address.replace("127.0.0.1", HOST)
        around = outside(address, trusted(authority, tmp_path)) | {"PYTHONPATH": str(tmp_path)}
        run = ended(start(tmp_path, None, "run", "job.yaml", "--json", **around))

    assert (run.code, run.told["rows"]["delivered"]) == (0, ROWS)
    assert f"waiting for {address}: the host name {HOST} cannot be resolved" in run.text
    assert run.text.count("waiting for") == 1


def test_an_api_that_is_down_for_five_minutes_before_the_run_is_waited_for(tmp_path):
    job, words, starts_s = load(prepared(tmp_path)), Words(), []

    def answer(_: servers.Received) -> servers.Answer:
        starts_s.append(asyncio.get_running_loop().time())
        is_down = starts_s[-1] < starts_s[0] + 300.0
        return servers.Answer(502, b"<html>") if is_down else servers.Answer(body=REGION)

    async def confirming():
        async with servers.Server(answer) as server:
            place = Place(server.address, "anywhere", Credentials("site", "key"))
            return await confirmed(job, place, Patience(600.0, words.says))

    found = virtual.run(confirming())

    pauses_s = [after - before for before, after in itertools.pairwise(starts_s)]
    assert found.region == "us"
    assert max(pauses_s[:3]) < 3.0
    assert max(pauses_s) <= BACKOFF_S_MAX + 1.0
    assert len(starts_s) < 100
    assert 3 <= len(words.said) <= 1 + 300 / SAY_EVERY_S


def test_a_server_that_asks_for_longer_than_we_go_on_is_asked_once_more_at_the_end(tmp_path):
    job, starts_s = load(prepared(tmp_path)), []

    def answer(_: servers.Received) -> servers.Answer:
        starts_s.append(asyncio.get_running_loop().time())
        return servers.Answer(503, headers={"Retry-After": "300"})

    async def confirming():
        async with servers.Server(answer) as server:
            place = Place(server.address, "anywhere", Credentials("site", "key"))
            await confirmed(job, place, Patience(20.0, lambda *_: None))

    with pytest.raises(DeliveryError, match="503"):
        virtual.run(confirming())

    assert [round(at_s - starts_s[0]) for at_s in starts_s] == [0, 20]


def test_an_api_that_stays_down_before_the_run_stops_it_and_the_same_command_goes_on(
    tmp_path, monkeypatch
):
    job = prepared(tmp_path, give_up_after="0.2s")
    with recording() as server, door(server.address) as way:
        surround(monkeypatch, way.address, {})
        way.shut()
        with pytest.raises(DeliveryError) as caught:
            run_here(job)
        way.open()
        closing = run_here(job)

    assert caught.value.exit_code == 1
    assert "cannot be reached: the connection cannot be made" in caught.value.what
    assert "run the same command again" in caught.value.fix
    assert_all_arrived(closing, server)


def test_an_interrupt_while_the_run_waits_for_the_api_ends_it_at_once(tmp_path):
    prepared(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    process = start(tmp_path, address, "run", "job.yaml", "--json")
    said = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    run = ended(process)

    assert said.startswith(f"warning: waiting for {address}: the connection cannot be made")
    assert (run.code, run.told["state"]) == (130, "interrupted")
    assert "run the same command again" in run.told["error"]["fix"]


def test_an_interrupt_does_not_wait_for_a_resolver_that_does_not_answer(tmp_path):
    prepared(tmp_path)
    (tmp_path / "sitecustomize.py").write_text(SILENT_RESOLVER)
    around = {"HTTPS_PROXY": "", "PYTHONPATH": str(tmp_path)}
    process = start(tmp_path, f"https://{HOST}", "run", "job.yaml", "--json", **around)
    said = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    run = ended(process)

    assert said == "asked\n"
    assert (run.code, run.told["state"]) == (130, "interrupted")


def test_an_api_that_goes_down_in_mid_run_and_comes_back_costs_no_row(tmp_path, monkeypatch):
    job, doors = prepared(tmp_path), []

    def answer(posted: Posted) -> Answer:
        if posted.number == 4:
            doors[0].begin_to_shut(for_s=0.3)
        return Answer()

    with recording(answer) as server, door(server.address) as way:
        doors.append(way)
        surround(monkeypatch, way.address, {})
        closing = run_here(job)

    assert_all_arrived(closing, server)
    assert closing.effort.requests_retried > 0


def test_an_api_that_stays_down_in_mid_run_stops_it_and_the_same_command_goes_on(
    tmp_path, monkeypatch
):
    job, doors = prepared(tmp_path, give_up_after=0.3), []

    def answer(posted: Posted) -> Answer:
        if posted.number == 4:
            doors[0].begin_to_shut()
        return Answer()

    with recording(answer) as server, door(server.address) as way:
        doors.append(way)
        surround(monkeypatch, way.address, {})
        stopped = run_here(job)
        sent = len(server.accepted)
        way.open()
        closing = run_here(job)

    counts = stopped.counts["people"]
    assert (stopped.state, stopped.error.exit_code) == ("stopped", 1)
    assert "given up" in stopped.error.what
    assert "run the same command again" in stopped.error.fix
    assert 0 < counts.delivered <= sent < ROWS
    assert counts.rejected == 0
    assert_all_arrived(closing, server)
    assert len(server.accepted) - ROWS == sent - counts.delivered  # whose answers were lost


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_key_that_is_withdrawn_in_mid_run_stops_it_at_once_and_rejects_nothing(
    tmp_path, monkeypatch, status
):
    job = prepared(tmp_path, concurrency=4)

    with recording(lambda posted: Answer(status if posted.number >= 3 else 200)) as server:
        surround(monkeypatch, server.address, {})
        closing = run_here(job)

    counts = closing.counts["people"]
    assert (closing.state, closing.error.exit_code) == ("stopped", 1)
    assert f"({status})" in closing.error.what
    assert (counts.delivered, counts.rejected) == (len(server.accepted), 0)
    assert len(server.posted) <= 3 + 4  # what was in flight beside the first that was refused


def test_what_is_waited_for_in_mid_run_is_said_once_a_minute_and_when_it_is_back():
    outage = Outage("https://track.example", 600.0)

    told = [outage.failed(float(s), "the API answered 502") for s in range(100, 231)]
    back = outage.worked(240.0)

    said = [(100.0 + i, remark.text) for i, remark in enumerate(told) if remark]
    assert [at_s for at_s, _ in said] == [100 + QUIET_S + n * SAY_EVERY_S for n in range(3)]
    assert said[1][1] == (
        "waiting for https://track.example: the API answered 502; asked again for up to 530 s more"
    )
    assert back.text == "https://track.example answers again after 140 s"


def test_single_failures_are_not_talked_about():
    outage = Outage("https://track.example", 600.0)

    assert [outage.failed(float(s), "x") or outage.worked(s + 0.5) for s in range(100)] == [
        None
    ] * 100
