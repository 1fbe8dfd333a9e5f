"""Makes text from other programs, hosts and files safe to print: it neither controls a terminal nor reorders a line.

Used where such text enters a message, a table or a terminal: errors, findings, names, footers. Not for the data
itself, which stays exact.
"""

from __future__ import annotations

__all__ = ["one_line", "visible"]

# A terminal obeys control characters, and those of C1 as well (U+009B begins a sequence); tab and line feed are the
# two that text needs. C0 is shown as the symbols that Unicode has for it, so that one sees what was there. Half a
# surrogate pair, which JSON and file names can hold, cannot be encoded.
CONTROLS: dict[int, str | None] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys((*range(0x7F, 0xA0), *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"),
    ord("\r"): None,
}

# Unicode's explicit directional formatting characters (UAX #9, section 2): they reorder the rest of a line, so that a
# name or an address reads as another. Text in a language from right to left is shown properly without them.
DIRECTIONS = dict.fromkeys(
    (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}"
)
ONE_LINE = CONTROLS | DIRECTIONS


def visible(text: str) -> str:
    """`text` with its control characters replaced by visible ones, except for tabs and line feeds."""
    return text.translate(CONTROLS)


def one_line(text: str) -> str:
    """`text` as one line of visible characters: white space becomes a space, bidirectional controls are removed."""
    return " ".join(text.replace("\r", " ").translate(ONE_LINE).split())
