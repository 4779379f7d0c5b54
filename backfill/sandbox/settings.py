"""What a sandbox is told about itself: where it keeps its workspace, and how it behaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from backfill.errors import UsageError
from backfill.sandbox.faults.kinds import AnyFault

#: Takes one operation of a v2 request, gives the message to refuse it with, or None to take it.
Refuse = Callable[[dict[str, Any]], str | None]

#: What each credential is if nobody set it.
DEFAULT_CREDENTIAL: Final = "sandbox"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the API does where nothing documents it; the defaults are the safe choices.

    creates_unknown:    an event, device or relationship makes the person or object it names.
    empty_removes:      "" removes a person's attribute, as it does an object's.
    takes_undocumented: takes shapes that clients send and the vendor's document has not: a number
                        as object_type_id, device attributes that are no text.
    hides_old:          activities of more than 30 days are not read back.
    kilobyte:           how many bytes make one of the kilobytes of a documented limit.
    oversized:          status for a body over its limit.
    redirect:           status of the other region's host for an EU workspace.
    """

    creates_unknown: bool = True
    empty_removes: bool = False
    takes_undocumented: bool = False
    hides_old: bool = False
    kilobyte: Literal[1000, 1024] = 1000
    oversized: Literal[400, 413] = 413
    redirect: Literal[301, 302, 307, 308] = 307


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A workspace, who may enter, and how it behaves.

    state:          its file, made if it is not there; None: a file that is gone with the server.
    requests_per_s: of the Track API, over all its calls; None: no limit.
    seed:           of what faults leave to chance.
    """

    state: Path | None
    site_id: str = field(default=DEFAULT_CREDENTIAL, repr=False)
    api_key: str = field(default=DEFAULT_CREDENTIAL, repr=False)
    app_api_key: str = field(default=DEFAULT_CREDENTIAL, repr=False)
    region: Literal["us", "eu"] = "us"
    behaviour: Behaviour = Behaviour()
    #: Of the App API, over all its calls; None: no limit.  [app api: 10 a second]
    app_requests_per_s: int | None = 10
    requests_per_s: int | None = None
    seed: int = 0
    faults: tuple[AnyFault, ...] = ()
    refuse: Refuse | None = None


def unopened(state: Path, error: OSError) -> UsageError:
    """A file that the system does not let us open or make."""
    problem = f"the sandbox's state cannot be opened: {error.strerror}"
    return UsageError(problem, str(state), "give a file in a folder you can write to")
