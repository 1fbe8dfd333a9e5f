"""Finds the relay for this kernel: that of its Jupyter server, or that of its hub.

A server's relay puts the name of the server's info file into the environment of its kernels; only the owner can read
this file, which holds the server's address and token, as `jupyter server list` shows them. The administrator of a hub
sets the URL of its relay; the token that the hub gives each user's server authorises the requests. Not the relay
itself: that is `qwen_magic.relay`, in another process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import ConfigurationError
from ..core.translatable import _
from .credentials import Secret

__all__ = ["OFFER", "Relay", "offered", "relay"]

# The server's info file, set by the relay for the kernels of its server.
OFFER = "QWEN_RELAY_SERVER"
# The URL of a hub's relay, set by its administrator for the users' servers.
HUB_RELAY = "QWEN_RELAY_URL"
# "The API token with which this server authenticates itself" (JupyterHub's docs); a hub's server has no other.
HUB_TOKEN = "JUPYTERHUB_API_TOKEN"
ANY_ADDRESS = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Relay:
    """The address of a relay: `root` is the URL to which the service's own paths are added."""

    root: str
    token: Secret


def offered(environment: Mapping[str, str] | None = None) -> bool:
    """Whether there is a relay for this kernel. Reads the environment only."""
    environment = os.environ if environment is None else environment
    return bool(environment.get(OFFER) or environment.get(HUB_RELAY))


def relay(environment: Mapping[str, str] | None = None) -> Relay:
    """The relay for this kernel. Raises `ConfigurationError` when there is none."""
    environment = os.environ if environment is None else environment
    if url := environment.get(HUB_RELAY):
        return _of_hub(url, environment.get(HUB_TOKEN, ""))
    place = environment.get(OFFER)
    if not place:
        raise ConfigurationError(
            _("This kernel's Jupyter server offers no relay."),
            _("Its administrator gives it a key (c.QwenRelay.key_file), or this kernel was started by something else."),
        )
    server = _info(Path(place))
    token = server.get("token") or environment.get(HUB_TOKEN, "")
    if not token:
        raise ConfigurationError(
            _("The Jupyter server has a password but no token, so that a kernel cannot ask its relay."),
            _("Its administrator can set one: c.IdentityProvider.token."),
        )
    return Relay(_root(server), Secret(str(token)))


def _of_hub(url: str, token: str) -> Relay:
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(
            _("{hub_relay} is {url!r}, which is no URL.", hub_relay=HUB_RELAY, url=url),
            _("Such as http://127.0.0.1:10101/services/qwen."),
        )
    if not token:
        raise ConfigurationError(
            _(
                "{hub_relay} names a hub's relay, but no hub has started this kernel's server "
                "({hub_token} is not set).",
                hub_relay=HUB_RELAY,
                hub_token=HUB_TOKEN,
            ),
            _("Take it out, or set QWEN_BASE_URL and QWEN_API_KEY instead."),
        )
    return Relay(url.rstrip("/"), Secret(token))


def _info(place: Path) -> dict[str, Any]:
    try:
        server = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            _("The Jupyter server that started this kernel is gone, and its relay with it."), _("Restart the kernel.")
        ) from error
    return dict(server)


def _root(server: Mapping[str, Any]) -> str:
    """The relay's URL, as a process on the same machine reaches it."""
    if server.get("sock"):
        raise ConfigurationError(_("The Jupyter server listens on a Unix socket, which cannot be asked."))
    host = str(server.get("hostname") or "")
    host = "127.0.0.1" if host in ANY_ADDRESS[:2] else "::1" if host in ANY_ADDRESS else host
    scheme = "https" if server.get("secure") else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{server['port']}{server['base_url'].rstrip('/')}/qwen"
