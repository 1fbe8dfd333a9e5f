"""The wire: what a request looks like, and what the bytes of an answer mean. Pure: nothing here does any I/O.

`compatible` speaks the form of OpenAI's chat completions, which DashScope, every local server and most proxies
understand; `dashscope` speaks the service's native form. Both turn what they hear into `qwen_magic.core.events`.
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
    """The form called `name`."""
    from . import compatible, dashscope

    return compatible.PROTOCOL if name == "compatible" else dashscope.PROTOCOL
