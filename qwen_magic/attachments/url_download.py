"""One file from a URL that the person named: http and https, public addresses only, within a size and a time.

The host's name is looked up once, every address is checked, and the connection goes to an address that was checked: a
name that points elsewhere a moment later ("DNS rebinding") gains nothing. Each redirect is a new URL to check. Behind
a proxy of the environment it is the proxy that connects; then what can be looked up from here is checked.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import PurePosixPath
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import httpx2

from .._version import __version__
from ..core.errors import InputError
from ..core.translatable import _
from ..service.certificates import trusted
from ..service.content_coding import packed_once
from ..service.deadlines import SocketLine
from .size_limits import FETCH_SECONDS, MAX_FETCHED, MB

__all__ = ["Fetched", "fetch", "is_public"]

MAX_REDIRECTS = 5
PORTS = {"http": 80, "https": 443}
HEADERS = {"User-Agent": f"qwen_magic/{__version__}", "Accept": "*/*"}
# IPv6 addresses that carry an IPv4 address to go to, and how many bits stand behind it: NAT64 (RFC 6052), 6to4
# (RFC 3056), and the "compatible" form that RFC 4291 retired.
# Services for the virtual machine itself, at addresses that are not private: Oracle's metadata and what else IANA has
# there (RFC 6890; Python before 3.12.4 counts it as public), and Azure's "wire server" (its docs, "What is IP address
# 168.63.129.16?").
METADATA = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
CARRIERS = ((IPv6Network("64:ff9b::/96"), 0), (IPv6Network("2002::/16"), 80), (IPv6Network("::/96"), 0))

_Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: a file's name for it, the media type that the other side gave, and its bytes."""

    name: str
    mime: str
    data: bytes


def fetch(url: str, *, force: bool = False, seconds: float = FETCH_SECONDS, limit: int = MAX_FETCHED) -> Fetched:
    """What lies at `url`, at most `limit` bytes in at most `seconds`. With `force` also from a private address.

    Raises `InputError` when there is nothing, too much, or nothing that may be asked for.
    """
    deadline = time.monotonic() + seconds
    line = SocketLine()
    try:
        with line.deadline(seconds):
            target = httpx2.URL(url)
            for _redirect in range(MAX_REDIRECTS + 1):
                with _answered(target, force, deadline, line) as response:
                    if not response.has_redirect_location:
                        found = _received(response, target, limit)
                        _left(deadline)  # what was broken off may look like an end
                        return found
                    target = target.join(response.headers["location"])
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        if line.expired or isinstance(error, TimeoutError):
            said = _("{url} took longer than {seconds:g} s.", url=url, seconds=seconds)
            raise InputError(said, _("Download it, and attach the file.")) from None
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(_("{url} could not be fetched ({reason}).", url=url, reason=reason)) from None
    raise InputError(
        _("{url} leads on to another address more than {max_redirects} times.", url=url, max_redirects=MAX_REDIRECTS)
    )


@contextmanager
def _answered(target: httpx2.URL, force: bool, deadline: float, line: SocketLine) -> Iterator[httpx2.Response]:
    """The answer to a GET, its body not read yet, from an address that was checked."""
    if target.scheme not in PORTS or not target.host:
        raise InputError(_("{target} cannot be fetched: only http:// and https:// can.", target=target))
    host = target.raw_host.decode("ascii")
    proxied = not {target.scheme, "all"}.isdisjoint(getproxies()) and not proxy_bypass(host)
    addresses = _resolved(host, target.port or PORTS[target.scheme], proxied)
    if not force:
        _refuse_private(target, addresses)
    # Loading certificates takes longer than most answers over http, which has no use for them.
    verify = trusted() if target.scheme == "https" else False
    with httpx2.Client(trust_env=proxied, verify=verify, timeout=_left(deadline), headers=HEADERS) as client:
        response = _sent(client, target, host, () if proxied else addresses, line)
        try:
            packed_once(response)
            yield response
        finally:
            response.close()


def _sent(
    client: httpx2.Client, target: httpx2.URL, host: str, addresses: tuple[_Address, ...], line: SocketLine
) -> httpx2.Response:
    """The answer of the first of `addresses` that can be reached; without any, of the proxy."""
    for address in addresses:
        request = client.build_request(
            "GET",
            target.copy_with(host=str(address)),
            headers={"Host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": host, "trace": line.trace},
        )
        try:
            return client.send(request, stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            if address == addresses[-1]:
                raise
    return client.send(client.build_request("GET", target, extensions={"trace": line.trace}), stream=True)


def _resolved(host: str, port: int, proxied: bool) -> tuple[_Address, ...]:
    """The addresses of `host`, whatever way it is written in. Only a proxy may know a name that we do not."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        if proxied:
            return ()
        raise InputError(_("There is no host called {host}.", host=host)) from None
    return tuple(dict.fromkeys(ip_address(str(each[4][0])) for each in found))


def _refuse_private(target: httpx2.URL, addresses: tuple[_Address, ...]) -> None:
    if not all(map(is_public, addresses)):
        raise InputError(
            _("{target} is on this machine or in a private network, and is not fetched.", target=target),
            _("Attach it with --force if you trust it."),
        )


def is_public(address: _Address) -> bool:
    """Whether anybody can reach `address`: not loopback, private, link-local, multicast or reserved."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        for network, behind in CARRIERS:
            if address in network:
                return address.is_global and is_public(IPv4Address(int(address) >> behind & 0xFFFFFFFF))
    if any(address in network for network in METADATA):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _received(response: httpx2.Response, target: httpx2.URL, limit: int) -> Fetched:
    if response.status_code != httpx2.codes.OK:
        status = f"{response.status_code} {response.reason_phrase}".strip()
        raise InputError(_("{target} answers {status}.", target=target, status=status))
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise InputError(
                _("{target} is larger than {limit} MB.", target=target, limit=limit // MB),
                _("Download it, and attach the file."),
            )
    if not size:
        raise InputError(_("{target} is empty.", target=target))
    told = Message()
    told["content-type"] = response.headers.get("content-type", "")
    name = PurePosixPath(unquote(target.path)).name or target.host
    return Fetched(name, told.get_content_type(), b"".join(chunks))


def _left(deadline: float) -> float:
    """Seconds until `deadline`; raises `TimeoutError` behind it."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
