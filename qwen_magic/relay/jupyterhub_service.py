"""The relay as a service of a JupyterHub: a separate process, which the hub starts and stops.

    python -m qwen_magic.relay        # the command of the service, in jupyterhub_config.py

It has no kernels, no files and no terminals, so that its users can do nothing else with it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any
from urllib.parse import urlsplit

from jupyter_core.application import JupyterApp
from tornado.httpserver import HTTPServer
from tornado.web import Application
from traitlets import default

from .configuration import QwenRelay
from .handlers import RelayHandler
from .routes import PATHS

__all__ = ["RelayService"]

# The hub's variables for a service's address and its path (its docs, "Services").
ADDRESS, PREFIX = "JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_SERVICE_PREFIX"
# Tornado's limit of a body, in bytes: none in effect, because the relay counts itself and names its own limit.
NO_LIMIT = 2**62


class RelayService(QwenRelay, JupyterApp):
    """The relay for all users of a hub."""

    name = "jupyter-qwen-relay"
    description = __doc__ or ""

    @default("log_format")
    def _dated(self) -> str:
        return "[%(levelname)1.1s %(asctime)s %(name)s] %(message)s"

    def start(self) -> None:
        """Serve until the hub ends it."""
        super().start()
        address = urlsplit(os.environ.get(ADDRESS, ""))
        if address.port is None:
            self.log.critical("%s names no address: JupyterHub starts this, by c.JupyterHub.services.", ADDRESS)
            sys.exit(1)
        self.base_url = os.environ.get(PREFIX, "/").rstrip("/") + "/"
        self.take_key()
        if self.key() is None:
            self.log.warning("The relay has no key: set c.QwenRelay.key_file or %s.", self.key_variable)
        asyncio.run(self.serve(address.hostname or "127.0.0.1", address.port))

    async def serve(self, host: str, port: int) -> None:
        server = HTTPServer(self.application(), max_body_size=NO_LIMIT)
        server.listen(port, host)
        self.log.info("The relay listens at %s port %d, below %s.", host, port, self.base_url)
        told = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        await told.wait()
        server.stop()
        await self.end()

    def application(self) -> Application:
        from .jupyterhub_auth import HubAuthorizer, HubIdentity

        identity = HubIdentity(parent=self)
        settings: dict[str, Any] = {
            "base_url": self.base_url,
            "identity_provider": identity,
            "authorizer": HubAuthorizer(parent=self, identity_provider=identity),
            "allow_remote_access": True,  # only tokens authorise, and no page of another site can send them
            "log_function": lambda handler: None,  # the relay logs its own line
        }
        return Application([(self.base_url + PATHS, RelayHandler, {"relay": self})], **settings)
