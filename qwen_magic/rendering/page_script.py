"""The scripts and style sheets of the page, as one text each: what a widget sends to it.

The files of `static/` are ES modules. anywidget takes one text, and `page_script` makes it: every module in its import
order, in a function scope of its own that returns what it exports. So names cannot clash, and the text runs wherever
anywidget does. Separate modules would need a blob URL each, made again for every answer, and import maps that a page
takes only before its first module: neither is to be had in VS Code's and Colab's frames as well as in JupyterLab and
Notebook 7. Nothing is built: the text is made when the first widget is.

Comments are left out, their lines are not: a line of the text is the line of its file, behind the line that names it.
What a module may contain is what the linter allows (`eslint.config.js`). Not for files that a page loads by URL, such
as an extension's: they are modules as they are.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from .page_words import ANSWER, MAP, PANEL, page_words

__all__ = ["STATIC", "WORDS", "join_modules", "page_script", "style_sheet"]

STATIC = Path(__file__).parent / "static"

# The words of each widget.
WORDS = {"answer_widget.js": (ANSWER,), "map_widget.js": (MAP,), "panel_widget.js": (ANSWER, PANEL)}

# A comment that begins a line, or makes one; what stands behind code stays.
_COMMENT = re.compile(r"^[ \t]*(?:/\*[^*]*(?:\*(?!/)[^*]*)*\*/[ \t]*|//[^\n]*)$", re.MULTILINE)
_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"\n]*)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:default |(?=(?:async )?(?:function\*?|const|class) (\w+)))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


@cache
def page_script(entry: str) -> str:
    """The script of the widget `entry` of `static/`, an ES module: its modules, and its words in every language.

    The default export of `entry` takes the words, and returns what anywidget calls `initialize` and `render` of.
    """
    words = json.dumps(page_words(*WORDS[entry]), ensure_ascii=False)
    return f"{join_modules(entry)}export default () => {_variable(entry)}.default({words});\n{_source_url(entry)}"


def join_modules(entry: str, folder: Path = STATIC) -> str:
    """The module `entry` of `folder` behind all that it imports, as constants named for the modules.

    Raises `ValueError` for what it cannot join: another form of import or export, or a circle of imports.
    """
    sources = _sources(entry, folder)
    order = TopologicalSorter({name: _imported(name, source) for name, source in sources.items()}).static_order()
    return "".join(_scope(name, sources[name]) for name in order)


@cache
def style_sheet(*names: str) -> str:
    """The style sheets `names` of `static/`, one after the other."""
    return "\n".join(_read(STATIC / name) for name in names)


def _sources(entry: str, folder: Path) -> dict[str, str]:
    """The modules by their paths in `folder`: `entry`, what it imports, and so on."""
    sources: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            sources[name] = _without_comments(_read(folder / name))
            waiting += _imported(name, sources[name])
    return sources


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _without_comments(source: str) -> str:
    return _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), source)


def _imported(name: str, source: str) -> list[str]:
    return [_resolved(name, found[2]) for found in _IMPORT.finditer(source)]


def _resolved(name: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), target))


def _source_url(entry: str) -> str:
    """What a browser's tools call the script."""
    return f"//# sourceURL=qwen_magic/{entry}\n"


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))


def _scope(name: str, source: str) -> str:
    """A module as the value of a function: an object of what it exports."""

    def imported(found: re.Match[str]) -> str:
        names = re.sub(r" as ", ": ", found[1])
        return f"const {{{names}}} = {_variable(_resolved(name, found[2]))};"

    def exported(found: re.Match[str]) -> str:
        return "" if found[1] else "const $default = "

    exports = ", ".join(_exports(source))
    body = _EXPORT.sub(exported, _IMPORT.sub(imported, source))
    if left := _LEFT.search(body):
        raise ValueError(
            f"{name} cannot be joined: {left[0]!r} is neither an import of names nor an export where it is defined."
        )
    return f"const {_variable(name)} = (() => {{ // {name}\n{body}return {{ {exports} }}; }})();\n"


def _exports(source: str) -> Iterator[str]:
    return (found[1] or "default: $default" for found in _EXPORT.finditer(source))
