"""Stages that work at the same time: each makes the next item while the one before it is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

Item = TypeVar("Item")


async def ahead(items: AsyncGenerator[Item]) -> AsyncGenerator[Item]:
    """The same items, none of them None; one is made ahead. Closes `items`."""
    async with aclosing(items):
        following = asyncio.ensure_future(anext(items, None))
        try:
            while (found := await following) is not None:
                following = asyncio.ensure_future(anext(items, None))
                yield found
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
