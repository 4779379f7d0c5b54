"""A limit of requests in any one second, exact."""

from __future__ import annotations

from collections import deque


class Window:
    """A sliding window of one second. What it refuses does not count.

    most: requests that are let in within any second; None: all.
    """

    def __init__(self, most: int | None) -> None:
        self.most = most
        self._admitted: deque[float] = deque()

    def admits(self, now_s: float) -> bool:
        """Whether a request of this moment is let in; moments never go back."""
        if self.most is None:
            return True
        while self._admitted and self._admitted[0] <= now_s - 1:
            self._admitted.popleft()
        if len(self._admitted) >= self.most:
            return False
        self._admitted.append(now_s)
        return True
