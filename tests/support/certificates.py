"""Certificates made when a test asks for them: good, of another host, self-signed, expired. For tests only."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

HOST = "localhost"


class Authority:
    """A certificate authority of one test; `bundle` is the file that makes a client trust it."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.bundle = str(folder / "authority.pem")
        self._authority.cert_pem.write_to_path(self.bundle)

    def server(self, *hosts: str, expired: bool = False) -> ssl.SSLContext:
        """For a server that says it is one of `hosts`."""
        ended = datetime.now(UTC) - timedelta(days=1) if expired else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*(hosts or (HOST,)), not_after=ended).configure_cert(context)
        return context

    def self_signed(self) -> ssl.SSLContext:
        """For a server whose certificate nobody but itself vouches for."""
        place = self._folder / "self-signed.pem"
        alone = trustme.CA()
        place.write_bytes(alone.private_key_pem.bytes() + alone.cert_pem.bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place)
        return context


def wrapping(context: ssl.SSLContext) -> Callable[..., ssl.SSLSocket]:
    """What makes a server's connection a secure one."""
    return lambda connection: context.wrap_socket(connection, server_side=True)
