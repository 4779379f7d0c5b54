from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.verdict import (
    REASON_CHARACTERS_MAX,
    RETRY_AFTER_S_MAX,
    Accepted,
    Fatal,
    PartlyRejected,
    Refused,
    Reply,
    Retry,
    judge,
    retry_after_s,
)

NOW_S = 1_800_000_000.0


def verdict(status: int, body: bytes = b"{}", **rest: str) -> object:
    return judge(Reply(status, body, **rest), 3, NOW_S)


def errors(*entries: dict[str, object]) -> bytes:
    return json.dumps({"errors": entries}).encode()


@pytest.mark.parametrize("body", [b"", b"{}", b"{}\n", b" {} ", b'{"errors": []}'])
def test_a_200_without_errors_accepts_everything(body):
    assert verdict(200, body) == Accepted()


@pytest.mark.parametrize("status", [200, 207])
def test_a_list_of_errors_rejects_just_the_operations_it_names(status):
    told = {"reason": "invalid", "field": "attributes.a", "message": "too long"}
    found = verdict(status, errors({"batch_index": 1, **told}))

    assert found == PartlyRejected({1: "invalid attributes.a: too long"})


def test_an_operation_listed_twice_keeps_both_reasons():
    found = verdict(
        207, errors({"batch_index": 0, "reason": "a"}, {"batch_index": 0, "message": "b"})
    )

    assert found == PartlyRejected({0: "a; b"})


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (207, b""),
        (207, b"{}"),
        (207, b'{"errors": "some"}'),
        (207, b"<html>proxy</html>"),
        (207, errors({"batch_index": 3})),
        (207, errors({"batch_index": -1})),
        (207, errors({"batch_index": "1"})),
        (207, errors({"batch_index": True})),
        (207, errors({"reason": "no index"})),
        (207, errors({"batch_index": 0}, {"batch_index": 9})),
        (207, b'{"errors": [{"batch_index": 1, "reason": "cut o'),
        (200, b"<html>proxy</html>"),
        (200, b"[]"),
        (200, b"null"),
        (200, b"OK"),
        (200, b'{"ok": true}'),
        (200, b'{"meta": {"error": "not found"}}'),
        (200, b'{"errors": [], "data": null}'),
        (200, b'{"batch": []}'),
        (207, b'{"errors": [{"batch_index": 1, "reason": "\xff"}]}'),
        (200, errors({"batch_index": 3})),
    ],
)
def test_an_answer_that_cannot_be_understood_is_fatal_and_says_nothing_counts(status, body):
    found = verdict(status, body)

    assert isinstance(found, Fatal)
    assert "none of the batch is counted as delivered" in found.what


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_refused_as_a_whole_is_refused_whatever_its_body(status):
    for body in (b"", b"<html>", b"\xff\xfe", b'{"errors": 7}', b"[]"):
        assert isinstance(verdict(status, body), Refused)


def test_a_refusal_keeps_the_apis_words_for_the_reject_and_its_codes_for_messages():
    told = {"reason": "invalid", "field": "body", "message": "must be valid JSON"}

    found = verdict(400, errors(told))

    assert found == Refused("400; invalid body", "invalid body: must be valid JSON")


def test_free_text_of_a_refusal_never_reaches_a_message():
    found = verdict(400, b"no good: ada@example.com")

    assert found == Refused("400", "no good: ada@example.com")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 522, 599])
def test_what_may_pass_is_retried(status):
    assert isinstance(verdict(status, b"<html>"), Retry)


def test_a_broken_connection_is_retried_and_says_what_broke():
    assert verdict(0, failure="the connection broke") == Retry("the connection broke")


@pytest.mark.parametrize(
    ("status", "is_for_all"), [(429, True), (503, True), (500, False), (408, False)]
)
def test_429_and_503_hold_everybody_up(status, is_for_all):
    found = verdict(status, retry_after="2")

    assert found == Retry(f"the API answered {status}", 2.0, is_for_all)


@pytest.mark.parametrize(
    "status", [100, 201, 202, 204, 301, 302, 304, 401, 403, 404, 405, 451, 600]
)
def test_anything_else_is_fatal_and_says_what_to_check(status):
    found = verdict(status)

    assert isinstance(found, Fatal)
    assert str(status) in found.what
    assert "check" in found.fix


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        (" ", 0.0),
        ("7", 7.0),
        (" 0.25 ", 0.25),
        ("0", 0.0),
        ("-5", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("1e9", 0.0),
        ("soon", 0.0),
        ("999999", RETRY_AFTER_S_MAX),
        ("9" * 400, RETRY_AFTER_S_MAX),
        ("Fri, 15 Jan 2027 08:00:10 GMT", 10.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 2077 08:00:00 GMT", RETRY_AFTER_S_MAX),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date_and_bounded(header, seconds):
    assert retry_after_s(header, NOW_S) == seconds


@given(header=st.text(max_size=60))
def test_no_retry_after_makes_us_fail_or_wait_too_long(header):
    assert 0 <= retry_after_s(header, NOW_S) <= RETRY_AFTER_S_MAX


@given(status=st.integers(100, 999), body=st.binary(max_size=200), operations=st.integers(1, 9))
def test_every_reply_has_a_verdict_and_foreign_text_is_one_short_printable_line(
    status, body, operations
):
    found = judge(Reply(status, body), operations, NOW_S)

    texts = [found.reason] if isinstance(found, Refused) else []
    texts += found.reasons.values() if isinstance(found, PartlyRejected) else []
    assert all(t and t.isprintable() and len(t) <= REASON_CHARACTERS_MAX for t in texts)


@given(message=st.text(min_size=1, max_size=3000))
def test_a_reason_is_one_short_printable_line(message):
    found = verdict(207, errors({"batch_index": 0, "message": message}))

    assert isinstance(found, PartlyRejected)
    assert len(found.reasons[0]) <= REASON_CHARACTERS_MAX
    assert found.reasons[0].isprintable()
