"""Every way a run ends: what it says and what it leaves behind hold no key."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import traceback

import httpx
import psutil
import pytest

from backfill.config import Credentials, identity
from backfill.connection import Lane
from backfill.errors import UsageError
from backfill.pipeline import Place
from backfill.sandbox import Sandbox
from backfill.transport import HttpTransport
from tests.end_to_end.command import ended, start
from tests.end_to_end.recorder import Answer, Posted, recording
from tests.sending import servers

from .engine import prepared

SITE, KEY = "site-id-nobody-may-see", "api-key-nobody-may-see"
PAIR = base64.b64encode(f"{SITE}:{KEY}".encode()).decode()
SECRETS = (SITE, KEY, PAIR)
VALUE = "value-nobody-may-see"

#: Everything that makes Python talkative.
AROUND = {
    "CUSTOMERIO_SITE_ID": SITE,
    "CUSTOMERIO_API_KEY": KEY,
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONFAULTHANDLER": "1",
}

#: Mistakes nobody foresaw, which quote all they can; by what they break.
MISTAKES = {
    "the connection": """
import backfill.connection
def broken(self, request, silence_s):
    raise RuntimeError(f"{request.headers.raw} {request.read()}")
backfill.connection._Connection.exchange = broken
""",
    "an answer": """
import backfill.connection
def broken(self, data):
    raise RuntimeError(f"{data} VALUE")
backfill.connection._Connection.data_received = broken
""",
    "the encoder": """
import backfill.pipeline.encoding, polars
def broken(block, *rest):
    raise polars.exceptions.PanicException(f"{block.table.to_pylist()}")
backfill.pipeline.encoding.encode = broken
""",
}


def hidden(folder, text: str, *, but: tuple[str, ...] = ()) -> None:
    """Neither the text nor a file of the run holds a secret, nor, but for some, a value."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.parent.name != "__pycache__"]
    for secret in SECRETS:
        assert secret not in text
        assert not [path for path in files if secret.encode() in path.read_bytes()]
    holding = [path.name for path in files if VALUE.encode() in path.read_bytes()]
    assert VALUE not in text
    assert set(holding) <= {"people.csv", *but}


def ran(folder, address, *arguments: str, **more: str):
    around = AROUND | more
    return ended(start(folder, address, "run", "job.yaml", "--json", *arguments, **around))


def said(run) -> str:
    return run.text + json.dumps(run.told)


@pytest.fixture
def folder(tmp_path):
    prepared(tmp_path, give_up_after=0.2)
    people = tmp_path / "people.csv"
    people.write_text(people.read_text().replace("x", VALUE))
    return tmp_path


def refusing(posted: Posted) -> Answer:
    error = {"batch_index": 0, "reason": "invalid", "field": "v", "message": f"{VALUE} is bad"}
    return Answer(207, json.dumps({"errors": [error]}).encode())


@pytest.mark.parametrize(
    ("code", "answer"), [(3, refusing), (1, lambda p: Answer(401 if p.number > 2 else 200))]
)
def test_a_run_that_rejects_or_is_refused_shows_no_secret(folder, code, answer):
    with recording(answer) as server:
        run = ran(folder, server.address)

    assert run.code == code
    hidden(folder, said(run))


def test_a_rehearsal_in_a_sandbox_keeps_no_secret(folder, tmp_path_factory):
    config, key = folder / "job.yaml", tmp_path_factory.mktemp("secrets") / "key"
    key.write_text(KEY + "\n")
    key.chmod(0o644)
    config.write_text(config.read_text().replace("region: us", "sandbox: workspace.db"))

    run = ran(folder, None, CUSTOMERIO_API_KEY="", CUSTOMERIO_API_KEY_FILE=str(key))

    assert run.code == 0
    assert (
        f"warning: other users of this machine may read CUSTOMERIO_API_KEY_FILE, {key}" in run.text
    )
    hidden(folder, said(run), but=("workspace.db", "workspace.db-wal"))


def test_a_run_that_crashes_shows_no_secret_and_neither_does_ps(folder):
    prevented = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))"
    (folder / "sitecustomize.py").write_text(prevented)
    with recording(lambda _: Answer(delay_s=0.01)) as server:
        arguments = ("run", "job.yaml", "--set", "destination.operations_per_s=500")
        process = start(folder, server.address, *arguments, **AROUND, PYTHONPATH=str(folder))
        while not server.posted:
            process.poll()
            assert process.returncode is None
        seen = psutil.Process(process.pid)
        shown = [" ".join(each.cmdline()) for each in (seen, *seen.children(recursive=True))]
        process.send_signal(signal.SIGABRT)
        run = ended(process)

    assert run.code == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in run.text
    assert "job.yaml" in shown[0]
    hidden(folder, said(run) + "".join(shown))


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_an_error_nobody_foresaw_is_told_by_kind_and_place_alone(folder, mistake):
    (folder / "sitecustomize.py").write_text(mistake.replace("VALUE", VALUE))
    with recording() as server:
        run = ran(folder, server.address, PYTHONPATH=str(folder))

    assert run.code == 1
    assert "a mistake in backfill itself" in run.text
    assert "run the same command again" in run.told["error"]["fix"]
    hidden(folder, said(run), but=("sitecustomize.py",))


def with_variables(failure: pytest.ExceptionInfo[BaseException]) -> str:
    """The traceback with the variables of every frame, as some tools print it."""
    told = traceback.TracebackException.from_exception(failure.value, capture_locals=True)
    return "".join(told.format())


def test_a_traceback_with_variables_shows_no_key_of_an_exchange_that_broke():
    async def hang_up(reader, _):
        await reader.readuntil(b"\r\n\r\n")

    async def exchanging():
        async with servers.listening(hang_up) as port:
            lane = Lane(httpx.create_ssl_context())
            request = httpx.Request(
                "POST",
                f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Basic {PAIR}"},
                extensions={"timeout": {"connect": 5.0, "read": 5.0}},
            )
            await lane.handle_async_request(request)

    with pytest.raises(httpx.TransportError) as caught:
        asyncio.run(exchanging())

    text = with_variables(caught)
    assert "in exchange" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_a_traceback_with_variables_shows_no_key_of_a_transport_that_cannot_be_made():
    with pytest.raises(UsageError) as caught:
        HttpTransport("ftp://nowhere", SITE, KEY)

    text = with_variables(caught)
    assert "in __init__" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_nothing_that_holds_the_key_shows_it_when_printed():
    pair = Credentials(SITE, KEY)
    transport = HttpTransport("http://127.0.0.1:9", SITE, KEY)
    place = Place("http://127.0.0.1:9", identity("http://127.0.0.1:9", SITE), pair)
    sandbox = Sandbox(None, SITE, KEY, KEY)
    holders = (pair, place, transport, vars(transport), sandbox)

    text = "".join(f"{holder}{holder!r}" for holder in holders)
    assert not [secret for secret in SECRETS if secret in text]
