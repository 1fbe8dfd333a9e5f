"""The endpoint in use with its key, and the HTTP client for it.

Not for requests and conversations: see `qwen_magic.assistant.assistant`.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.errors import ConfigurationError
from ..core.forks import renewed_in_children
from ..core.settings import Settings
from ..core.translatable import _
from ..local.interaction import Dialogue
from ..service.credentials import Credentials
from ..service.endpoints import Choice, Endpoint, protocol_name
from ..service.timeouts import Timeouts
from .endpoint_resolver import EndpointResolver
from .model_listing import ModelListing

if TYPE_CHECKING:
    from ..service.client import Client
    from ..service.files_api import RemoteFiles

__all__ = ["Provider"]


class Provider:
    """The endpoint of one shell, its key and its client. Changed settings apply from the next question.

    `dialogue` shows the loading of a model that no command requested, such as a configured one. `models` lists models.
    """

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self.credentials = credentials
        self.dialogue = Dialogue()
        self.models = ModelListing(lambda: self.client)
        self._settings = settings
        self._resolver = EndpointResolver(credentials, lambda: self._settings.engine_idle * 60)
        self._client: Client | None = None
        self._lock = threading.Lock()
        renewed_in_children(self)

    @property
    def settings(self) -> Settings:
        """The defaults of every question, and the endpoint."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        if self._client is not None:
            self._client.timeouts = self._timeouts()

    # --- who is asked

    @property
    def choice(self) -> Choice:
        """The endpoint that is chosen for questions which name none."""
        return Choice(self.settings.endpoint, protocol_name(self.settings.protocol))

    def use(self, name: str = "", protocol: str = "", dialogue: Dialogue | None = None) -> Endpoint:
        """Use the endpoint `name` from now on, or the same endpoint with another protocol.

        Args:
            name: an endpoint's name or URL; "" keeps the endpoint.
            protocol: "compatible" or "dashscope"; "" for the endpoint's default.
            dialogue: asks the user before a download and shows its progress; without it, nothing is downloaded.

        Returns:
            the endpoint, resolved anew.

        Raises:
            ConfigurationError: there is no such endpoint; nothing has changed.
        """
        choice = self.choice.changed(name, protocol)
        found = self._keyed(self._resolver.look_up(choice, dialogue or self.dialogue)) if name else self.resolve(choice)
        self.settings = replace(self.settings, endpoint=choice.name, protocol=choice.protocol or "")
        return found

    def resolve(self, choice: Choice | None = None) -> Endpoint:
        """The endpoint that `choice` names (by default the one in use), with its key.

        Each question calls this once, and passes the endpoint on. It may look for local servers, start the sandbox,
        load a model whose engine has stopped, and read the system keyring. The same choice gives the same endpoint
        until the next `use`; its key is looked up each time. Raises `ConfigurationError` if there is no such endpoint;
        a missing key is an error only when a request is sent.
        """
        choice = self.choice if choice is None else choice
        return self._keyed(self._resolver.resolve(choice, self.dialogue))

    def recall(self) -> Endpoint | None:
        """The endpoint in use, without any I/O; `None` if it has to be looked for.

        It has no key: it is for listings and Tab completion, not for requests.
        """
        return self._resolver.recall(self.choice)

    @property
    def client(self) -> Client:
        """The HTTP client. It is imported and made at first use; that opens no connection."""
        with self._lock:
            if self._client is None:
                from ..service.client import Client

                self._client = Client(self._timeouts())
            return self._client

    def files(self, here: Endpoint) -> RemoteFiles:
        """The files that are stored on the service. Raises `ConfigurationError` for an endpoint that stores none."""
        from ..service.files_api import RemoteFiles, default_ledger

        if not here.keeps_files:
            raise ConfigurationError(
                _("{name} keeps no files.", name=here.name), _("Only the service in Beijing does: %qwen use beijing.")
            )
        return RemoteFiles(self.client, here.compatible, default_ledger())

    def close(self) -> None:
        """Close every connection, and the sandbox."""
        if self._client is not None:
            self._client.close()
        self._client = None
        self._resolver.close()

    def after_fork(self) -> None:
        """In a forked child: a new lock, since a thread of the parent may have held this one."""
        self._lock = threading.Lock()

    def _timeouts(self) -> Timeouts:
        return Timeouts(self._settings.connect_timeout, self._settings.idle_timeout)

    def _keyed(self, found: Endpoint) -> Endpoint:
        return replace(found, key=self.credentials.look_up(found.account))
