"""Says, once in a while, that the API is waited for, and when it is back. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from backfill.courier import RequestLog
from backfill.remarks import Remark

#: Seconds between two words on what is waited for: ten on an outage of ten minutes.
SAY_EVERY_S = 60.0

#: How long nothing gets through before it is said, in seconds: single failures are nobody's worry.
QUIET_S = 10.0


@dataclass(slots=True)
class Outage:
    """Whether anything gets through.

    address: where to; give_up_after_s: for how long it is tried.
    """

    address: str
    give_up_after_s: float
    quiet_s: float = QUIET_S
    _since_s: float | None = None
    _said_s: float | None = None

    def heard(self, now_s: float, log: RequestLog) -> Remark | None:
        """What to say once a request has ended; one that was abandoned tells nothing."""
        if log.failure:
            return self.failed(now_s, log.failure)
        return self.worked(now_s) if log.status else None

    def failed(self, now_s: float, what: str) -> Remark | None:
        """A request failed for that reason; returns what to say, if it is time to."""
        if self._since_s is None:
            self._since_s = now_s
        due_s = self._since_s + self.quiet_s if self._said_s is None else self._said_s + SAY_EVERY_S
        if now_s < due_s:
            return None
        self._said_s = now_s
        left_s = max(0.0, self._since_s + self.give_up_after_s - now_s)
        words = f"waiting for {self.address}: {what}; asked again for up to {left_s:,.0f} s more"
        return Remark(words, "api_unreachable", "warning")

    def worked(self, now_s: float) -> Remark | None:
        """A request was answered; returns what to say, if people know of an outage."""
        since_s, said_s = self._since_s, self._said_s
        self._since_s = self._said_s = None
        if since_s is None or said_s is None:
            return None
        words = f"{self.address} answers again after {now_s - since_s:,.0f} s"
        return Remark(words, "api_answers_again")
