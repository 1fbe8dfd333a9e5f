"""The words of the pages' JavaScript, as data: from the same catalogues as all other messages.

A page is shown in the browser's language, which the kernel does not know beforehand; so it gets its words in all of
them, by the first part of a language's name: `{"en": {"stop": "Stop", …}, "zh": {…}}`. `{name}` in a word is for the
page to fill in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ..core.languages import LANGUAGES, template_in, translated
from ..core.translatable import N_

__all__ = ["ANSWER", "EXTENSION", "MAP", "PANEL", "by_language", "in_all_languages", "page_words", "short"]

T = TypeVar("T")

# One answer, in a cell as in a panel.
ANSWER = {
    "answerOf": N_("Answer of {who}"),
    "answering": N_("{who} is answering"),
    "done": N_("The answer is complete"),
    "stopped": N_("The answer was stopped"),
    "failed": N_("The answer broke off"),
    "stop": N_("Stop"),
    "cannotStop": N_("Stop it with the notebook's own button: interrupt the kernel."),
    "copy": N_("Copy"),
    "copyCode": N_("Copy this code"),
    "copied": N_("Copied"),
    "notCopied": N_("Not copied"),
    "thinking": N_("Thinking… {seconds} s"),
    "thought": N_("Thought for {seconds} s"),
    "retrying": N_("trying again in {seconds} s: {reason}"),
    "calling": N_("calling {name}"),
}

# One question over many rows.
MAP = {
    "stop": N_("Stop"),
    "firstAnswers": N_("The first answers"),
}

PANEL = {
    "panel": N_("Chat"),
    "panelOf": N_("Chat: {name}"),
    "transcript": N_("Transcript"),
    "question": N_("Question"),
    "ask": N_("Send"),
    "askLong": N_("Send (Enter)"),
    "stopLong": N_("Stop answering"),
    "placeholder": N_("Ask Qwen — @ attaches a file or a variable"),
    "input": N_("Your question"),
    "again": N_("Ask again"),
    "edit": N_("Edit and ask again"),
    "editing": N_("You are changing an earlier question; its answer will be replaced."),
    "cancel": N_("Cancel"),
    "copyAnswer": N_("Copy this answer"),
    "clear": N_("Clear the conversation"),
    "cleared": N_("The conversation was cleared."),
    "undo": N_("Undo"),
    "attach": N_("Attach a file or a variable of the notebook"),
    "upload": N_("Upload a file from this computer"),
    "remove": N_("Remove {name}"),
    "offered": N_("What can be attached"),
    "variable": N_("variable"),
    "nothing": N_("Nothing here begins with “{text}”."),
    "model": N_("Model"),
    "defaultModel": N_("Default model"),
    "defaultModelOf": N_("Default: {name}"),
    "loadingModels": N_("Asking for the models…"),
    "latest": N_("Go to the latest"),
    "empty": N_("Ask something. Cells with %%qwen share this conversation."),
    "emptyNamed": N_("Ask something. Cells with %%qwen -c {name} share this conversation."),
    "busy": N_("The kernel is busy. This is sent as soon as it is free."),
    "busyStop": N_("The kernel is busy. The answer stops as soon as it is free."),
    "waiting": N_("Sending…"),
    "gone": N_("The kernel was restarted or shut down, and this panel with it. Run its cell again to go on."),
    "tooLong": N_(
        "That is {size} of text, and a question takes {most} characters. Save it as a file, and attach that."
    ),
    "tooLarge": N_("{name} is larger than {most}."),
    "isFolder": N_("{name} is a folder. Drop the files in it, or attach a folder of the kernel with @."),
    "unreadable": N_("{name} could not be read. Choose it again, if it is still there."),
    "cellIsOlder": N_("The cell that asked this first still shows its older answer."),
    "uploading": N_("{done} %"),
    "dropHere": N_("Drop files to attach them"),
}

# The extension of JupyterLab and Notebook 7. It has no kernel when it starts: tests/support/messages.py writes these
# words into labextension/static/word_table.js.
EXTENSION = {
    "copy": N_("Copy"),
    "copyCode": N_("Copy this code"),
    "copied": N_("Copied"),
    "notCopied": N_("Not copied"),
    "insert": N_("Insert below"),
    "insertCode": N_("Insert this code into a new cell below"),
    "readOnly": N_("This notebook cannot be changed."),
    "apply": N_("Apply"),
    "applyChange": N_("Apply this change to the cell"),
    "changed": N_("The cell was edited meanwhile, so it was not replaced: %qwen apply shows the difference."),
    "outdated": N_("The cell was edited after that answer, so it was not replaced. Ask again."),
    "locked": N_("The cell cannot be edited, so it was not replaced."),
    "missing": N_("The cell is not in this notebook any more. The code is in _qwen.code."),
    "askAgain": N_("Ask Qwen Again"),
    "askAgainLong": N_("Run this question again; its answer is replaced"),
    "stop": N_("Stop Qwen"),
    "stopLong": N_("Stop the answer: interrupt the kernel"),
    "fixError": N_("Fix This Error with Qwen"),
    "fixErrorLong": N_("Ask Qwen to correct the cell that failed last; the change is shown first"),
    "openChat": N_("Chat with Qwen"),
    "openChatLong": N_("Open the chat panel of this notebook"),
    "chat": N_("Qwen"),
    "chatOf": N_("Qwen: {path}"),
    "status": N_("{who} · {tokens} tokens"),
    "statusLong": N_("Who answered last, and the tokens of all answers in this notebook"),
}


def page_words(*parts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The words of these parts of a page, in every language."""
    words = {key: template for part in parts for key, template in part.items()}
    return by_language(lambda language: {key: template_in(language, word) for key, word in words.items()})


def in_all_languages(text: str) -> dict[str, str]:
    """A message in every language, for a page to choose from."""
    return by_language(lambda language: translated(text, language))


def by_language(make: Callable[[str], T]) -> dict[str, T]:
    """What `make` makes for each of `LANGUAGES`, by what a page calls it."""
    return {short(language): make(language) for language in LANGUAGES}


def short(language: str) -> str:
    """What a page calls a language: the first part of its name."""
    return language.partition("_")[0]
