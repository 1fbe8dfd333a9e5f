"""Who is asked: the endpoint in use with its key, and the client that talks to it.

Not for what is asked, nor for what is kept: that is `qwen_magic.assistant.assistant`.
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
    """The way of one shell to whoever it asks. Settings that change hold from the next question.

    `dialogue` is how a person sees a model being loaded that no command asked for, such as a configured one.
    `models` is which models there are.
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
        """The defaults for every question, and who is asked."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        if self._client is not None:
            self._client.timeouts = self._timeouts()

    # --- who is asked

    @property
    def choice(self) -> Choice:
        """Who is asked where a question says nothing else."""
        return Choice(self.settings.endpoint, protocol_name(self.settings.protocol))

    def use(self, name: str = "", protocol: str = "", dialogue: Dialogue | None = None) -> Endpoint:
        """Ask `name` (an endpoint's name or URL) from now on, or the same one in another protocol.

        It is looked up anew. Raises `ConfigurationError`, and then nothing has changed. `dialogue` is how the person
        is asked about a download and sees it; without it nobody is asked.
        """
        choice = self.choice.changed(name, protocol)
        found = self._keyed(self._resolver.look_up(choice, dialogue or self.dialogue)) if name else self.resolve(choice)
        self.settings = replace(self.settings, endpoint=choice.name, protocol=choice.protocol or "")
        return found

    def resolve(self, choice: Choice | None = None) -> Endpoint:
        """The endpoint that `choice` names (by default the one in use), with its key, ready to be asked.

        Each question does this once, and hands the endpoint on. It may look for local servers, start the sandbox, load
        a model whose engine has stopped, and read the system keyring. The same choice is the same endpoint for as long
        as nobody says `use`; its key is looked up anew. Raises `ConfigurationError`; a key that is missing is an error
        only where a request is sent.
        """
        choice = self.choice if choice is None else choice
        return self._keyed(self._resolver.resolve(choice, self.dialogue))

    def recall(self) -> Endpoint | None:
        """The endpoint in use, as far as it is known without looking for anybody; `None` when it is not.

        It has no key: it is for listings and Tab, and cannot be asked.
        """
        return self._resolver.recall(self.choice)

    @property
    def client(self) -> Client:
        """The HTTP client; it is imported and made when it is first needed, and opens nothing by that."""
        with self._lock:
            if self._client is None:
                from ..service.client import Client

                self._client = Client(self._timeouts())
            return self._client

    def files(self, here: Endpoint) -> RemoteFiles:
        """The files on the service. Raises `ConfigurationError` where there are none."""
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
        """A thread of the parent may have been making the client."""
        self._lock = threading.Lock()

    def _timeouts(self) -> Timeouts:
        return Timeouts(self._settings.connect_timeout, self._settings.idle_timeout)

    def _keyed(self, found: Endpoint) -> Endpoint:
        return replace(found, key=self.credentials.look_up(found.account))
