"""The relay: passes requests on to the service, with a key that stays on the server.

A Jupyter Server extension, or a service of a JupyterHub (`python -m qwen_magic.relay`).
`<base_url>qwen/compatible-mode/v1/…` and `<base_url>qwen/api/v1/…` respond as the service's own paths do, streams
byte for byte. Jupyter's token, cookie or hub authorises the callers, who never send or see the key. Not a cache, and
not a translator: it does not interpret what it passes on.

    c.QwenRelay.key_file = "/etc/jupyter/qwen.key"        # in jupyter_server_config.py
"""

from __future__ import annotations

from typing import Any

__all__: list[str] = []


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import RelayExtension

    return [{"module": "qwen_magic.relay", "app": RelayExtension}]
