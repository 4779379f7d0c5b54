"""A proxy of the environment between the run and a host that this machine cannot resolve."""

from __future__ import annotations

import json
import socket

import pytest
import trustme

from backfill.errors import DeliveryError, UsageError
from tests.end_to_end.command import ended, start
from tests.end_to_end.recorder import Answer, Posted, recording

from .door import door
from .engine import assert_all_arrived, prepared, surround
from .engine import run as run_here
from .https import HOST, outside, tls, trusted

TRACK = f"https://{HOST}"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def test_a_run_goes_through_a_proxy_with_a_password_that_nothing_shows(tmp_path, authority):
    prepared(tmp_path)
    secret = "proxy-password-nobody-may-see"
    with (
        recording(tls=tls(authority)) as server,
        door(server.address, is_proxy=True, credentials=f"me:{secret}") as proxy,
    ):
        named = proxy.address.replace("//", f"//me:{secret}@")
        around = outside(TRACK, trusted(authority, tmp_path), named)
        run = ended(start(tmp_path, None, "run", "job.yaml", "--json", **around))

    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert (run.code, run.told["rows"]["delivered"], server.asked) == (0, 300, 1)
    assert set(proxy.asked) == {f"{HOST}:443"}
    assert len(proxy.asked) <= 3  # one to ask for the region, one for each request in flight
    assert len(server.posted) > 10
    assert secret not in run.text + json.dumps(run.told)
    assert secret.encode() not in written


@pytest.mark.parametrize(
    ("refusal", "what", "fix"),
    [
        ("407 Proxy Authentication Required", "wants a user name and a password", "http://USER:"),
        ("403 Forbidden", f"lets no request to {HOST} through (403)", "NO_PROXY"),
    ],
)
def test_a_proxy_that_refuses_stops_the_run_before_anything_is_sent(
    tmp_path, monkeypatch, authority, refusal, what, fix
):
    job = prepared(tmp_path)
    with recording(tls=tls(authority)) as server, door(server.address, is_proxy=True) as proxy:
        proxy.refusal = refusal
        named = proxy.address.replace("//", "//me:hunter2@")
        surround(monkeypatch, TRACK, outside(TRACK, trusted(authority, tmp_path), named))
        with pytest.raises(DeliveryError) as caught:
            run_here(job)

    assert what in caught.value.what
    assert fix in caught.value.fix
    assert "HTTPS_PROXY" in caught.value.where
    assert "hunter2" not in str(caught.value)
    assert (server.asked, server.posted, len(proxy.asked)) == (0, [], 1)


def test_a_proxy_that_dies_in_mid_run_and_comes_back_costs_no_row(tmp_path, monkeypatch, authority):
    job = prepared(tmp_path)
    doors = []

    def answer(posted: Posted) -> Answer:
        if posted.number == 4:
            doors[0].begin_to_shut(for_s=0.2)
        return Answer()

    with (
        recording(answer, tls(authority)) as server,
        door(server.address, is_proxy=True) as proxy,
    ):
        doors.append(proxy)
        surround(monkeypatch, TRACK, outside(TRACK, trusted(authority, tmp_path), proxy.address))
        closing = run_here(job)

    assert_all_arrived(closing, server)
    assert closing.effort.requests_retried > 0


@pytest.mark.parametrize(
    ("refusal", "named", "what"),
    [
        ("", "", "the connection cannot be made through the proxy"),
        ("", "http://proxy.invalid:3128", "the proxy's host name cannot be resolved"),
        ("502 Bad Gateway", "", "the proxy answered 502"),
    ],
    ids=["not there", "a name nobody knows", "no way"],
)
def test_a_proxy_that_opens_no_way_is_told_from_an_api_that_is_not_there(
    tmp_path, monkeypatch, authority, refusal, named, what
):
    job, ask = prepared(tmp_path, give_up_after=0.1), socket.getaddrinfo

    def answer(host, *rest, **more):
        if host == "proxy.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ask(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)  # the system's, so that nobody is asked
    with recording(tls=tls(authority)) as server, door(server.address, is_proxy=True) as proxy:
        proxy.refusal = refusal
        if not refusal:
            proxy.shut()
        around = outside(TRACK, trusted(authority, tmp_path), named or proxy.address)
        surround(monkeypatch, TRACK, around)
        with pytest.raises(DeliveryError) as caught:
            run_here(job)

    assert what in caught.value.what
    assert "HTTPS_PROXY" in caught.value.fix


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_to_trust_that_cannot_be_read_are_named(tmp_path, monkeypatch, content):
    job, pem = prepared(tmp_path), tmp_path / "authority.pem"
    if content is not None:
        pem.write_text(content)
    surround(monkeypatch, TRACK, outside(TRACK, str(pem)))

    with pytest.raises(UsageError) as caught:
        run_here(job)

    assert "SSL_CERT_FILE" in caught.value.where


def test_certificates_that_cannot_be_read_do_not_stop_a_rehearsal_on_this_machine(
    tmp_path, monkeypatch
):
    job = prepared(tmp_path)
    with recording() as server:
        surround(monkeypatch, server.address, {"SSL_CERT_FILE": str(tmp_path / "none.pem")})
        closing = run_here(job)

    assert_all_arrived(closing, server)
