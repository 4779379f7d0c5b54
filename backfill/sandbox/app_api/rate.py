"""The App API's own limit: so many requests in any second, over all its calls."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Window:
    """An exact sliding window of one second.

    most: requests that are let in within any second; None: all. [app api: 10 a second, over it
    429; that it is counted by workspace, and refused requests do not count, is our choice]
    """

    most: int | None
    admitted: deque[float] = field(default_factory=deque)

    def admits(self, now_s: float) -> bool:
        """Whether a request of this moment is let in; moments never go back."""
        if self.most is None:
            return True
        while self.admitted and self.admitted[0] <= now_s - 1:
            self.admitted.popleft()
        if len(self.admitted) >= self.most:
            return False
        self.admitted.append(now_s)
        return True
