"""A credential in a file that a variable names: found, or refused unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from backfill.config import (
    Credentials,
    credentials,
    exposed_files,
    load,
    sandbox_app_api_key,
    sandbox_credentials,
)
from backfill.errors import UsageError

from .engine import prepared

SITE, KEY, APP = "CUSTOMERIO_SITE_ID", "CUSTOMERIO_API_KEY", "CUSTOMERIO_APP_API_KEY"


@pytest.fixture
def job(tmp_path):
    return load(prepared(tmp_path))


def kept(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


def test_a_credential_may_be_in_a_file_that_a_variable_names(tmp_path, job):
    around = {SITE: "site", f"{KEY}_FILE": kept(tmp_path / "key", b"hunter2\r\n")}
    around[f"{APP}_FILE"] = kept(tmp_path / "app", b"app")

    assert credentials(around, job) == Credentials("site", "hunter2")
    assert sandbox_credentials(around) == Credentials("site", "hunter2")
    assert sandbox_app_api_key(around) == "app"


def test_a_credential_that_is_set_twice_is_refused(tmp_path, job):
    path = kept(tmp_path / "key", b"hunter2")
    with pytest.raises(UsageError, match="set twice") as caught:
        credentials({SITE: "site", KEY: "hunter2", f"{KEY}_FILE": path}, job)

    assert KEY in caught.value.where
    assert path in caught.value.where
    assert "unset one" in caught.value.fix
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "No such file"),
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"hunter2\nhunter2\n", "several lines"),
        (b"hunter2\rhunter2", "several lines"),
        (b"hunter2" * 1_000, "more than 4,096 bytes"),
        (b"hunter2 hunter2", "characters that none has"),
        (b"hunter2\xff", "characters that none has"),
        (b"hunter2\x00", "characters that none has"),
    ],
)
def test_a_file_that_holds_no_credential_is_refused_by_name_and_unseen(
    tmp_path, job, content, what
):
    path = tmp_path / "key"
    if content is not None:
        kept(path, content)
    with pytest.raises(UsageError, match=what) as caught:
        credentials({SITE: "site", f"{KEY}_FILE": str(path)}, job)

    assert caught.value.where == f"{KEY}_FILE, {path}"
    assert caught.value.exit_code == 2
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_key_that_an_editor_saved_in_another_encoding_is_told_how_to_save_it(
    tmp_path, job, encoding
):
    path = kept(tmp_path / "key", "hunter2\r\n".encode(encoding))
    with pytest.raises(UsageError, match="characters that none has") as caught:
        credentials({SITE: "site", f"{KEY}_FILE": path}, job)

    assert "plain text (ASCII, no byte order mark)" in caught.value.fix


@pytest.mark.parametrize(("path", "what"), [("/proc", "directory"), ("/proc/self/mem", "error")])
def test_a_file_that_cannot_be_read_is_refused_by_name(job, path, what):
    with pytest.raises(UsageError, match=what) as caught:
        credentials({SITE: "site", f"{KEY}_FILE": path}, job)

    assert caught.value.where == f"{KEY}_FILE, {path}"


def test_a_key_in_the_variable_of_its_file_is_not_repeated(job):
    with pytest.raises(UsageError) as caught:
        credentials({SITE: "site", f"{KEY}_FILE": "hunter2"}, job)

    assert caught.value.where == f"{KEY}_FILE"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "is_exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)]
)
def test_a_file_that_others_may_read_is_a_warning(tmp_path, mode, is_exposed):
    path = kept(tmp_path / "key", b"hunter2")
    Path(path).chmod(mode)

    warnings = exposed_files({f"{KEY}_FILE": path, SITE: "site"})

    assert [f"{KEY}_FILE, {path}" in text for text in warnings] == [True] * is_exposed
    assert "hunter2" not in "".join(warnings)
