"""The way there: proxy variables, the name, the connection, the certificate."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

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
    found = {scheme: without_password(url) for scheme, url in getproxies().items() if scheme != "no"}
    bundle = next((name for name in BUNDLES if os.environ.get(name)), None)
    if bundle:
        yield note("CA bundle", f"{os.environ[bundle]} ({bundle})", variable=bundle, place=os.environ[bundle])
    if not found:
        yield fine("proxy", "none in the environment", proxies={})
        return
    host = parts.hostname or ""
    direct = host in LOOPBACK or bool(proxy_bypass(parts.netloc))
    case.proxy = None if direct else getproxies().get(parts.scheme) or getproxies().get("all")
    named = ", ".join(f"{scheme}: {url}" for scheme, url in found.items())
    used = f"goes through {without_password(case.proxy)}" if case.proxy else "goes there directly"
    yield note("proxy", f"{named}; {host} {used}", proxies=found, used=bool(case.proxy))


def without_password(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def target(case: Case) -> tuple[str, int]:
    """The host and port that this machine connects to."""
    url = case.proxy or case.endpoint.base_url
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return parts.hostname or "", parts.port or PORTS.get(parts.scheme, 80)


def name(case: Case) -> Iterator[Finding]:
    """Whether the name is known, and what it stands for."""
    host, port = target(case)
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        yield problem(
            "DNS", f"{host} is not known here ({error.strerror or error})", "Check the network and the endpoint's name."
        )
        raise Dead from error
    seconds = time.monotonic() - began
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    shown = ", ".join(addresses[:3])
    if host.endswith(".aliyuncs.com") and all(ipaddress.ip_address(a.split("%")[0]).is_private for a in addresses):
        yield note("DNS", f"{host} is {shown}: a private address", "Something in this network answers for the service.")
    else:
        yield fine("DNS", f"{host} is {shown} ({seconds * 1000:.0f} ms)", addresses=addresses, seconds=seconds)


def connection(case: Case) -> Iterator[Finding]:
    """Whether anybody listens there."""
    host, port = target(case)
    began = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=case.timeouts.connect).close()
    except OSError as error:
        what = "the proxy" if case.proxy else host
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        remedy = "Check the network and its firewall."
        if case.proxy:
            remedy = "Check the proxy variables, and that the proxy is up."
        elif host in LOOPBACK:
            remedy = "Is the server running, and on this port?"
        yield problem("TCP", f"no connection to {what} on port {port} ({reason})", remedy)
        raise Dead from error
    seconds = time.monotonic() - began
    yield fine("TCP", f"connected to {host} on port {port} ({seconds * 1000:.0f} ms)", seconds=seconds)


def certificate(case: Case) -> Iterator[Finding]:
    """Whether the other side is who it should be."""
    parts = urlsplit(case.endpoint.base_url)
    if parts.scheme != "https":
        if case.key is not None and parts.hostname not in LOOPBACK:
            yield note("TLS", "none: the key travels in the clear", "Use https where the network is not your own.")
        return
    if case.proxy:
        yield note("TLS", "not looked at: it goes through the proxy")
        return
    host, port = target(case)
    try:
        with (
            socket.create_connection((host, port), timeout=case.timeouts.connect) as raw,
            trusted().wrap_socket(raw, server_hostname=host) as secured,
        ):
            yield verified(secured)
    except ssl.SSLCertVerificationError as error:
        yield problem("TLS", f"the certificate of {host} is not good: {error.verify_message}", advice(error))
        raise Dead from error
    except OSError as error:
        yield problem(
            "TLS", f"{host} does not speak TLS as expected ({error})", "Is it https, and is this the right port?"
        )
        raise Dead from error


def verified(secured: ssl.SSLSocket) -> Finding:
    found = secured.getpeercert() or {}
    issuer = dict(pair[0] for pair in found.get("issuer", ()) if pair)  # type: ignore[misc]  # ssl's own odd shape
    by = issuer.get("organizationName") or issuer.get("commonName") or "somebody"
    days = (ssl.cert_time_to_seconds(str(found["notAfter"])) - time.time()) / DAY
    text = f"{secured.version()}, certified by {by}, for {days:.0f} more days"
    facts = {"version": secured.version(), "issuer": by, "days": round(days)}
    return fine("TLS", text, **facts) if days > SOON else note("TLS", text, "It runs out soon.", **facts)


def advice(error: ssl.SSLCertVerificationError) -> str:
    """What to do, by OpenSSL's own words."""
    words = error.verify_message.lower()
    if "expired" in words or "not yet valid" in words:
        return "Check this machine's clock first; else the other side has to renew it."
    if "mismatch" in words or "not valid for" in words:
        return "Check the endpoint's name: this is another host's certificate."
    return "Behind a company's proxy, set SSL_CERT_FILE to its CA bundle."
