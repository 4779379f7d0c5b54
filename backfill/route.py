"""The way out of this machine: the proxy, whose certificates hold, and what breaks on it.

Facts. With a proxy it alone resolves the API's name, and it may refuse to lead there. Rules. What
may pass is words for a retry; what trying again cannot mend is raised. No message repeats the
proxy's address: it may hold a password.
"""

from __future__ import annotations

import socket
import ssl
import urllib.request

import httpx

from backfill.errors import DeliveryError, UsageError
from backfill.loopback import is_loopback
from backfill.verdict import bounded

#: Longest silences, in seconds: until a connection stands, and while sending or waiting for an
#: answer. The vendor's own clients give up after 10 s, on single operations; a batch is 500 KB.
CONNECT_S_MAX = 10.0
SILENCE_S_MAX = 60.0

#: Where a proxy is named, for messages.
PROXIES = "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY in the environment"

_SAME_COMMAND = "then run the same command again: it goes on where it stopped"

#: What to say of a broken exchange; the first that fits.
_FAILURES: tuple[tuple[type[httpx.TransportError], str], ...] = (
    (httpx.ConnectTimeout, f"no connection within {CONNECT_S_MAX:g} s"),
    (httpx.TimeoutException, f"silence for {SILENCE_S_MAX:g} s"),
    (httpx.ConnectError, "the connection cannot be made"),
    (httpx.NetworkError, "the connection broke"),
    (httpx.RemoteProtocolError, "the connection broke, or the answer is not HTTP"),
)


def proxy(url: httpx.URL) -> str | None:
    """The environment's proxy for this address; none for this machine."""
    if is_loopback(url.host) or urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def trust() -> ssl.SSLContext:
    """Whose certificates hold: the authorities that httpx carries, or those of the environment."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # not there, not readable, or no certificates
        raise UsageError(
            "the certificates to trust cannot be read",
            "SSL_CERT_FILE or SSL_CERT_DIR in the environment",
            "let it name a PEM file (or a folder of them) with certificates, or unset it",
        ) from error


def failure(error: httpx.TransportError, url: httpx.URL) -> str:
    """What broke on the way to `url`, for people.

    Raises DeliveryError where trying again cannot help: a certificate that does not hold, a proxy
    that refuses.
    """
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise _distrusted(cause, url) from error
    if isinstance(error, httpx.ProxyError):
        return _unopened(error, url.host)
    through = " through the proxy of the environment" if proxy(url) else ""
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        name = "the proxy's host name" if through else f"the host name {url.host}"
        return f"{name} cannot be resolved"
    text = next((text for kind, text in _FAILURES if isinstance(error, kind)), "it broke")
    return text + through


def _distrusted(cause: ssl.SSLCertVerificationError, url: httpx.URL) -> DeliveryError:
    """The error of a certificate that does not hold, in OpenSSL's words."""
    return DeliveryError(
        f"the server's certificate does not hold: {bounded(cause.verify_message).rstrip('.')}",
        str(url).rstrip("/"),
        "check the address and this machine's clock, or, behind a proxy that opens TLS, let"
        f" SSL_CERT_FILE name its certificate authority; {_SAME_COMMAND}",
    )


def _unopened(error: httpx.ProxyError, host: str) -> str:
    """What a proxy says that opens no way to the host; raises as `failure`.

    The error's text begins with the status.  [observed: httpcore 1.0.9]
    """
    status = str(error)[:3]
    if not status.isdecimal():
        return "the proxy opens no way"
    if status == "407":  # Proxy Authentication Required  [RFC 9110, 15.5.8]
        raise DeliveryError(
            "the proxy wants a user name and a password, or other ones (407)",
            PROXIES,
            "write it as http://USER:PASSWORD@HOST:PORT, special characters as %XX;"
            f" {_SAME_COMMAND}",
        ) from error
    if status.startswith("4") and status not in ("408", "429"):
        raise DeliveryError(
            f"the proxy lets no request to {host} through ({status})",
            PROXIES,
            "have the host allowed at the proxy, or let NO_PROXY name it if there is another way;"
            f" {_SAME_COMMAND}",
        ) from error
    return f"the proxy answered {status}"


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what led to it."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found
