"""A credential in a file that a variable names, as Docker and Kubernetes hand out secrets.

CUSTOMERIO_API_KEY_FILE=/run/secrets/api_key stands for CUSTOMERIO_API_KEY. No message holds what
is in a file, nor a path without a slash: that may be the credential itself, in the wrong variable.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from backfill.errors import UsageError
from backfill.verdict import bounded

#: What a variable's name ends in if it names a file.  [docs: Docker secrets]
SUFFIX = "_FILE"

#: Far above any key, and little enough to read of a data file that is named by mistake.
FILE_BYTES_MAX = 4_096

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """The value of a credential, "" if it is not set, and where it stands, for messages.

    name: the variable that holds it; the one that names its file ends in SUFFIX.
    Blanks around it are no part of it: secrets often come with the newline of their file.
    Raises UsageError: both are set, or the file holds none or cannot be read.
    """
    value, path = environ.get(name, "").strip(), _path(environ, name)
    if path is None:
        return value, name
    where = _where(name, path)
    if value:
        fix = f"unset one of {name} and {name}{SUFFIX}"
        raise UsageError("a credential is set twice", f"{name} and {where}", fix)
    return _content(path, where), where


def exposed(environ: Mapping[str, str], names: Iterable[str]) -> Iterator[str]:
    """A warning for each credential's file that other users of this machine may read."""
    for name in names:
        path = _path(environ, name)
        if path is None:
            continue
        try:
            mode = path.stat().st_mode
        except OSError:  # told by `read`
            continue
        if stat.S_ISREG(mode) and mode & _OTHERS:
            yield (
                f"other users of this machine may read {_where(name, path)}: chmod 600 it"
                " (in Kubernetes `defaultMode: 0400`)"
            )


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    given = environ.get(name + SUFFIX, "").strip()
    return Path(given) if given else None


def _where(name: str, path: Path) -> str:
    shown = bounded(str(path))
    return f"{name}{SUFFIX}, {shown}" if "/" in shown else f"{name}{SUFFIX}"


def _content(path: Path, where: str) -> str:
    fix = "let it name a file that holds the credential alone"
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:  # not there, a folder, not ours to read
        raise UsageError(f"a credential cannot be read: {error.strerror}", where, fix) from error
    if len(raw) > FILE_BYTES_MAX:
        raise UsageError(f"more than {FILE_BYTES_MAX:,} bytes are no credential", where, fix)
    text = raw.decode("ascii", errors="replace").strip()
    if not text.isascii() or "\0" in text:  # UTF-16 holds a zero in every second byte
        what = "a credential holds characters that none has"
        raise UsageError(what, where, "save it as plain text (ASCII, no byte order mark)")
    if not text:
        raise UsageError("the file of a credential is empty", where, fix)
    if len(text.splitlines()) > 1:
        raise UsageError("the file of a credential has several lines", where, fix)
    return text
