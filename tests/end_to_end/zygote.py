"""Processes of the command that are copies of one which has imported it: as real, begun at once.

Most of a short command is imports; a suite that begins a thousand would spend half its time there.
Tests of how a process starts, and of what it is started by, begin one of their own.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]

#: Orphans become ours, so that they can be waited for.  [prctl(2)]
_PR_SET_CHILD_SUBREAPER = 36
_MESSAGE_BYTES = 1 << 17


class Copy(subprocess.Popen[str]):
    """As of Popen, on Linux alone, of `[sys.executable, "-m", "backfill", ARGUMENT, …]`."""

    def _execute_child(  # type: ignore[override]
        self,
        args: list[str],
        _executable: object,
        _preexec: object,
        _close: object,
        _pass: object,
        cwd: Path | None,
        env: Mapping[str, str],
        _startup: object,
        _flags: object,
        _shell: object,
        *more: Any,
    ) -> None:
        pipes = more[:6]
        fds = [own if fd == -1 else fd for own, fd in enumerate((pipes[0], pipes[3], pipes[5]))]
        request = {"arguments": args[3:], "cwd": str(cwd or Path.cwd()), "environ": dict(env)}
        self.pid = _zygote().ask(request, fds)
        self._child_created = True
        self._close_pipe_fds(*pipes)


class _Zygote:
    """The process that is copied."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asking = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.end_to_end.zygote", str(theirs.fileno())],
                cwd=CHECKOUT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )
        atexit.register(self._end)

    def ask(self, request: dict[str, Any], fds: list[int]) -> int:
        """Begin a copy; returns its number."""
        with self._asking:
            socket.send_fds(self._ours, [json.dumps(request).encode()], fds)
            return int(self._ours.recv(16))

    def _end(self) -> None:
        self._ours.close()
        self._process.wait()


@cache
def _zygote() -> _Zygote:
    return _Zygote()


def _serve(server: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return in each copy, with what it is to do; end the process when nobody can ask any more."""
    while True:
        message, fds, _, _ = socket.recv_fds(server, _MESSAGE_BYTES, 3)
        if not message:
            sys.exit()
        ours, theirs = os.pipe()
        if (parent := os.fork()) == 0:
            if (child := os.fork()) == 0:
                server.close()
                os.close(ours)
                os.close(theirs)
                return json.loads(message), fds
            os.write(theirs, str(child).encode())
            os._exit(0)
        os.waitpid(parent, 0)  # from now on it is the child of who asked
        server.send(os.read(ours, 16))
        for fd in (ours, theirs, *fds):
            os.close(fd)


def _import_all() -> None:
    from backfill.process import settle

    settle()
    package = importlib.import_module("backfill")
    for module in pkgutil.walk_packages(package.__path__, "backfill."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()


def _become(request: dict[str, Any], fds: list[int]) -> None:
    for own, fd in enumerate(fds):
        os.dup2(fd, own)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    sys.path[0] = request["cwd"]
    sys.argv[1:] = request["arguments"]


if __name__ == "__main__":
    _import_all()
    _become(*_serve(socket.socket(fileno=int(sys.argv[1]))))
    runpy.run_module("backfill", run_name="__main__", alter_sys=True)
