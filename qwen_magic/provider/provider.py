"""Who is asked: the endpoint in use, its key, its models, and the client that talks to it.

Not for what is asked, nor for what is kept: that is `qwen_magic.assistant.assistant`.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.errors import AccessDenied, ConfigurationError, ConnectionFailed, KeyRejected, NoKey, QwenError
from ..core.forks import renewed_in_children
from ..core.models import lookup
from ..core.settings import Settings
from ..local.interaction import Dialogue
from ..protocols.lenient_json import JSONObject, count, mapping, rows, word
from .credentials import SERVICE, WAYS_ON, Credentials
from .endpoints import AUTO, RELAY, SANDBOX, Choice, Endpoint, endpoint, of_service, protocol_name
from .relay_discovery import offered, relay

if TYPE_CHECKING:
    from ..local.engine_client import Engine
    from ..protocols import ProtocolName
    from ..sandbox import Sandbox
    from .client import Client
    from .files_api import RemoteFiles

__all__ = ["Provider"]

# The service's model of choice for text (its docs, "Models", Oct 2026).
TEXT_MODEL = "qwen-plus"
# The service's region for whoever has a key and names none.
UNNAMED = "beijing"
# Seconds to wait for a list of models. Ours: as advice it must not be noticed; where a model has to be chosen from it,
# and where a person asks for it, a slow server gets as long as a connection gets.
ADVICE, LISTING = 2.0, 10.0
# A list that could not be had is asked for again after so many seconds: a server may have been starting. Ours.
AGAIN = 60.0


class Provider:
    """The way of one shell to whoever it asks. Settings that change hold from the next question.

    `dialogue` is how a person sees a model being loaded that no command asked for, such as a configured one.
    """

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self.credentials = credentials
        self.dialogue = Dialogue()
        self._settings = settings
        self._resolved: dict[Choice, Endpoint] = {}
        self._engines: dict[str, Engine] = {}
        self._listed: dict[str, dict[str, int | None]] = {}
        self._not_before: dict[str, float] = {}
        self._sandbox: Sandbox | None = None
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
            from .timeouts import Timeouts

            self._client.timeouts = Timeouts(settings.connect_timeout, settings.idle_timeout)

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
        found = self._keyed(self._look_up(choice, dialogue or self.dialogue)) if name else self.resolve(choice)
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
        return self._keyed(self._found(choice))

    def _keyed(self, found: Endpoint) -> Endpoint:
        return replace(found, key=self.credentials.look_up(found.account))

    def _found(self, choice: Choice) -> Endpoint:
        choice.check()
        engine = self._engines.get(choice.name)
        if engine is not None:
            engine.idle = self.settings.engine_idle * 60
            found = self._resolved[choice] = engine.start()
            return found
        return self._resolved.get(choice) or self._look_up(choice, self.dialogue)

    def recall(self) -> Endpoint | None:
        """The endpoint in use, as far as it is known without looking for anybody; `None` when it is not.

        It has no key: it is for listings and Tab, and cannot be asked.
        """
        choice = self.choice
        found = self._resolved.get(choice)
        if found is None and choice.is_fixed:
            with suppress(ConfigurationError):
                found = endpoint(choice.name, choice.protocol)
        return found

    def _look_up(self, choice: Choice, dialogue: Dialogue) -> Endpoint:
        choice.check()
        if choice.on_this_machine:
            found = self._start(choice.name, dialogue)
        elif choice.name in ("", AUTO):
            name = self._nearest()
            if name is None and choice.name == AUTO:
                raise NoKey("There is nobody to ask: no key for the service, and no local server answers.", WAYS_ON)
            found = self._at(name or UNNAMED, choice.protocol)
            if name is None:
                return found  # looked for again at the next question; this one says what is missing
        else:
            found = self._at(choice.name, choice.protocol)
        self._resolved[choice] = found
        return found

    def _at(self, name: str, form: ProtocolName | None) -> Endpoint:
        if name == RELAY:
            offer = relay()
            self.credentials.remember_for_session(RELAY, offer.token.reveal())
            return of_service(RELAY, offer.root, form or "compatible", account=RELAY)
        if name != SANDBOX:
            return endpoint(name, form)
        with self._lock:
            if self._sandbox is None:
                from ..sandbox import Sandbox

                self._sandbox = Sandbox().start()
        self.credentials.remember_for_session(SANDBOX, self._sandbox.key)
        return of_service(SANDBOX, self._sandbox.root, form or "compatible", account=SANDBOX)

    def _nearest(self) -> str | None:
        """Whoever can be asked without a setting: the service with a key, the relay, a local server that answers."""
        if self.credentials.find(SERVICE) is not None:
            return UNNAMED
        if offered():
            return RELAY
        from ..local.discovery import nearest

        return nearest()

    def _start(self, name: str, dialogue: Dialogue) -> Endpoint:
        """A Qwen in an engine on this machine."""
        from ..local.model_startup import engine

        made = engine(name.partition(":")[2], self.credentials, dialogue, self.settings.engine_idle * 60)
        found = made.start()
        self._engines[name] = made
        return found

    # --- what is there

    @property
    def client(self) -> Client:
        """The HTTP client; it is imported when it is first needed."""
        with self._lock:
            if self._client is None:
                from .client import Client
                from .timeouts import Timeouts

                timeouts = Timeouts(self.settings.connect_timeout, self.settings.idle_timeout)
                self._client = Client(timeouts)
            return self._client

    def list_models(self, here: Endpoint, within: float = LISTING) -> dict[str, int | None]:
        """The models that the endpoint has, each with its window in tokens where the endpoint says so.

        Raises `NoAnswer` when it does not say so within so many seconds, and what it refuses.
        """
        listing = self.client.call(here.compatible, "GET", "models", within=within)
        found = {name: window_of(row) for row in rows(listing.get("data")) if (name := word(row.get("id")))}
        self._listed[here.base_url] = found
        return found

    def known_models(self, here: Endpoint) -> tuple[str, ...]:
        """The models of the endpoint as far as they are known without asking it."""
        return tuple(self._listed.get(here.base_url, ()))

    def default_model(self, here: Endpoint) -> str:
        """The service's model of choice; elsewhere the first Qwen that is there, else the first model.

        A local server is asked for its list once. Raises `ConfigurationError` when it has none.
        """
        if here.dialect.service:
            return TEXT_MODEL
        names = self.known_models(here) or tuple(self._choosable(here))
        if not names:
            raise ConfigurationError(f"{here.name} has no models.", "Load one there, or name it with -m.")
        return next((name for name in names if "qwen" in name.lower()), names[0])

    def window(self, here: Endpoint, model: str) -> int | None:
        """How many tokens the model reads and writes at most, where that is known.

        A local server is asked for it, and not waited for: it is advice.
        """
        if here.dialect.service:
            return lookup(model).window
        url = here.base_url
        if url not in self._listed and time.monotonic() >= self._not_before.get(url, 0.0):
            try:
                self.list_models(here, ADVICE)
            except QwenError:  # what concerns the question as well, such as a missing key, is told by that
                self._not_before[url] = time.monotonic() + AGAIN
        return self._listed.get(url, {}).get(model)

    def _choosable(self, here: Endpoint) -> dict[str, int | None]:
        """The models of a local server. Raises what says how to go on where there is no list of them."""
        try:
            return self.list_models(here)
        except QwenError as error:
            if isinstance(error, KeyRejected | AccessDenied | NoKey) or type(error) is ConnectionFailed:
                raise
            raise ConfigurationError(
                f"{here.name} does not say which models it has: {error.happened}", "Name one with -m."
            ) from error

    def files(self, here: Endpoint) -> RemoteFiles:
        """The files on the service. Raises `ConfigurationError` where there are none."""
        from .files_api import RemoteFiles, default_ledger

        if not here.keeps_files:
            raise ConfigurationError(
                f"{here.name} keeps no files.", "Only the service in Beijing does: %qwen use beijing."
            )
        return RemoteFiles(self.client, here.compatible, default_ledger())

    # --- the end

    def close(self) -> None:
        """Close every connection, and the sandbox."""
        if self._client is not None:
            self._client.close()
        if self._sandbox is not None:
            self._sandbox.stop()
        self._client = self._sandbox = None
        self._resolved.clear()
        self._engines.clear()

    def after_fork(self) -> None:
        """A forked child goes on asking its parent's sandbox, and does not end it."""
        self._lock = threading.Lock()
        self._sandbox = None


def window_of(row: JSONObject) -> int | None:
    """A model's window in a listing: vLLM calls it `max_model_len`, llama-server `meta.n_ctx`."""
    return count(row.get("max_model_len")) or count(mapping(row.get("meta")).get("n_ctx")) or None
