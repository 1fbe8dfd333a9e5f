"""The line below an answer: who gave it, what it took, and how it ended, if not as usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.answer import FAILED, STOPPED, Answer
from ..core.control_characters import one_line

__all__ = ["CHINESE", "ENGLISH", "FooterWords", "footer"]

# A failed answer of which nothing had arrived.
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class FooterWords:
    """The words of a footer in one language, as format strings; `calls` introduces a tool call."""

    tokens: str
    thinking: str
    seconds: str
    calls: str
    outcomes: Mapping[str, str]


# Other outcomes are the service's words, and shown as they are.
AS_USUAL = {"stop": "", "tool_calls": ""}
ENGLISH = FooterWords(
    "{:,} tokens in, {:,} out",
    " ({:,} thinking)",
    "{:.1f} s",
    "Wants to call {}:",
    {
        **AS_USUAL,
        STOPPED: "stopped",
        FAILED: "failed: the answer broke off",
        NOTHING: "failed: there is no answer",
        "length": "cut off at the token limit",
    },
)
CHINESE = FooterWords(
    "输入 {:,} tokens，输出 {:,}",
    "（其中思考 {:,}）",
    "{:.1f} 秒",
    "请求调用 {}：",
    {
        **AS_USUAL,
        STOPPED: "已停止",
        FAILED: "失败：回答中断",
        NOTHING: "失败：没有回答",
        "length": "已达 token 上限，回答被截断",
    },
)


def footer(answer: Answer, words: FooterWords = ENGLISH) -> str:
    """One line, plain text."""
    usage = answer.usage
    thought = words.thinking.format(usage.reasoning) if usage and usage.reasoning else ""
    nothing = answer.finish_reason == FAILED and not (answer.text or answer.reasoning)
    ended = NOTHING if nothing else answer.finish_reason
    parts = (
        " @ ".join(filter(None, (answer.model, answer.endpoint))),
        words.tokens.format(usage.input, usage.output) + thought if usage else "",
        words.seconds.format(answer.seconds) if answer.seconds else "",
        words.outcomes.get(ended, ended),
    )
    return one_line(" · ".join(filter(None, parts)))
