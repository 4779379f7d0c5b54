"""The process of a local worker: `python -m backfill.distribute.process SOCKET`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys

from backfill.process import settle


def main(descriptor: int) -> None:
    """Work for whoever holds the other end of a socket, until it is closed.

    Signals to end are the driver's: it lets what is in flight finish.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    settle()
    from backfill.distribute.local import SocketLink
    from backfill.distribute.worker import work

    async def working() -> None:
        await work(await SocketLink.over(socket.socket(fileno=descriptor)))
        os._exit(0)  # at once: nobody is left to hear of what is in flight

    asyncio.run(working())


if __name__ == "__main__":
    main(int(sys.argv[1]))
