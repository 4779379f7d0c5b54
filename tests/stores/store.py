"""An S3 on this machine, and what the environment says of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "exports"
SECRET = "secret-nobody-may-see"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIANOBODYMAYSEE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",  # nothing leaves this machine
}


@dataclass
class Store:
    """A store with one bucket. asked: method and query of each request of a reader."""

    address: str
    client: Any = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body)

    def put_folder(self, folder: Path) -> None:
        """Write every file below a folder as an object."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(path.relative_to(folder).as_posix(), path.read_bytes())

    def remove(self, key: str) -> None:
        """Remove an object."""
        self.client.delete_object(Bucket=BUCKET, Key=key)

    def count(self, method: str) -> int:
        """How many requests of a kind there were."""
        return sum(asked[0] == method for asked in self.asked)


def uri(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@contextmanager
def storing() -> Iterator[Store]:
    """Serve on a free port of this machine until the context ends."""
    store = Store("")
    serves: Callable[..., Any] = DomainDispatcherApplication(create_backend_app)

    def app(environ: dict[str, Any], start: Any) -> Any:
        if "Boto3" not in environ.get("HTTP_USER_AGENT", ""):
            store.asked.append((environ["REQUEST_METHOD"], environ["QUERY_STRING"]))
        return serves(environ, start)

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True
    store.address = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        httpx.post(f"{store.address}/moto-api/reset", trust_env=False)
        store.client = boto3.client(
            "s3",
            endpoint_url=store.address,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        store.client.create_bucket(Bucket=BUCKET)
        store.asked.clear()
        yield store
        store.client.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def here(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Let this process, and the commands it starts, read from a store at an address."""
    for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": address}).items():
        monkeypatch.setenv(name, value)
