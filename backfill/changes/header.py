"""What the file of what is known says of itself, and what is said where it cannot be used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

from backfill import storing
from backfill.errors import CheckpointError
from backfill.storing import Kept

KNOWN = Kept(
    "what is known of earlier runs",
    "move it away: the next run then sends everything, and rows that vanished meanwhile are not"
    " noticed; or restore it from a copy, and run once with --full",
)

#: Of the file and of the digests in it.
FORMAT = 1

_MAGIC = b"backfill changes\n"
HEADER_BYTES = 8192
#: What the header says, as JSON; before it stands the xxh3_128 of it.
_TOLD_BYTES = HEADER_BYTES - len(_MAGIC) - 16


class Header(NamedTuple):
    """What a file says of itself.

    belongs: what it is the knowledge of: stream, key, destination.
    size:    ordered records; seal: the digest of them.
    """

    belongs: Mapping[str, Any]
    size: int
    seal: str


def header_of(path: Path) -> Header | None:
    """What a file says of itself; None: it is not there.

    Raises CheckpointError where it is something else, or of a newer version.
    """
    with mapped(path):
        if not path.exists():
            return None
        with path.open("rb") as file:
            return _header(file.read(HEADER_BYTES), path)


def header_bytes(header: Header) -> bytes:
    """The header as it stands in the file."""
    told = {"format": FORMAT, "belongs": dict(header.belongs), "count": header.size}
    text = json.dumps({**told, "seal": header.seal}).encode().ljust(_TOLD_BYTES)
    return _MAGIC + xxhash.xxh3_128_digest(text) + text


def _header(content: bytes, path: Path) -> Header:
    if not content.startswith(_MAGIC):
        raise CheckpointError(
            "this is not what change detection keeps", str(path), "move the file away"
        )
    seal, text = content[-_TOLD_BYTES - 16 : -_TOLD_BYTES], content[-_TOLD_BYTES:]
    if len(content) < HEADER_BYTES or seal != xxhash.xxh3_128_digest(text):
        raise damaged(path)
    told = json.loads(text)
    if told["format"] != FORMAT:
        raise CheckpointError(
            f"what is known of earlier runs was written by another version of backfill"
            f" (format {told['format']}, here {FORMAT})",
            str(path),
            "go on with that version, or move the file away: the next run sends everything",
        )
    return Header(told["belongs"], told["count"], told["seal"])


def damaged(path: Path) -> CheckpointError:
    """A file that is not as it was written."""
    return storing.damaged(path, KNOWN)


def mapped(path: Path) -> AbstractContextManager[None]:
    """As `storing`, of what is known."""
    return storing.storing(path, KNOWN)
