"""The language of messages, and the catalogues with their translations.

A catalogue is a standard gettext file, `qwen_magic/locale/LANGUAGE/LC_MESSAGES/qwen_magic.po`. It is read uncompiled,
once, when the first message is translated: no compiled copy can be missing or outdated in a wheel, a source archive or
a checkout. Reading takes milliseconds, and English needs none. (Python's `gettext` reads compiled catalogues only, and
Babel is no dependency at run time.)
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from .translatable import Translatable

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "catalogue",
    "current",
    "in_language",
    "matching",
    "of_environment",
    "set_current",
    "template_in",
    "translated",
]

ENGLISH = "en"
# English needs no catalogue; each of the others has one.
LANGUAGES = (ENGLISH, "zh_CN")

# As gettext looks for it: https://www.gnu.org/software/gettext/manual/html_node/Locale-Environment-Variables.html
VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

# The language of the cell, question or command in this context: two shells in one process may differ.
_current: ContextVar[str] = ContextVar("qwen_magic.language", default="")


def current() -> str:
    """The current language, one of `LANGUAGES`: the one that was set, else that of the environment."""
    return _current.get() or of_environment()


def set_current(name: str) -> None:
    """Show messages in the language `name` from now on in this context; "" for the environment's."""
    _current.set(matching(name) if name else "")


@contextmanager
def in_language(name: str) -> Iterator[None]:
    """Show messages in the language `name` within this block; "" for the environment's."""
    before = _current.set(matching(name) if name else "")
    try:
        yield
    finally:
        _current.reset(before)


def translated(text: str, language: str = "") -> str:
    """`text` in `language`, or in the current one. A string that is no message, or has no translation, is unchanged."""
    language = language or current()
    if language == ENGLISH or not isinstance(text, Translatable):
        return str(text)
    return text.translated(lambda template: catalogue(language).get(template, ""))


def template_in(language: str, template: str) -> str:
    """A template in `language`, with its `{places}` unfilled: the pages' JavaScript fills them in."""
    return (catalogue(language).get(template) if language != ENGLISH else "") or template


def matching(name: str) -> str:
    """The one of `LANGUAGES` for a locale name such as zh_CN.UTF-8, zh-Hans or en_GB; "" for none of them."""
    primary = name.replace("-", "_").partition(".")[0].partition("_")[0].lower()
    return next((each for each in LANGUAGES if each.partition("_")[0] == primary), "")


def of_environment(environment: Mapping[str, str] | None = None) -> str:
    """The language of the environment's locale; English, if that is none of `LANGUAGES`."""
    environment = os.environ if environment is None else environment
    name = next(filter(None, map(environment.get, VARIABLES)), "") or _of_windows()
    # LANGUAGE may be a list, the first choice first.
    return next(filter(None, map(matching, name.split(":"))), ENGLISH)


def _of_windows() -> str:
    """The language of the user interface of Windows, which sets none of these variables."""
    if sys.platform != "win32":
        return ""
    import ctypes
    from locale import windows_locale

    return windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")


def _catalogue_path(language: str) -> Path:
    """The file with the messages in `language`."""
    return Path(__file__).parents[1] / "locale" / language / "LC_MESSAGES" / "qwen_magic.po"


@cache
def catalogue(language: str) -> dict[str, str]:
    """The translations by their templates. Of plural forms it has the first: Chinese has one."""
    entries: dict[str, str] = {}
    for block in _catalogue_path(language).read_text(encoding="utf-8").split("\n\n"):
        texts = {"msgid": "", "msgstr": ""}
        keyword = ""
        for line in block.splitlines():
            if line.startswith("msg"):
                keyword, _, line = line.partition(" ")
                keyword = keyword.removesuffix("[0]")
            if line.startswith('"') and keyword in texts:
                texts[keyword] += json.loads(line)  # of C's escapes Babel writes those that JSON has
        if texts["msgid"]:
            entries[texts["msgid"]] = texts["msgstr"]
    return entries
