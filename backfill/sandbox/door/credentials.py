"""Who may enter: Basic for the Track API, Bearer for the App API, compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac

from backfill.sandbox.settings import Sandbox


def has_track_key(sandbox: Sandbox, header: str) -> bool:
    """Whether these are the site id and key, in either alphabet of base64.

    The vendor's Go client sends the URL-safe one.  [observed]
    """
    scheme, _, token = header.partition(" ")
    try:
        given = base64.b64decode(token.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return False
    wanted = f"{sandbox.site_id}:{sandbox.api_key}".encode()
    return hmac.compare_digest(given, wanted) and scheme.lower() == "basic"


def has_app_key(sandbox: Sandbox, header: str) -> bool:
    """Whether this is the App API key."""
    scheme, _, token = header.partition(" ")
    is_key = hmac.compare_digest(token.strip().encode(), sandbox.app_api_key.encode())
    return is_key and scheme.lower() == "bearer"
