"""What a reply means for the batch: the only reader of status codes and reply bodies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from backfill.batches import Batch

#: Longest wait a server may ask of us, in seconds: what the vendor's own Node client honours; an
#: hour sent by mistake would end in the same retry.  [observed: customerio-node 5.2.0]
RETRY_AFTER_S_MAX = 300.0

#: Answers that accept operations of a batch: all of them, or all but those they name.  [spec]
ACCEPTING = (200, 207)

#: What is kept of the API's words on one operation. Its longest known message is 100 characters
#: with a field name of up to 150 bytes; several may be joined.
REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request.

    status:      the HTTP status; 0 where no whole reply came back.
    body:        as received, or its beginning where it was longer than the transport reads.
    retry_after: the header of that name, as received.
    failure:     status 0: what went wrong, for people.
    """

    status: int
    body: bytes = b""
    retry_after: str | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Every operation was taken."""


@dataclass(frozen=True, slots=True)
class PartlyRejected:
    """The listed operations were refused, all others taken.

    reasons: index of the operation in its batch to the API's words.
    """

    reasons: dict[int, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """The request was refused as a whole; nothing was taken.

    what:   for messages: the status, and the API's own codes where it gave any.
    reason: the API's words, for the rejects file; foreign text.
    """

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Nothing is known to be wrong with the batch: send it again.

    what:       what happened, for people. after_s: the least wait the server asks for.
    is_for_all: the server has no room for more: the pause is for every request, not only for this
                one, and so is a slower pace.
    """

    what: str
    after_s: float = 0.0
    is_for_all: bool = False


@dataclass(frozen=True, slots=True)
class Fatal:
    """Not the data's fault and not passing: the run stops. For a BackfillError."""

    what: str
    fix: str


Verdict = Accepted | PartlyRejected | Refused | Retry | Fatal


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """A batch and the final verdict on it.

    rejected: index of the operation in this batch to the API's words; all others were accepted.
    """

    batch: Batch
    rejected: dict[int, str] = field(default_factory=dict)


def judge(reply: Reply, operations: int, now_s: float) -> Verdict:
    """Turn the reply to a batch of so many operations into a verdict.

    now_s: unix seconds, for a Retry-After that is a date.
    """
    match reply.status:
        case 200 | 207:
            return _taken(reply, operations)
        case 400 | 413 | 422:
            return _refused(reply)
        case 0:
            return Retry(reply.failure)
        case 401:
            return Fatal(
                "the API does not accept this site id and key (401)",
                "check CUSTOMERIO_SITE_ID and CUSTOMERIO_API_KEY: one pair, of this workspace",
            )
        case 403:  # a caller that is not on the allow-list  [observed: PostCo/customerio_api]
            return Fatal(
                "the API does not accept calls from here (403)",
                "allow this machine's address in the workspace's settings, and check the key",
            )
        case status if status in (408, 429) or 500 <= status <= 599:
            after_s = retry_after_s(reply.retry_after, now_s)
            return Retry(f"the API answered {status}", after_s, status in (429, 503))
        case status if 300 <= status <= 399:
            return Fatal(
                f"the answer is a redirect that may not be followed ({status})",
                "check the region and CUSTOMERIO_TRACK_URL: redirects go only from"
                " Customer.io to Customer.io, by https",
            )
        case status:
            return Fatal(f"the answer is unexpected ({status})", _IS_THIS_IT)


_IS_THIS_IT = (
    "check that the address is the Track API's and that no proxy answers in its place, then run the"
    " same command again"
)


class _Error(msgspec.Struct):
    """One entry of `errors`. Texts of another type than documented are left out, not fatal."""

    batch_index: int = -1  # absent where the request was refused as a whole
    reason: Any = None
    field: Any = None
    message: Any = None


class _Answer(msgspec.Struct):
    errors: list[_Error] | None = None


