"""The wire protocols: encode a request, decode the bytes of its answer. Pure: no module of this package does I/O.

`compatible` is the protocol of OpenAI's chat completions, which DashScope, every local server and most proxies
implement; `dashscope` is the service's native protocol. Both decode answers into `qwen_magic.core.events`.
"""

from __future__ import annotations

from .wire_protocol import LOCAL, OLLAMA, SERVICE, Decoder, Dialect, HttpRequest, ProtocolName, WireProtocol

__all__ = [
    "LOCAL",
    "OLLAMA",
    "SERVICE",
    "Decoder",
    "Dialect",
    "HttpRequest",
    "ProtocolName",
    "WireProtocol",
    "protocol",
]


def protocol(name: ProtocolName) -> WireProtocol:
    """The protocol of this name. It has no state, so one object serves every request."""
    from . import compatible, dashscope

    return compatible.PROTOCOL if name == "compatible" else dashscope.PROTOCOL
