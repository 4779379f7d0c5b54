"""Arrays that grow by millions of values, each of which is held once."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

#: Values of one block: so large that the process gives it back once it is let go.
_BLOCK = 1 << 23


class Growing:
    """An array of one type to which values are added at its end."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._dtype = np.dtype(dtype)
        self._blocks: deque[npt.NDArray[Any]] = deque()
        self._room = 0

    def add(self, values: npt.NDArray[Any]) -> None:
        """Put values behind the others."""
        while len(values):
            if not self._room:
                self._blocks.append(np.empty(_BLOCK, self._dtype))  # takes memory as it fills
                self._room = _BLOCK
            some = values[: self._room]
            at = _BLOCK - self._room
            self._blocks[-1][at : at + len(some)] = some
            self._room -= len(some)
            values = values[len(some) :]

    def taken(self) -> npt.NDArray[Any]:
        """All of them; none is left here."""
        if len(self._blocks) == 1:
            whole = self._blocks.pop()[: _BLOCK - self._room]
        else:
            whole, at = np.empty(len(self._blocks) * _BLOCK - self._room, self._dtype), 0
            while self._blocks:
                block = self._blocks.popleft()[: len(whole) - at]
                whole[at : at + len(block)] = block
                at += len(block)
        self._room = 0
        return whole
