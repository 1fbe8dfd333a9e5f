"""An offline stand-in for Alibaba's Qwen service: both of its protocols, over real HTTP on loopback.

It is for notebooks, tests and first steps without a key. It is as strict as the service and says plainly that it is
a simulator: it answers with what it received, and can be told to misbehave (`directives` has the whole list). It is
not a model, and it shares no code with `qwen_magic.protocols`: it is the other side of the wire.

    with Sandbox() as sandbox:
        client = openai.OpenAI(base_url=sandbox.compatible_url, api_key=sandbox.key)
"""

from __future__ import annotations

from .request_log import Recorded
from .server import Sandbox

__all__ = ["Recorded", "Sandbox"]
