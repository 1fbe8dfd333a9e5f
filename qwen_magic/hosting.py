"""The Jupyter server that started this kernel, and the relay that it may offer.

The relay leaves the name of its server's info file in the environment of its kernels; the file is its owner's only
and holds the server's address and token, as `jupyter server list` shows them. Not the relay itself: that is
`qwen_magic.relay`, in another process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .credentials import Secret
from .errors import ConfigurationError

__all__ = ["OFFER", "Relay", "offered", "relay"]

# The server's info file, set by the relay for the kernels of its server.
OFFER = "QWEN_RELAY_SERVER"
# "The API token with which this server authenticates itself" (JupyterHub's docs); a hub's server has no other.
HUB_TOKEN = "JUPYTERHUB_API_TOKEN"
ANY_ADDRESS = ("", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Relay:
    """Where a relay is: `root` is the URL to which the service's own paths are added."""

    root: str
    token: Secret


def offered(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the server that started this kernel offers a relay. Costs nothing."""
    return bool((os.environ if environment is None else environment).get(OFFER))


def relay(environment: Mapping[str, str] | None = None) -> Relay:
    """The relay of the server that started this kernel. Raises `ConfigurationError` when there is none."""
    environment = os.environ if environment is None else environment
    place = environment.get(OFFER)
    if not place:
        raise ConfigurationError(
            "This kernel's Jupyter server offers no relay.",
            "Its administrator gives it a key (c.QwenRelay.key_file), or this kernel was started by something else.",
        )
    server = info(Path(place))
    token = server.get("token") or environment.get(HUB_TOKEN, "")
    if not token:
        raise ConfigurationError(
            "The Jupyter server has a password but no token, so that a kernel cannot ask its relay.",
            "Its administrator can set one: c.IdentityProvider.token.",
        )
    return Relay(root(server), Secret(str(token)))


def info(place: Path) -> dict[str, Any]:
    try:
        server = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            "The Jupyter server that started this kernel is gone, and its relay with it.", "Restart the kernel."
        ) from error
    return dict(server)


def root(server: Mapping[str, Any]) -> str:
    """The relay's URL, as a process on the same machine reaches it."""
    if server.get("sock"):
        raise ConfigurationError("The Jupyter server listens on a Unix socket, which cannot be asked.")
    host = str(server.get("hostname") or "")
    host = "127.0.0.1" if host in ANY_ADDRESS[:2] else "::1" if host in ANY_ADDRESS else host
    scheme = "https" if server.get("secure") else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{server['port']}{server['base_url'].rstrip('/')}/qwen"
