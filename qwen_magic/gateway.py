"""Who is asked: the endpoint in use, its key, its models, and the client that talks to it.

Not for what is asked, nor for what is kept: that is `qwen_magic.assistant`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .credentials import SERVICE, WAYS_ON, Credentials
from .endpoints import AUTO, HERE, RELAY, SANDBOX, Endpoint, endpoint, of_service
from .errors import ConfigurationError, NoKey
from .hosting import offered, relay
from .local.dialogue import Dialogue
from .models import lookup
from .settings import Settings

if TYPE_CHECKING:
    from .client import Client
    from .files import Files
    from .local.shared import Engine
    from .protocols import ProtocolName
    from .sandbox import Sandbox

__all__ = ["Gateway"]

# The service's model of choice for text (its docs, "Models", Oct 2026).
TEXT_MODEL = "qwen-plus"
# The service's region for whoever has a key and names none.
UNNAMED = "beijing"


class Gateway:
    """The way of one shell to whoever it asks.

    `dialogue` is how a person sees a model being loaded that no command asked for, such as a configured one.
    """

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self.settings = settings
        self.credentials = credentials
        self.dialogue = Dialogue()
        self._endpoint: Endpoint | None = None
        self._sandbox: Sandbox | None = None
        self._engine: Engine | None = None
        self._found: dict[str, dict[str, int | None]] = {}
        self._client: Client | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Who is asked: what `use` chose, else what is configured, else whoever can be asked without a setting."""
        if self._endpoint is None:
            name = self.settings.endpoint or self._unnamed()
            if name is None:
                return endpoint(UNNAMED)  # looked for again at the next question; this one says what is missing
            self._endpoint = self.resolve(name, self.settings.protocol)
        return self._endpoint

    def awake(self) -> Endpoint:
        """The endpoint, ready to be asked: a local engine that has stopped is started again."""
        if self._engine is not None:
            self._endpoint = self._engine.endpoint()
        return self.endpoint

    def use(self, name: str, protocol: str = "", dialogue: Dialogue | None = None) -> Endpoint:
        """Ask `name` (an endpoint's name or URL) from now on. Raises `ConfigurationError`.

        `dialogue` is how the person is asked about a download and sees it; without it nobody is asked.
        """
        engine, self._engine = self._engine, None
        try:
            self._endpoint = self.resolve(name, protocol, dialogue)
        except BaseException:
            self._engine = engine
            raise
        return self._endpoint

    def resolve(self, name: str, protocol: str = "", dialogue: Dialogue | None = None) -> Endpoint:
        form = protocol_name(protocol)
        if name == AUTO:
            found = self._unnamed()
            if found is None:
                raise NoKey("There is nobody to ask: no key for the service, and no local server answers.", WAYS_ON)
            return self.resolve(found, protocol)
        if name == HERE or name.startswith(f"{HERE}:"):
            return self._own(name.partition(":")[2], dialogue)
        if name == RELAY:
            offer = relay()
            self.credentials.remember_for_session(RELAY, offer.token.reveal())
            return of_service(RELAY, offer.root, form or "compatible", account=RELAY)
        if name != SANDBOX:
            return endpoint(name, form)
        if self._sandbox is None:
            from .sandbox import Sandbox

            self._sandbox = Sandbox().start()
        self.credentials.remember_for_session(SANDBOX, self._sandbox.key)
        return of_service(SANDBOX, self._sandbox.root, form or "compatible", account=SANDBOX)

    def _unnamed(self) -> str | None:
        """Whoever can be asked without a setting: the service with a key, the relay, a local server that answers."""
        if self.credentials.find(SERVICE) is not None:
            return UNNAMED
        if offered():
            return RELAY
        from .local.discovery import nearest

        return nearest()

    def _own(self, wanted: str, dialogue: Dialogue | None) -> Endpoint:
        """A Qwen in an engine on this machine."""
        from .local.starting import engine

        made = engine(wanted, self.credentials, dialogue or self.dialogue, self.settings.engine_idle * 60)
        found = made.endpoint()
        self._engine = made
        return found

    @property
    def client(self) -> Client:
        """The HTTP client; it is imported when it is first needed."""
        if self._client is None:
            from .client import Client
            from .transport import Timeouts

            self._client = Client(self.credentials, Timeouts(self.settings.connect_timeout, self.settings.idle_timeout))
        return self._client

    def models(self) -> dict[str, int | None]:
        """The models that the endpoint has, each with its window in tokens where the endpoint says so."""
        listing = self.client.call(self.endpoint.compatible, "GET", "models")
        rows = [row for row in listing.get("data") or () if isinstance(row, dict) and row.get("id")]
        return {str(row["id"]): window_of(row) for row in rows}

    def files(self) -> Files:
        """The files on the service. Raises `ConfigurationError` where there are none."""
        from .files import Files, default_ledger

        here = self.endpoint
        if not here.keeps_files:
            raise ConfigurationError(
                f"{here.name} keeps no files.", "Only the service in Beijing does: %qwen use beijing."
            )
        return Files(self.client, here.compatible, self.credentials, default_ledger())

    def known_models(self) -> tuple[str, ...]:
        """The models of the endpoint as far as they are known without asking it."""
        return tuple(self._found.get(self.endpoint.base_url, ()))

    def close(self) -> None:
        """Close every connection, and the sandbox."""
        if self._client is not None:
            self._client.close()
        if self._sandbox is not None:
            self._sandbox.stop()
        self._client = self._sandbox = self._endpoint = self._engine = None

    def default_model(self) -> str:
        """The service's model of choice; elsewhere the first Qwen that is there, else the first model."""
        if self.endpoint.dialect.service:
            return TEXT_MODEL
        names = list(self._catalogue())
        if not names:
            raise ConfigurationError(f"{self.endpoint.name} has no models.", "Load one there, or name it with -m.")
        return next((name for name in names if "qwen" in name.lower()), names[0])

    def window(self, model: str) -> int | None:
        """How many tokens the model reads and writes at most, where that is known."""
        if self.endpoint.dialect.service:
            return lookup(model).window
        return self._catalogue().get(model)

    def _catalogue(self) -> dict[str, int | None]:
        """The models of a local server, asked for once."""
        url = self.endpoint.base_url
        if url not in self._found:
            self._found[url] = self.models()
        return self._found[url]


def protocol_name(name: str) -> ProtocolName | None:
    """A protocol's name, or `None` for the endpoint's own. Raises `ConfigurationError`."""
    if name == "compatible":
        return "compatible"
    if name == "dashscope":
        return "dashscope"
    if name:
        raise ConfigurationError(f"There is no protocol {name!r}.", "It is compatible or dashscope.")
    return None


def window_of(row: dict[str, Any]) -> int | None:
    """A model's window in a listing: vLLM calls it `max_model_len`, llama-server `meta.n_ctx`."""
    meta = row.get("meta")
    window = row.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else None)
    return window if isinstance(window, int) and window > 0 else None
