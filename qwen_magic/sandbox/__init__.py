"""An offline stand-in for Alibaba's Qwen service: both of its protocols, over real HTTP on loopback.

It is for notebooks, tests and first steps without a key. It is as strict as the service, and its answers name it as a
simulator: they describe the request that it received. Directives in a prompt make it misbehave (`directives` has the
list). It is not a model, and shares no code with `qwen_magic.protocols`, whose mistakes it would repeat.

    with Sandbox() as sandbox:
        client = openai.OpenAI(base_url=sandbox.compatible_url, api_key=sandbox.key)
"""

from __future__ import annotations

from .request_log import Recorded
from .server import Sandbox

__all__ = ["Recorded", "Sandbox"]
