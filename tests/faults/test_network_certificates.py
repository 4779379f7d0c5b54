"""A certificate that does not hold: the server behind it learns nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trustme

from backfill.errors import DeliveryError
from tests.end_to_end.recorder import recording

from .door import door
from .engine import prepared, surround
from .engine import run as run_here
from .https import HOST, outside, tls, trusted

TRACK = f"https://{HOST}"
OURS = trustme.CA()
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (lambda: tls(OURS, "elsewhere.invalid"), "Hostname mismatch"),
        (lambda: tls(OURS, not_after=YESTERDAY), "expired"),
        (lambda: tls(trustme.CA()), "local issuer"),
    ],
    ids=["another name", "expired", "unknown authority"],
)
def test_a_certificate_that_does_not_hold_stops_the_run_before_the_key_is_sent(
    tmp_path, monkeypatch, shown, why
):
    job = prepared(tmp_path)
    with recording(tls=shown()) as server, door(server.address, is_proxy=True) as proxy:
        surround(monkeypatch, TRACK, outside(TRACK, trusted(OURS, tmp_path), proxy.address))
        with pytest.raises(DeliveryError) as caught:
            run_here(job)

    assert why in caught.value.what
    assert caught.value.where == TRACK
    assert "SSL_CERT_FILE" in caught.value.fix
    assert "run the same command again" in caught.value.fix
    assert caught.value.exit_code == 1
    assert (server.asked, server.posted, len(proxy.asked)) == (0, [], 1)
