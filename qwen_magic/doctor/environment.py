"""Checks without a request: versions, the effective configuration and its source, the key."""

from __future__ import annotations

import os
import platform
import ssl
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from .._version import __version__
from ..core.errors import NoKey
from ..core.translatable import _
from ..service.credentials import SERVICE, display_name, ways_on
from ..service.endpoints import RELAY
from ..service.relay_discovery import offered
from .findings import Case, Dead, Finding, fine, note, problem

__all__ = ["configuration", "key", "versions"]

PACKAGES = ("ipython", "ipykernel", "httpx2", "anywidget", "truststore")
VISIBLE = 4


def versions(case: Case) -> Iterator[Finding]:
    """The versions for a bug report."""
    found = {"qwen_magic": __version__, "python": platform.python_version(), **dict(_installed(PACKAGES))}
    found |= {"openssl": ssl.OPENSSL_VERSION.removeprefix("OpenSSL ").split()[0], "system": platform.platform()}
    yield fine("versions", ", ".join(f"{name} {number}" for name, number in found.items()), **found)


def _installed(packages: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for package in packages:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue


def configuration(case: Case) -> Iterator[Finding]:
    """The endpoint, and the source of that choice."""
    here = case.endpoint
    origin = case.origin or _said_by(case, os.environ)
    yield fine(
        "configuration",
        _(
            "{name} at {base_url}, {protocol} protocol ({origin})",
            name=here.name,
            base_url=here.base_url,
            protocol=here.protocol,
            origin=origin,
        ),
        endpoint=here.name,
        base_url=here.base_url,
        protocol=here.protocol,
        origin=origin,
    )


def _said_by(case: Case, environment: Mapping[str, str]) -> str:
    """The source of the choice of the endpoint."""
    wanted = case.provider.settings.endpoint
    if wanted and wanted.rstrip("/") in (case.endpoint.name, case.endpoint.base_url):
        return "QWEN_BASE_URL" if environment.get("QWEN_BASE_URL") == wanted else "QwenMagics.endpoint"
    if not wanted and case.endpoint.name == RELAY and offered(environment):
        return _("offered by this kernel's Jupyter server or hub")
    return _("chosen here") if wanted or case.endpoint.name != "beijing" else _("the default")


def key(case: Case) -> Iterator[Finding]:
    """Which key is used, and from where; never more of it than its last 4 characters."""
    account = case.endpoint.account
    error = case.endpoint.key.error
    if error is not None and not isinstance(error, NoKey):
        yield problem("key", error.happened, error.remedy)
        raise Dead from error
    case.key = case.endpoint.key.found
    if case.key is None:
        if not case.endpoint.needs_key:
            yield fine("key", _("none, and none is needed here"), source=None)
            return
        yield problem(
            "key",
            _("there is none for {display_name}", display_name=display_name(account)),
            ways_on(account),
            source=None,
        )
        return
    value = case.key.secret.reveal()
    ending = value[-VISIBLE:] if len(value) > 2 * VISIBLE else ""
    yield fine(
        "key",
        _("…{ending} from {source}", ending=ending, source=case.key.source),
        source=case.key.source,
        ending=ending,
    )
    if account == SERVICE and value.startswith("sk-sp-"):
        # "Keys of plans begin with sk-sp- and work at the plan's own base URL only" (docs, "Base URL").
        yield note("key", _("it belongs to a plan"), _("Plans have base URLs of their own: see the service's console."))
