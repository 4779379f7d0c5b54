"""What a store answers when it does not answer with an object, in our words.

Its own words are never repeated: they may hold keys, signed URLs and XML.
"""

from __future__ import annotations

import re

#: By scheme: what names the credentials, and what the endpoint.
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY (or AZURE_STORAGE_SAS_TOKEN)",
}
_ENDPOINTS = {"s3": "AWS_ENDPOINT_URL and AWS_REGION", "az": "AZURE_STORAGE_ACCOUNT"}

_AGAIN = "and run the same command again"

#: What stands in the words of pyarrow and the stores' SDKs only.
_OF_A_STORE = re.compile(r"AWS Error|curlCode|google::cloud|gcs|Azure|region|bucket", re.IGNORECASE)
_REGION = re.compile(r"located in '([a-z0-9-]{1,40})'|region is '([a-z0-9-]{1,40})' for the bucket")
_NO_BUCKET = re.compile(r"NO_SUCH_BUCKET|Bucket '.*' not found|ContainerNotFound")
_NO_OBJECT = re.compile(r"NO_SUCH_KEY|RESOURCE_NOT_FOUND|BlobNotFound")
_DENIED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN_ID"
    r"|UNRECOGNIZED_CLIENT|EXPIRED|ExpiredToken|InvalidToken|HTTP status 40[013]|Permission denied"
    r"|Unauthenticated|UNAUTHENTICATED|PERMISSION_DENIED|AuthenticationFailed|Forbidden"
    r"|AuthorizationFailure|credential",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"SLOW_DOWN|SERVICE_UNAVAILABLE|INTERNAL_FAILURE|THROTTLING|HTTP status 5\d\d"
    r"|http_status_code=(429|5\d\d)"
)
_CUT_OFF = re.compile(
    r"NETWORK_CONNECTION|REQUEST_TIMEOUT|curlCode|timed? ?out|Could not|UNAVAILABLE", re.IGNORECASE
)


def store_failure(error: Exception, scheme: str) -> tuple[str, str] | None:
    """What a store did not do, and what to do about it; None: the error is not of a store."""
    text = str(error)
    if not _OF_A_STORE.search(text):
        return None
    # Before that stands the key, which may say anything.
    text = text.partition("AWS Error")[2] or text
    credentials = f"see that {_CREDENTIALS.get(scheme, 'the credentials')} are set and may read it"
    if found := _REGION.search(text):
        return "the bucket is in another region", f"set AWS_REGION={found[1] or found[2]} {_AGAIN}"
    if "HTTP status 301" in text:
        return "the bucket is in another region", f"set AWS_REGION to the bucket's {_AGAIN}"
    if _NO_BUCKET.search(text):
        return "there is no such bucket", "mend the URI"
    if _NO_OBJECT.search(text):
        return "the file is not there", f"put it back {_AGAIN}, or mend `source`"
    if _BUSY.search(text):
        return "the store is busy or broken", f"wait {_AGAIN}"
    if _CUT_OFF.search(text):
        named = _ENDPOINTS.get(scheme, "the network")
        return "the store cannot be reached, or cut the connection", f"see to {named}, {_AGAIN}"
    if _DENIED.search(text):
        what = "the store does not let us read it, or see whether it is there"
        return what, f"{credentials} {_AGAIN}"
    return "the store gave an error", f"{credentials}, {_AGAIN}"
