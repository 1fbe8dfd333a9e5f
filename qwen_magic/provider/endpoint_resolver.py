"""From the name of an endpoint to the endpoint: what is looked for, started and remembered on the way.

Not for its key (`qwen_magic.service.credentials`), nor for what it is asked.
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

# The service's region for whoever has a key and names none.
UNNAMED = "beijing"


class EndpointResolver:
    """What one shell has found and started: endpoints by what was chosen, local engines, a sandbox.

    `idle` says after how many seconds without a question an engine stops. What has a key of its own (a relay, the
    sandbox, an engine) leaves it in `credentials`.
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
        """The endpoint that was found before, else as `look_up` finds it. An engine that has stopped starts again."""
        choice.check()
        engine = self._engines.get(choice.name)
        if engine is not None:
            engine.idle = self._idle()
            found = self._resolved[choice] = engine.start()
            return found
        return self._resolved.get(choice) or self.look_up(choice, dialogue)

    def recall(self, choice: Choice) -> Endpoint | None:
        """The endpoint as far as it is known without looking for anybody; `None` when it is not."""
        found = self._resolved.get(choice)
        if found is None and choice.is_fixed:
            with suppress(ConfigurationError):
                found = endpoint(choice.name, choice.protocol)
        return found

    def look_up(self, choice: Choice, dialogue: Dialogue) -> Endpoint:
        """The endpoint, looked for anew: that may start the sandbox, or load a model, which `dialogue` shows.

        Raises `ConfigurationError` when there is none, and what starting it raises.
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
                return found  # looked for again at the next question; this one says what is missing
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
        """Whoever can be asked without a setting: the service with a key, the relay, a local server that answers."""
        if self._credentials.find(SERVICE) is not None:
            return UNNAMED
        if offered():
            return RELAY
        from ..local.discovery import nearest

        return nearest()

    def _start(self, name: str, dialogue: Dialogue) -> Endpoint:
        """A Qwen in an engine on this machine."""
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
        """A forked child goes on asking its parent's sandbox, and does not end it."""
        self._lock = threading.Lock()
        self._sandbox = None
