"""Endpoints by name or URL: base URL, protocol, and the account whose key is sent.

A URL is given up to and including `/v1` (compatible protocol) or `/api/v1` (native protocol), as for OpenAI clients.
Not for requests: that is `qwen_magic.service.client`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ..core.errors import ConfigurationError, NoKey
from ..core.translatable import _
from ..protocols import LOCAL, OLLAMA, SERVICE, Dialect, ProtocolName
from .credentials import SERVICE as ACCOUNT
from .credentials import KeyLookup, Secret, no_key

__all__ = ["LOCAL_SERVERS", "NAMES", "REGIONS", "Choice", "Endpoint", "endpoint", "of_service", "protocol_name"]

# The service's regions (docs, "Base URL", Oct 2026). The same host serves both protocols.
REGIONS = {
    "beijing": "https://dashscope.aliyuncs.com",
    "singapore": "https://dashscope-intl.aliyuncs.com",
    "us": "https://dashscope-us.aliyuncs.com",
    "hongkong": "https://cn-hongkong.dashscope.aliyuncs.com",
}
COMPATIBLE_PATH, NATIVE_PATH = "/compatible-mode/v1", "/api/v1"
# Batch chat (the service's docs, "Batch chat", Nov 2026): ordinary requests at half the price, which may wait for up to
# an hour; in Beijing, and in the compatible form only.
BATCH_CHAT = "https://batch.dashscope.aliyuncs.com" + COMPATIBLE_PATH
# The service's own hosts: only they are given its key. Those in Beijing: only there documents can be uploaded for
# qwen-long (docs, "Qwen-Long"; "Base URL" for the hosts, such as WORKSPACE.cn-beijing.maas.aliyuncs.com).
OF_SERVICE = re.compile(r"(?:.+\.)?aliyuncs\.com")
IN_BEIJING = re.compile(r"dashscope\.aliyuncs\.com|.+\.cn-beijing\..+")

# Local servers on the ports of their own documentation.
LOCAL_SERVERS: dict[str, tuple[str, Dialect]] = {
    "ollama": ("http://localhost:11434/v1", OLLAMA),
    "vllm": ("http://localhost:8000/v1", LOCAL),
    "sglang": ("http://localhost:30000/v1", LOCAL),
    "lmstudio": ("http://localhost:1234/v1", LOCAL),
    "llama-server": ("http://localhost:8080/v1", LOCAL),
}

SANDBOX, RELAY = "sandbox", "relay"
# The endpoint that is used without a setting; a local engine (also local:vision, local:FILE.gguf).
AUTO, HERE = "auto", "local"
# Their addresses differ from kernel to kernel.
WITHOUT_URL = (AUTO, HERE, RELAY, SANDBOX)
NAMES = (*REGIONS, *LOCAL_SERVERS, *WITHOUT_URL)


@dataclass(frozen=True, slots=True)
class Choice:
    """An endpoint that has not been resolved: its name or URL, and a protocol.

    "" as name is the endpoint that is used without a setting; `None` as protocol is the endpoint's default.
    """

    name: str = ""
    protocol: ProtocolName | None = None

    @property
    def on_this_machine(self) -> bool:
        """Whether it is an engine of this package."""
        return self.name == HERE or self.name.startswith(f"{HERE}:")

    @property
    def may_be_service(self) -> bool:
        """Whether it may resolve to the service, or to a proxy of it."""
        return self.name in ("", AUTO, RELAY, SANDBOX)

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same endpoint everywhere and always."""
        return self.name in REGIONS or self.name in LOCAL_SERVERS or "://" in self.name

    def changed(self, name: str = "", protocol: str = "") -> Choice:
        """The endpoint `name`, or the same one in another protocol. Raises `ConfigurationError`."""
        form = protocol_name(protocol)
        return Choice(name, form) if name else Choice(self.name, form or self.protocol)

    def check(self) -> None:
        """Raises `ConfigurationError` for an unknown name, and for a protocol that is not spoken there."""
        if self.on_this_machine and self.protocol == "dashscope":
            raise ConfigurationError(
                _("A model on this machine speaks the compatible protocol only."),
                _("%qwen use {name} asks it.", name=self.name),
            )
        if not self.on_this_machine and self.name not in ("", *WITHOUT_URL):
            endpoint(self.name, self.protocol)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A resolved endpoint.

    `account` names its key: `dashscope`, or the host. `needs_key` is whether every request needs a key. `key` is the
    result of looking it up: `Provider.resolve` adds it, the client sends it. It is not part of the endpoint's identity,
    and never displayed or pickled.
    """

    name: str
    base_url: str
    protocol: ProtocolName
    dialect: Dialect
    account: str
    needs_key: bool
    key: KeyLookup = field(default=KeyLookup(), compare=False, repr=False)

    @property
    def host(self) -> str:
        """The host and port, for messages."""
        parts = urlsplit(self.base_url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    @property
    def keeps_files(self) -> bool:
        """Whether documents can be uploaded. Assumed for proxies, whose target is unknown."""
        host = urlsplit(self.base_url).hostname or ""
        return self.dialect.service and (self.account != ACCOUNT or bool(IN_BEIJING.fullmatch(host)))

    @property
    def compatible(self) -> Endpoint:
        """The same endpoint with the compatible protocol: only that one lists models and stores files."""
        if self.protocol == "compatible":
            return self
        return replace(self, base_url=self.base_url.removesuffix(NATIVE_PATH) + COMPATIBLE_PATH, protocol="compatible")

    def batch_chat(self) -> Endpoint:
        """The endpoint of batch chat: the same requests at half the price, answered later.

        Raises `ConfigurationError` where there is none.
        """
        host = urlsplit(self.base_url).hostname or ""
        if self.account != ACCOUNT or not IN_BEIJING.fullmatch(host):
            raise ConfigurationError(
                _("{name} has no batch chat.", name=self.name),
                _("Only the service in Beijing does: %qwen use beijing."),
            )
        if self.protocol != "compatible":
            raise ConfigurationError(_("Batch chat needs the compatible protocol."), _("Leave out the protocol."))
        return replace(self, base_url=BATCH_CHAT)

    def url(self, path: str) -> str:
        """The URL of a path, which is relative to the base URL."""
        return f"{self.base_url}/{path}"

    def authorization(self) -> Secret | None:
        """The key to send, or `None` if there is none and none is needed.

        Raises `NoKey` if one is needed, and `ConfigurationError` if the value that was found cannot be a key.
        """
        error = self.key.error
        if error is not None and (self.needs_key or not isinstance(error, NoKey)):
            raise error
        if self.needs_key and self.key.found is None:
            raise no_key(self.account)
        return self.key.secret


def endpoint(name: str, protocol: ProtocolName | None = None) -> Endpoint:
    """The endpoint called `name`, or at the URL `name`.

    Raises `ConfigurationError` for an unknown name, a URL that is not one, and a protocol that is not spoken there.
    """
    if "://" in name:
        return _at_url(name, protocol)
    if name in REGIONS:
        return of_service(name, REGIONS[name], protocol or "compatible")
    if name in LOCAL_SERVERS:
        url, dialect = LOCAL_SERVERS[name]
        return replace(_at_url(url, protocol), name=name, dialect=dialect)
    near = difflib.get_close_matches(name, NAMES, n=2)
    raise ConfigurationError(
        _("There is no endpoint called {name!r}.", name=name),
        _("Did you mean {near}?", near=" or ".join(near))
        if near
        else _("Known are {names}, or give a base URL.", names=", ".join(NAMES)),
    )


def protocol_name(name: str) -> ProtocolName | None:
    """A protocol's name, or `None` for the endpoint's own. Raises `ConfigurationError`."""
    if name == "compatible":
        return "compatible"
    if name == "dashscope":
        return "dashscope"
    if name:
        raise ConfigurationError(_("There is no protocol {name!r}.", name=name), _("It is compatible or dashscope."))
    return None


def of_service(name: str, root: str, protocol: ProtocolName, account: str = ACCOUNT) -> Endpoint:
    """DashScope, or a proxy of it, at the root URL `root`."""
    path = COMPATIBLE_PATH if protocol == "compatible" else NATIVE_PATH
    return Endpoint(name, root + path, protocol, SERVICE, account, needs_key=True)


def _at_url(url: str, protocol: ProtocolName | None) -> Endpoint:
    """The endpoint at a base URL. Without `protocol`, the path decides the protocol."""
    url = url.strip().rstrip("/")
    host = _checked_host(url)
    own = bool(OF_SERVICE.fullmatch(host))
    native = protocol == "dashscope" or (protocol is None and url.endswith(NATIVE_PATH))
    if native and url.endswith(COMPATIBLE_PATH):
        url = url.removesuffix(COMPATIBLE_PATH) + NATIVE_PATH
    if own and not native and url.endswith(NATIVE_PATH):
        url = url.removesuffix(NATIVE_PATH) + COMPATIBLE_PATH
    if native and not url.endswith(NATIVE_PATH):
        raise ConfigurationError(
            _("The native protocol is not spoken at {url}.", url=url),
            _(
                "Take the compatible protocol, or give the URL up to and including {native_path}.",
                native_path=NATIVE_PATH,
            ),
        )
    if own and not url.startswith("https:"):
        raise ConfigurationError(
            _("{url} would send the service's key unencrypted.", url=url), _("Give it with https://.")
        )
    service = own or native or url.endswith(COMPATIBLE_PATH)
    return Endpoint(
        name=url,
        base_url=url,
        protocol="dashscope" if native else "compatible",
        dialect=SERVICE if service else LOCAL,
        account=ACCOUNT if own else host,
        needs_key=service,
    )


def _checked_host(url: str) -> str:
    """The host of a usable base URL."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises when it is none
    except ValueError as error:
        raise ConfigurationError(_("{url!r} is not a URL: {error}.", url=url, error=error)) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            _("{url!r} is not an http or https URL.", url=url), _("Such as http://localhost:8000/v1.")
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            _("A URL with a password in it ends up in notebooks."), _("Leave it out; %qwen login keeps keys.")
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(
            _("{url!r} has more than a path.", url=url), _("Give the URL up to and including /v1.")
        )
    if not parts.path.rstrip("/").endswith("/v1"):
        raise ConfigurationError(
            _("{url!r} does not end with /v1.", url=url),
            _("Most servers want {url}/v1.", url=url.removesuffix("/chat/completions").removesuffix("/v1")),
        )
    return parts.hostname