class _Taken(_Answer, forbid_unknown_fields=True):
    """A 200: `{}` [spec], or a list of errors [observed: Segment]; nothing else.

    The JSON of another API (`{"status": "error"}`, `{"ok": true}`) says nothing of our operations.
    """


def _taken(reply: Reply, operations: int) -> Verdict:
    """The verdict on a 200 or 207.

    A 200 without a body counts as `{}`, which says no more: servers that only count answer so,
    login pages and other APIs do not.
    """
    if reply.status == 200 and not reply.body.strip():
        return Accepted()
    try:
        wanted = _Taken if reply.status == 200 else _Answer
        errors = msgspec.json.decode(reply.body, type=wanted).errors
    except (msgspec.DecodeError, UnicodeDecodeError):  # the first also stands for a wrong shape
        return _not_understood(reply)
    if errors is None:  # a 207 without a list says that some were refused, but not which
        return Accepted() if reply.status == 200 else _not_understood(reply)
    if not all(0 <= error.batch_index < operations for error in errors):
        return _not_understood(reply)
    reasons: dict[int, list[str]] = {}
    for error in errors:  # one operation may be listed more than once
        reasons.setdefault(error.batch_index, []).append(_reason(error))
    if not reasons:
        return Accepted()
    return PartlyRejected({index: bounded("; ".join(all_)) for index, all_ in reasons.items()})


def _not_understood(reply: Reply) -> Fatal:
    return Fatal(
        f"the answer ({reply.status}, {described(reply.body)}) cannot be understood; none of the"
        " batch is counted as delivered",
        _IS_THIS_IT,
    )


def described(body: bytes) -> str:
    """What a body looks like, for messages; none of its words, for a server may echo ours."""
    size = f"{len(body):,} bytes"
    if not body.strip():
        return "without a body"
    if body.lstrip()[:1] == b"<":
        return f"a page of {size}"
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{size} that are no JSON"
    return f"{size} of JSON"


def _reason(error: _Error) -> str:
    """For instance "invalid attributes.notes: property value cannot be longer than 1000 bytes"."""
    message = error.message if isinstance(error.message, str) else ""
    return ": ".join(t for t in (_codes(error), message) if t) or "no reason given"


def _codes(error: _Error) -> str:
    """For instance "invalid attributes.notes": words of the API alone, no value of a row."""
    return " ".join(t for t in (error.reason, error.field) if isinstance(t, str) and t)


def _refused(reply: Reply) -> Refused:
    """The verdict on a request refused as a whole; its body may be anything."""
    try:
        errors = msgspec.json.decode(reply.body, type=_Answer).errors or []
    except (msgspec.DecodeError, UnicodeDecodeError):
        errors = []
    text = "; ".join(map(_reason, errors))
    if not text:
        text = reply.body[: 4 * REASON_CHARACTERS_MAX].decode(errors="replace")
    what = "; ".join([str(reply.status), *filter(None, map(_codes, errors[:1]))])
    return Refused(bounded(what), bounded(text) or "no reason given")


def bounded(text: str) -> str:
    """Foreign text made fit to be kept and shown: one line, printable, not too long."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * REASON_CHARACTERS_MAX])
    line = " ".join(printable.split())
    return line if len(line) <= REASON_CHARACTERS_MAX else line[: REASON_CHARACTERS_MAX - 1] + "…"


def retry_after_s(header: str | None, now_s: float) -> float:
    """Seconds a Retry-After asks for: a number, also a decimal one, or an HTTP date.

    0 for none, one in the past, and what is neither; never more than RETRY_AFTER_S_MAX.
    [RFC 9110, 10.2.3]
    """
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
        return min(float(text), RETRY_AFTER_S_MAX)
    try:
        asked_s = parsedate_to_datetime(text).timestamp() - now_s
    except (ValueError, TypeError, IndexError, OverflowError):  # the parser's ways to say no
        return 0.0
    return min(max(asked_s, 0.0), RETRY_AFTER_S_MAX)
