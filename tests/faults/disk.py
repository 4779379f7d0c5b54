"""A disk of a few kilobytes that a test fills, frees and makes read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

#: Room for a checkpoint with its log and some rejects; SQLite's shared memory alone takes 32 KiB.
SIZE_BYTES = 1 << 20


class Disk:
    """A file system in memory, mounted where only `inside` commands see it.

    folder: where those see it. seen: the same from here.
    """

    def __init__(self, folder: Path, process: int) -> None:
        self.folder = folder
        self.seen = Path(f"/proc/{process}/root{folder}")
        self.inside = ["nsenter", f"--target={process}", "--user", "--mount",
                       "--preserve-credentials", "env", f"--chdir={folder.parent}"]  # fmt: skip

    def fill(self) -> None:
        """Leave no room."""
        ballast = os.open(self.seen / "ballast", os.O_WRONLY | os.O_CREAT)
        with suppress(OSError):
            while True:
                os.write(ballast, b"x" * 4096)
        os.close(ballast)

    def free(self) -> None:
        """Take away what `fill` left."""
        (self.seen / "ballast").unlink()

    def set_writable(self, is_writable: bool) -> None:
        """Mount it anew."""
        option = "remount,bind,rw" if is_writable else "remount,bind,ro"
        subprocess.run([*self.inside, "mount", "-o", option, str(self.folder)], check=True)


@contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    """A small disk at `folder`, in a mount namespace of its own; it ends with this process.

    Skips the test where the system lets nobody make one.
    """
    folder.mkdir()
    script = f"mount -t tmpfs -o size={SIZE_BYTES} tmpfs '{folder}' && echo mounted && exec cat"
    pipe = subprocess.PIPE
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    try:
        holder = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    except FileNotFoundError:
        pytest.skip("there is no `unshare` to mount a small disk with")
    with holder:
        if holder.stdout.readline() != "mounted\n":
            pytest.skip(f"no small disk can be mounted here: {holder.stderr.read().strip()}")
        try:
            yield Disk(folder, holder.pid)
        finally:
            holder.stdin.close()
