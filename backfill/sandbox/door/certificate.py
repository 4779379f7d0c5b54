"""The certificate for https: made here, kept beside the workspace, trusted by who is told to.

The authority's own key is never written, so nothing can be signed in its name once it is made.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from backfill.errors import UsageError


def authority(state: Path) -> Path:
    """The file with the authority's certificate, which clients are to trust: PEM, public."""
    return state.with_name(state.name + ".ca.pem")


def chain(state: Path, names: Sequence[str]) -> Path:
    """The server's key and certificates, one PEM file for its owner only.

    names: host names and addresses that clients call it by.
    Taken from the last time as long as they hold and cover every name, so that clients go on
    trusting them; else made anew, with a new authority.
    Raises UsageError: the extra `tls` is not installed, a name is none that a certificate can
    have, or the files cannot be written.
    """
    try:
        import trustme
    except ImportError as error:
        what = "a certificate cannot be made: the package trustme is not installed"
        raise UsageError(what, "--tls", "pip install 'backfill[tls]'") from error
    kept = state.with_name(state.name + ".tls.pem")
    if _is_usable(kept, authority(state), names):
        return kept
    made = trustme.CA(organization_name="backfill sandbox")
    try:
        served = made.issue_cert(*names).private_key_and_cert_chain_pem.bytes()
        _write(kept, served, 0o600)
        _write(authority(state), made.cert_pem.bytes(), 0o644)
    except ValueError as error:  # an underscore, say
        what = "no certificate can be made for a host of this name"
        raise UsageError(what, ", ".join(names), "give an address instead") from error
    except OSError as error:
        what = f"the certificate cannot be written: {error.strerror}"
        fix = "give a --state in a folder you can write to"
        raise UsageError(what, str(state.parent), fix) from error
    return kept


def _is_usable(kept: Path, trusted: Path, names: Sequence[str]) -> bool:
    """Whether the certificate holds now, has all names and is signed by that authority."""
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        text = kept.read_bytes()
        leaf = x509.load_pem_x509_certificate(text)
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(trusted.read_bytes()))
        is_pair = load_pem_private_key(text, None).public_key() == leaf.public_key()
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, TypeError, exceptions.InvalidSignature, x509.ExtensionNotFound):
        return False
    covered = {str(name.value) for name in extension.value}
    is_current = leaf.not_valid_before_utc <= datetime.now(UTC) < leaf.not_valid_after_utc
    return is_pair and is_current and covered.issuperset(map(_written, names))


def _written(name: str) -> str:
    """A name as certificates write it: an IPv6 address in its short form."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file at once, so that no other process reads half of it."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.write(content)
    fresh.replace(path)
