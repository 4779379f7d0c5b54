"""The stores themselves, by pyarrow's file systems: the one place that connects to them.

Facts.  [Apache Arrow 26, cpp/src/arrow/filesystem/s3fs.cc; observed]
- Opening an object is one HEAD, which tells its size and ETag; each `read_at` of it is one GET.
- A listing is a request for a thousand keys and tells of each whether it is an object.
- To tell the size or metadata of an object of gs://, all of it is begun to be fetched; what is read
  of it once it is opened is of one generation.
- `S3FileSystem` does not read AWS_ENDPOINT_URL; a connection is not to be used across a fork.
"""

from __future__ import annotations

import errno
import os
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import xxhash

from backfill.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import fs

Kind = Literal["file", "folder", "nothing"]

#: How often a request is sent at the most, and how long a connection may take. Between them the
#: SDK waits up to 1, 2, 4, … s by chance: a store that refuses connections is given up within 15 s.
_ATTEMPTS = 5
_CONNECT_S = 5.0

#: What decides where a connection goes and as whom, beside the stores' own files.
_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_STORAGE_ACCOUNT",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
)

_connected: dict[tuple[str | int | None, ...], fs.FileSystem] = {}
_connecting = threading.Lock()


class State(NamedTuple):
    """What an object is now, named as of os.stat.

    st_size:     in bytes.
    st_mtime_ns: another number once it was written again. No time but for gs://: the others tell
                 seconds, in which an object may be written twice, and an ETag beside them.
    """

    st_size: int
    st_mtime_ns: int


def kind_of(scheme: str, bucket: str, key: str) -> Kind:
    """What a key stands for; key "": the bucket itself."""
    from pyarrow.fs import FileType

    kinds: dict[Any, Kind] = {FileType.File: "file", FileType.Directory: "folder"}
    found = _store(scheme, bucket).get_file_info(f"{bucket}/{key}".rstrip("/"))
    return kinds.get(found.type, "nothing")


def listed(scheme: str, bucket: str, key: str, is_deep: bool) -> list[tuple[str, Kind]]:
    """Keys below a key, and what they stand for; none where there is nothing."""
    from pyarrow.fs import FileSelector, FileType

    folder = f"{bucket}/{key}".rstrip("/")
    selector = FileSelector(folder, allow_not_found=True, recursive=is_deep)
    return [
        (info.path[len(bucket) + 1 :], "file" if info.type == FileType.File else "folder")
        for info in _store(scheme, bucket).get_file_info(selector)
    ]


def state(scheme: str, bucket: str, key: str) -> State:
    """What an object is now, by one request; FileNotFoundError: there is none."""
    if scheme != "gs":
        with _opened(scheme, bucket, key) as file:
            return _told_by(file)
    from pyarrow.fs import FileType

    info = _store(scheme, bucket).get_file_info(f"{bucket}/{key}")
    if info.type != FileType.File:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return State(info.size, info.mtime_ns)


def opened(scheme: str, bucket: str, key: str) -> tuple[pa.NativeFile, State]:
    """An object, for reads anywhere and by several threads, and what it is; raises as `state`."""
    if scheme == "gs":
        known = state(scheme, bucket, key)
        return _opened(scheme, bucket, key), known
    file = _opened(scheme, bucket, key)
    return file, _told_by(file)


def _opened(scheme: str, bucket: str, key: str) -> pa.NativeFile:
    return _store(scheme, bucket).open_input_file(f"{bucket}/{key}")


def _told_by(file: pa.NativeFile) -> State:
    told = {name.lower(): value for name, value in (file.metadata() or {}).items()}
    version = b"\n".join(told.get(name, b"") for name in ("etag", "last-modified"))
    return State(file.size(), xxhash.xxh3_64_intdigest(version))


def _store(scheme: str, bucket: str) -> fs.FileSystem:
    """The connection to a store, made once by each process and environment."""
    with _connecting:
        key = (os.getpid(), scheme, bucket, *map(os.environ.get, _VARIABLES))
        if key not in _connected:
            _connected[key] = _CONNECT[scheme](bucket)
        return _connected[key]


def _s3(bucket: str) -> fs.FileSystem:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem, resolve_s3_region

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not (endpoint or region):
        region = resolve_s3_region(bucket)
    return S3FileSystem(
        endpoint_override=endpoint or None,
        region=region,
        connect_timeout=_CONNECT_S,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )


def _gs(_bucket: str) -> fs.FileSystem:
    from pyarrow.fs import GcsFileSystem

    return GcsFileSystem(retry_time_limit=timedelta(seconds=15))


def _az(_bucket: str) -> fs.FileSystem:
    from pyarrow.fs import AzureFileSystem

    if not (account := os.environ.get("AZURE_STORAGE_ACCOUNT")):
        fix = "set it to the name of the storage account"
        raise UsageError("az:// needs an account", "AZURE_STORAGE_ACCOUNT", fix)
    # Without a key or a token: DefaultAzureCredential, as AZURE_CLIENT_ID and others say.
    return AzureFileSystem(
        account,
        account_key=os.environ.get("AZURE_STORAGE_KEY") or None,
        sas_token=os.environ.get("AZURE_STORAGE_SAS_TOKEN") or None,
    )


_CONNECT = {"s3": _s3, "gs": _gs, "az": _az}
