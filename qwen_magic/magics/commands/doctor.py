"""`%qwen doctor`: what is found on the way to the first token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...core.translatable import _
from ...rendering.command_output import say
from ...service.endpoints import Choice

if TYPE_CHECKING:
    from .command_call import CommandCall

__all__ = ["doctor"]


def doctor(call: CommandCall) -> None:
    """Print what is found as it is found, or all of it as JSON."""
    from ...doctor import doctor as examine

    provider = call.magics.assistant.provider
    names = [word for word in call.words if not word.startswith("--")]
    endpoint = provider.resolve(Choice(names[0])) if names else None
    findings = examine(
        provider, endpoint, origin=_("this line") if names else "", try_regions="--try-regions" in call.words
    )
    if "--json" in call.words:
        say(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False, indent=2))
        return
    for finding in findings:
        say(finding.in_language())
