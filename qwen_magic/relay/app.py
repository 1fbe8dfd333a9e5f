"""The relay as an extension of a Jupyter server: beside its notebooks, under its base URL, for its users."""

from __future__ import annotations

import os

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp

from ..service.relay_discovery import OFFER
from .configuration import QwenRelay
from .routes import PATHS

__all__ = ["RelayExtension"]

# The relay's path below the server's base URL.
PREFIX = "/qwen/"


class RelayExtension(QwenRelay, ExtensionApp):
    """`<base_url>qwen/…`"""

    name = "qwen_relay"

    def initialize_settings(self) -> None:
        """jupyter_server's hook: before any kernel starts. Raises what is wrong with a setting: then there is no relay.

        jupyter_server itself logs that, and goes on with the defaults of all settings.
        """
        self.take_key()
        self.update_config(self._server.config)
        self.base_url = str(self._server.base_url).rstrip("/") + PREFIX
        if self.key() is None:
            os.environ.pop(OFFER, None)
        else:
            os.environ[OFFER] = self._server.info_file

    def initialize_handlers(self) -> None:
        from .handlers import RelayHandler

        self.handlers.append((PREFIX + PATHS, RelayHandler, {"relay": self}))

    @property
    def _server(self) -> ServerApp:
        assert self.serverapp is not None  # linked before anything else happens
        return self.serverapp

    async def stop_extension(self) -> None:
        """jupyter_server's hook."""
        await self.end()
