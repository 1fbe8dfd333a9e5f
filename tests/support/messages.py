"""The messages in the source, by Babel, and the catalogues with their translations.

    .venv/bin/python tests/support/messages.py

brings every catalogue up to date: it adds what is new, without a translation, and takes out what is gone. Templates
that are only similar get no translation. It also writes the words of the extension of JupyterLab, which has no kernel
to get them from, as a module of JavaScript. A catalogue is sorted and has no line numbers, dates or wrapped lines, so
that two branches that add messages can be merged; after a conflict keep both sides, and run this again.
"""

from __future__ import annotations

import io
import json
import sys
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "qwen_magic"
WORD_TABLE = PACKAGE / "labextension" / "static" / "word_table.js"
TABLE_HEADER = (
    "/* Written by tests/support/messages.py: EXTENSION of page_words.py, and the catalogues. Do not edit. */\n"
)

KEYWORDS = {"_": None, "N_": None, "_n": (1, 2)}
HEADER = """\
# {language} messages of qwen_magic. `python tests/support/messages.py` keeps it up to date.
msgid ""
msgstr ""
"Project-Id-Version: qwen_magic\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"

"""


@cache
def in_source() -> Catalog:
    """Every message in the package's source, with the places that it stands at."""
    found = Catalog()
    methods = [("**.py", "python")]
    for file, line, message, _, context in extract_from_dir(PACKAGE, methods, keywords=KEYWORDS):
        found.add(message, locations=[(file, line)], context=context)
    return found


def catalogue(language: str) -> Catalog:
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language, domain="qwen_magic")


def path_of(language: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / "qwen_magic.po"


def languages() -> list[str]:
    return sorted(path.name for path in (PACKAGE / "locale").iterdir())


def update(language: str) -> None:
    """Write the catalogue anew, with the messages that are in the source now."""
    old, new = catalogue(language), Catalog(locale=language)
    for message in in_source():
        if message.id:
            known = old.get(singular(message))
            new.add(message.id, known.string if known and type(known.id) is type(message.id) else "")
    write(new)


def write(new: Catalog) -> None:
    for message in new:
        message.flags.discard("python-format")  # Babel takes %qwen for a place of it
    written = io.BytesIO()
    write_po(written, new, width=0, no_location=True, omit_header=True, sort_output=True)
    header = HEADER.format(language=new.locale_identifier, plural=new.plural_forms)
    path_of(str(new.locale_identifier)).write_bytes(header.encode() + written.getvalue().strip() + b"\n")


def word_table() -> str:
    """The words of the extension of JupyterLab in every language, as a module of JavaScript."""
    from qwen_magic.rendering.page_words import EXTENSION, page_words

    table = json.dumps(page_words(EXTENSION), ensure_ascii=False, indent=2)
    return f"{TABLE_HEADER}\nexport const WORDS = {table};\n"


def singular(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


if __name__ == "__main__":
    for each in sys.argv[1:] or languages():
        update(each)
    WORD_TABLE.write_text(word_table(), encoding="utf-8", newline="\n")
