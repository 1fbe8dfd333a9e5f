"""The line below an answer: who gave it, what it took, and how it ended, if not as usual."""

from __future__ import annotations

from ..core.answer import FAILED, MISMATCH, STOPPED, Answer
from ..core.control_characters import one_line
from ..core.languages import translated
from ..core.translatable import _

__all__ = ["called", "footer"]

# Other outcomes are the service's words, and shown as they are.
OUTCOMES = {
    "stop": "",
    "tool_calls": "",
    STOPPED: _("stopped"),
    FAILED: _("failed: the answer broke off"),
    MISMATCH: _("failed: the answer does not fit its schema"),
    "length": _("cut off at the token limit"),
}


def footer(answer: Answer) -> str:
    """One line, plain text, in the language of what runs now."""
    parts = (
        " @ ".join(filter(None, (answer.model, answer.endpoint))),
        _tokens(answer),
        _("{seconds:.1f} s", seconds=answer.seconds) if answer.seconds else "",
        _outcome(answer),
    )
    return one_line(" · ".join(translated(part) for part in parts if part))


def _tokens(answer: Answer) -> str:
    usage = answer.usage
    if usage is None:
        return ""
    if not usage.reasoning:
        return _("{input:,} tokens in, {output:,} out", input=usage.input, output=usage.output)
    return _(
        "{input:,} tokens in, {output:,} out ({reasoning:,} thinking)",
        input=usage.input,
        output=usage.output,
        reasoning=usage.reasoning,
    )


def _outcome(answer: Answer) -> str:
    if answer.finish_reason == FAILED and not (answer.text or answer.thinking or answer.rounds):
        return _("failed: there is no answer")
    return OUTCOMES.get(answer.finish_reason, answer.finish_reason)


def called(name: str) -> str:
    """What introduces a tool call, in the language of what runs now."""
    return translated(_("Wants to call {name}:", name=name))
