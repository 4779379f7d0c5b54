"""What the environment adds to a config."""

from pathlib import Path

import pytest

from backfill.config import Job, address, credentials, identity, load, sandbox_credentials
from backfill.errors import UsageError

STREAMS = "streams: [{name: a, source: a.csv, person: {id: id}}]"
KEYS = {"CUSTOMERIO_SITE_ID": "site", "CUSTOMERIO_API_KEY": "hunter2"}


@pytest.fixture
def us(tmp_path: Path) -> Job:
    return job(tmp_path, "region: us")


@pytest.fixture
def sandbox(tmp_path: Path) -> Job:
    return job(tmp_path, "sandbox: w.db")


def job(folder: Path, destination: str) -> Job:
    path = folder / "job.yaml"
    path.write_text(f"destination: {{{destination}}}\n{STREAMS}", encoding="utf-8")
    return load(path)


def test_credentials_do_not_show(us: Job):
    found = credentials(KEYS, us)

    assert (found.site_id, found.api_key) == ("site", "hunter2")
    assert "site" not in repr(found)
    assert "hunter2" not in f"{found}{found!r}"


def test_blanks_around_a_credential_are_not_part_of_it(us: Job):
    found = credentials({"CUSTOMERIO_SITE_ID": " site\n", "CUSTOMERIO_API_KEY": "key\r\n"}, us)

    assert (found.site_id, found.api_key) == ("site", "key")


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_credential_that_is_not_set_is_named(us: Job, name: str, value: str | None):
    environ = {key: kept for key, kept in {**KEYS, name: value}.items() if kept is not None}
    with pytest.raises(UsageError) as caught:
        credentials(environ, us)

    assert (caught.value.where, caught.value.exit_code) == (name, 2)


def test_a_sandbox_needs_no_credentials(sandbox: Job):
    found = credentials({"CUSTOMERIO_SITE_ID": "own"}, sandbox)

    assert (found.site_id, found.api_key) == ("own", "sandbox")
    assert found == sandbox_credentials({"CUSTOMERIO_SITE_ID": "own"})


@pytest.mark.parametrize("value", ["hunter2 hunter2", "hunter2\x00", "hünter2", "hunter2\nx"])
def test_a_credential_that_cannot_be_one_is_refused_unseen(us: Job, value: str):
    with pytest.raises(UsageError) as caught:
        credentials({**KEYS, "CUSTOMERIO_API_KEY": value}, us)

    assert "nter2" not in str(caught.value)


def test_a_site_id_holds_no_colon(us: Job):
    with pytest.raises(UsageError, match="colon"):
        credentials({**KEYS, "CUSTOMERIO_SITE_ID": "a:b"}, us)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us", "https://track.customer.io"),
        ("eu", "https://track-eu.customer.io"),
        ("auto", "https://track.customer.io"),
    ],
)
def test_a_region_has_its_address(tmp_path: Path, region: str, expected: str):
    assert address(job(tmp_path, f"region: {region}"), {"CUSTOMERIO_TRACK_URL": " "}) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/\n", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("HTTPS://Proxy.Example.com", "https://proxy.example.com"),
    ],
)
def test_the_track_url_replaces_the_address_of_a_region(us: Job, url: str, expected: str):
    assert address(us, {"CUSTOMERIO_TRACK_URL": url}) == expected


def test_the_track_url_does_not_lead_a_sandbox_s_rows_elsewhere(sandbox: Job):
    assert address(sandbox, {"CUSTOMERIO_TRACK_URL": "https://track.customer.io"}) is None


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://track.customer.io", "plain http"),
        ("http://127.0.0.1.example.com", "plain http"),
        ("http://0.0.0.0:80", "plain http"),
        ("https://me:hunter2@track.customer.io", "a user name or a password"),
        ("https://hunter2@track.customer.io", "a user name or a password"),
        ("https://track.customer.io/api/v2", "more than scheme, host and port"),
        ("https://track.customer.io?hunter2", "more than scheme, host and port"),
        ("https://track.customer.io#hunter2", "more than scheme, host and port"),
        ("https://track.customer.io:hunter2", "not an address"),
        ("https://[hunter2", "not an address"),
        ("https://", "not an http or https address"),
        ("track.customer.io", "not an http or https address"),
        ("ftp://track.customer.io", "not an http or https address"),
        ("https://track.customer.io\nx", "not an http or https address"),
        ("https://track .customer.io", "not an http or https address"),
    ],
)
def test_an_address_not_to_send_people_s_data_to_is_refused_unseen(us: Job, url: str, what: str):
    with pytest.raises(UsageError) as caught:
        address(us, {"CUSTOMERIO_TRACK_URL": url})

    assert what in caught.value.what
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_identity_tells_destinations_apart_and_holds_no_site_id(tmp_path: Path):
    places = [
        ("https://track.customer.io", "site"),
        ("https://track-eu.customer.io", "site"),
        ("https://track.customer.io", "other"),
        ("https://track.customer.io:8443", "site"),
        ("http://[::1]:8080", "site"),
        (tmp_path / "w.db", "site"),
        (tmp_path / "v.db", "site"),
    ]
    found = [identity(base, site_id) for base, site_id in places]

    assert len(set(found)) == len(places)
    assert not any("other" in name for name in found)


def test_an_identity_does_not_depend_on_how_the_place_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    assert identity(Path("w.db"), "a") == identity(tmp_path / "x" / ".." / "w.db", "b")
    assert identity("https://h", "a") == identity("https://h:443", "a")
