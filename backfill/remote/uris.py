"""What a URI of an object may look like, and what is said of one that may not be so.

Rules: SCHEME://BUCKET/KEY, taken as it stands: nothing in a key is escaped, and `?` is a character
of globs, not the start of a query. What may be a secret is never quoted.
"""

from __future__ import annotations

import re

from backfill.errors import MappingError
from backfill.remote.path import RemotePath

#: A scheme of one letter is a drive of Windows.
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)

#: By scheme: what its keys lie in, and where its credentials are named.
_STORES = {
    "s3": ("bucket", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    "gs": ("bucket", "GOOGLE_APPLICATION_CREDENTIALS"),
    "az": ("container", "AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY"),
}
#: How others spell them.
_OTHER_NAMES = {
    **dict.fromkeys(("s3a", "s3n"), "s3"),
    **dict.fromkeys(("gcs", "gcsfs"), "gs"),
    **dict.fromkeys(("abfs", "abfss", "adl", "azure", "wasb", "wasbs"), "az"),
}
_FORMS = "s3://BUCKET/KEY, gs://BUCKET/KEY or az://CONTAINER/KEY"

#: Parameters of pyarrow's URIs and of signed URLs.
_SECRETS = re.compile(
    r"[?&](access_key|secret_key|session_token|sig|signature|awsaccesskeyid|x-amz-\w+|x-goog-\w+)=",
    re.IGNORECASE,
)


def is_uri(text: str) -> bool:
    """Whether a source is named by a URI, of whatever scheme."""
    return _URI.match(text) is not None


def refusal(text: str) -> tuple[str, str] | None:
    """What is wrong with a URI of a source, and what to do about it; None: nothing."""
    found = _URI.match(text)
    assert found
    scheme, rest = found[1].lower(), found[2]
    if scheme not in _STORES:
        return _unknown(scheme)
    noun, variables = _STORES[scheme]
    form = f"{scheme}://{noun.upper()}/KEY"
    bucket, _, key = rest.partition("/")
    # A secret may have a "/" in it, and the "@" be taken for a part of the key.
    if "@" in bucket or ":" in bucket or _SECRETS.search(rest):
        what = f"the {scheme}:// URI carries credentials or an account"
        return what, f"write {form}, and put them in the environment: {variables}"
    if not bucket:
        return f"the {scheme}:// URI names no {noun}", f"write {form}"
    if any(character in bucket for character in "*?[]"):
        return f"a {noun} is not named by a pattern", f"write {form}; KEY may be a glob"
    if not key.strip("/"):
        fix = f"write {form}: an object, a folder or a glob, as {scheme}://{bucket}/*.csv"
        return f"the {scheme}:// URI names no key", fix
    if key.startswith("/") or "//" in key:
        return "a key with an empty part ('//') is not read", "write one '/', or rename the objects"
    return None


def _unknown(scheme: str) -> tuple[str, str]:
    if scheme in _OTHER_NAMES:
        right = _OTHER_NAMES[scheme]
        named = f"{right}://{_STORES[right][0].upper()}/KEY"
        account = ", and the account in AZURE_STORAGE_ACCOUNT" if right == "az" else ""
        return f"sources are not named by {scheme}://", f"write {named}{account}"
    if scheme == "file":
        return "sources are not named by file://", "write the path alone"
    return f"sources are not read from {scheme}://", f"copy the file here, or to {_FORMS}"


def remote_path(text: str, where: str) -> RemotePath:
    """What a URI names, a "/" at its end left out; MappingError where it may not be so."""
    if problem := refusal(text):
        raise MappingError(problem[0], where, problem[1])
    found = _URI.match(text)
    assert found
    bucket, _, key = found[2].partition("/")
    return RemotePath(found[1].lower(), bucket, key.rstrip("/"))
