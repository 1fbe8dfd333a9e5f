"""Resolves the name of an endpoint: discovers local servers, starts the sandbox and engines, remembers the results.

Not for keys (`qwen_magic.service.credentials`) and requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..core.errors import ConfigurationError, NoKey
from ..core.forks import renewed_in_children
from ..core.translatable import _
from ..local.interaction import Dialogue
from ..service.credentials import SERVICE, WAYS_ON, Credentials
from ..service.endpoints import AUTO, RELAY, SANDBOX, Choice, Endpoint, endpoint, of_service
from ..service.relay_discovery import offered, relay

if TYPE_CHECKING:
    from ..local.engine_client import LocalEngine
    from ..protocols import ProtocolName
    from ..sandbox import Sandbox

__all__ = ["EndpointResolver"]

# The service's region where a key is found and no region is named.
UNNAMED = "beijing"


class EndpointResolver:
    """The endpoints, local engines and sandbox of one shell.

    `idle` returns the seconds without a question after which an engine stops. The keys of a relay, the sandbox and
    engines are added to `credentials`.
    """

    def __init__(self, credentials: Credentials, idle: Callable[[], float]) -> None:
        self._credentials = credentials
        self._idle = idle
        self._resolved: dict[Choice, Endpoint] = {}
        self._engines: dict[str, LocalEngine] = {}
        self._sandbox: Sandbox | None = None
        self._lock = threading.Lock()
        renewed_in_children(self)

    def resolve(self, choice: Choice, dialogue: Dialogue) -> Endpoint:
        """The endpoint that was resolved before, else the result of `look_up`. Starts an engine that has stopped."""
        choice.check()
        engine = self._engines.get(choice.name)
        if engine is not None:
            engine.idle = self._idle()
            found = self._resolved[choice] = engine.start()
            return found
        return self._resolved.get(choice) or self.look_up(choice, dialogue)

    def recall(self, choice: Choice) -> Endpoint | None:
        """The endpoint, without any I/O: `None` if it has not been resolved and its name alone is not enough."""
        found = self._resolved.get(choice)
        if found is None and choice.is_fixed:
            with suppress(ConfigurationError):
                found = endpoint(choice.name, choice.protocol)
        return found

    def look_up(self, choice: Choice, dialogue: Dialogue) -> Endpoint:
        """Resolve anew. May start the sandbox, or load a model, whose progress `dialogue` shows.

        Raises `ConfigurationError` if there is no such endpoint, and the errors of starting it.
        """
        choice.check()
        if choice.on_this_machine:
            found = self._start(choice.name, dialogue)
        elif choice.name in ("", AUTO):
            name = self._nearest()
            if name is None and choice.name == AUTO:
                raise NoKey(_("There is nobody to ask: no key for the service, and no local server answers."), WAYS_ON)
            found = self._at(name or UNNAMED, choice.protocol)
            if name is None:
                return found  # not remembered: the next question looks again
        else:
            found = self._at(choice.name, choice.protocol)
        self._resolved[choice] = found
        return found

    def _at(self, name: str, form: ProtocolName | None) -> Endpoint:
        if name == RELAY:
            offer = relay()
            self._credentials.remember_for_session(RELAY, offer.token.reveal())
            return of_service(RELAY, offer.root, form or "compatible", account=RELAY)
        if name != SANDBOX:
            return endpoint(name, form)
        with self._lock:
            if self._sandbox is None:
                from ..sandbox import Sandbox

                self._sandbox = Sandbox().start()
        self._credentials.remember_for_session(SANDBOX, self._sandbox.key)
        return of_service(SANDBOX, self._sandbox.root, form or "compatible", account=SANDBOX)

    def _nearest(self) -> str | None:
        """The endpoint to use without a setting: the service with a key, the relay, or a local server that answers."""
        if self._credentials.find(SERVICE) is not None:
            return UNNAMED
        if offered():
            return RELAY
        from ..local.discovery import nearest

        return nearest()

    def _start(self, name: str, dialogue: Dialogue) -> Endpoint:
        """Start a local engine."""
        from ..local.model_startup import engine

        made = engine(name.partition(":")[2], self._credentials, dialogue, self._idle())
        found = made.start()
        self._engines[name] = made
        return found

    def close(self) -> None:
        """End the sandbox, and forget what was found. Engines end by themselves."""
        if self._sandbox is not None:
            self._sandbox.stop()
        self._sandbox = None
        self._resolved.clear()
        self._engines.clear()

    def after_fork(self) -> None:
        """In a forked child: keep using the parent's sandbox, and never end it."""
        self._lock = threading.Lock()
        self._sandbox = None
