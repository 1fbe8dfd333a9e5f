"""Checks of the network: proxies, the host's name, the connection, the certificate."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ..core.translatable import _
from ..service.certificates import BUNDLES, trusted
from .findings import Case, Dead, Finding, fine, note, problem

__all__ = ["certificate", "connection", "name", "proxies"]

PORTS = {"http": 80, "https": 443}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
DAY = 86_400
SOON = 14


def proxies(case: Case) -> Iterator[Finding]:
    """Which proxy the environment (or the system) names, and whether it is used for this endpoint."""
    parts = urlsplit(case.endpoint.base_url)
    found = {scheme: _without_password(url) for scheme, url in getproxies().items() if scheme != "no"}
    bundle = next((name for name in BUNDLES if os.environ.get(name)), None)
    if bundle:
        yield note(
            "CA bundle",
            _("{path} ({variable})", path=os.environ[bundle], variable=bundle),
            variable=bundle,
            place=os.environ[bundle],
        )
    if not found:
        yield fine("proxy", _("none in the environment"), proxies={})
        return
    host = parts.hostname or ""
    direct = host in LOOPBACK or bool(proxy_bypass(parts.netloc))
    case.proxy = None if direct else getproxies().get(parts.scheme) or getproxies().get("all")
    named = ", ".join(f"{scheme}: {url}" for scheme, url in found.items())
    used = _("goes through {proxy}", proxy=_without_password(case.proxy)) if case.proxy else _("goes there directly")
    yield note(
        "proxy", _("{named}; {host} {used}", named=named, host=host, used=used), proxies=found, used=bool(case.proxy)
    )


def _without_password(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _target(case: Case) -> tuple[str, int]:
    """The host and port that this machine connects to."""
    url = case.proxy or case.endpoint.base_url
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)


def name(case: Case) -> Iterator[Finding]:
    """Whether the host's name resolves, and its addresses."""
    host, port = _target(case)
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield problem(
            "DNS",
            _("{host} is not known here ({reason})", host=host, reason=error.strerror or error),
            _("Check the network and the endpoint's name."),
        )
        raise Dead from error
    seconds = time.monotonic() - began
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    shown = ", ".join(addresses[:3])
    if host.endswith(".aliyuncs.com") and all(ipaddress.ip_address(a.split("%")[0]).is_private for a in addresses):
        yield note(
            "DNS",
            _("{host} is {shown}: a private address", host=host, shown=shown),
            _("Something in this network answers for the service."),
        )
    else:
        yield fine(
            "DNS",
            _("{host} is {shown} ({seconds:.0f} ms)", host=host, shown=shown, seconds=seconds * 1000),
            addresses=addresses,
            seconds=seconds,
        )


def connection(case: Case) -> Iterator[Finding]:
    """Whether a server accepts connections."""
    host, port = _target(case)
    began = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=case.timeouts.connect).close()
    except OSError as error:
        what = _("the proxy") if case.proxy else host
        reason = _("no answer") if isinstance(error, TimeoutError) else error.strerror or str(error)
        remedy = _("Check the network and its firewall.")
        if case.proxy:
            remedy = _("Check the proxy variables, and that the proxy is up.")
        elif host in LOOPBACK:
            remedy = _("Is the server running, and on this port?")
        yield problem(
            "TCP", _("no connection to {what} on port {port} ({reason})", what=what, port=port, reason=reason), remedy
        )
        raise Dead from error
    seconds = time.monotonic() - began
    yield fine(
        "TCP",
        _("connected to {host} on port {port} ({seconds:.0f} ms)", host=host, port=port, seconds=seconds * 1000),
        seconds=seconds,
    )


def certificate(case: Case) -> Iterator[Finding]:
    """Whether the server's certificate is valid."""
    parts = urlsplit(case.endpoint.base_url)
    if parts.scheme != "https":
        if case.key is not None and parts.hostname not in LOOPBACK:
            yield note(
                "TLS", _("none: the key travels in the clear"), _("Use https where the network is not your own.")
            )
        return
    if case.proxy:
        yield note("TLS", _("not looked at: it goes through the proxy"))
        return
    host, port = _target(case)
    try:
        with (
            socket.create_connection((host, port), timeout=case.timeouts.connect) as raw,
            trusted().wrap_socket(raw, server_hostname=host) as secured,
        ):
            yield _verified(secured)
    except ssl.SSLCertVerificationError as error:
        yield problem(
            "TLS",
            _(
                "the certificate of {host} is not good: {verify_message}",
                host=host,
                verify_message=error.verify_message,
            ),
            _advice(error),
        )
        raise Dead from error
    except OSError as error:
        yield problem(
            "TLS",
            _("{host} does not speak TLS as expected ({error})", host=host, error=error),
            _("Is it https, and is this the right port?"),
        )
        raise Dead from error


def _verified(secured: ssl.SSLSocket) -> Finding:
    found = secured.getpeercert() or {}
    issuer = dict(pair[0] for pair in found.get("issuer", ()) if pair)  # type: ignore[misc]  # ssl's own odd shape
    by = issuer.get("organizationName") or issuer.get("commonName") or _("somebody")
    days = (ssl.cert_time_to_seconds(str(found["notAfter"])) - time.time()) / DAY
    text = _("{version}, certified by {by}, for {days:.0f} more days", version=secured.version(), by=by, days=days)
    facts = {"version": secured.version(), "issuer": by, "days": round(days)}
    return fine("TLS", text, **facts) if days > SOON else note("TLS", text, _("It runs out soon."), **facts)


def _advice(error: ssl.SSLCertVerificationError) -> str:
    """The remedy for an error of OpenSSL."""
    words = error.verify_message.lower()
    if "expired" in words or "not yet valid" in words:
        return _("Check this machine's clock first; else the other side has to renew it.")
    if "mismatch" in words or "not valid for" in words:
        return _("Check the endpoint's name: this is another host's certificate.")
    return _("Behind a company's proxy, set SSL_CERT_FILE to its CA bundle.")
