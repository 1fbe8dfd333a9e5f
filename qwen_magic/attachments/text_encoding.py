"""The encoding of a text file that does not say it: UTF-8, UTF-16, and what Windows writes in China, Japan,
Taiwan and the West.

With the standard library alone: a detector of fifty encodings guesses wrong more often on the few that people have.
"""

from __future__ import annotations

import codecs
import re

__all__ = ["decodes", "encoding_of"]

# So much of a text decides.
SAMPLE = 1 << 20
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Two bytes of GB2312, the heart of GB18030 (GB 2312-80): punctuation, and the characters of its first level, which are
# nearly all of a Chinese text. An accented letter of Latin-1 mostly stands alone, and small ones are not in this range.
PAIRS = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
HIGH = re.compile(rb"[\x80-\xff]")
# Two or more characters in a row of Big5's punctuation and its first level: an accented letter mostly stands alone.
BIG5 = re.compile(rb"(?:[\xa1-\xc6][\x40-\x7e\xa1-\xfe]){2,}")
# Hiragana and katakana in Shift-JIS, which every Japanese text is full of (JIS X 0208, rows 4 and 5).
KANA = re.compile(rb"\x82[\x9f-\xf1]|\x83[\x40-\x96]")
LEAST_KANA = 0.2
# The rest may be rarer characters: names, traditional forms, emoji.
LEAST_SHARE = 0.75


def encoding_of(data: bytes, whole: bool = True) -> str:
    """The Python name of the encoding of `data`, which may be cut in the middle of a character if not `whole`."""
    for mark, name in MARKS:
        if data.startswith(mark):
            return name
    sample = data[:SAMPLE]
    wide = "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    if b"\0" in sample and decodes(data, wide, whole):
        return wide
    if decodes(data, "utf-8", whole):
        return "utf-8"
    if decodes(data, "gb18030", whole) and _is_chinese(sample):
        return "gb18030"
    if decodes(data, "cp932", whole) and _share(KANA, sample) >= LEAST_KANA:
        return "cp932"
    if decodes(data, "cp950", whole) and _share(BIG5, sample) >= LEAST_SHARE:
        return "cp950"
    return "cp1252" if decodes(data, "cp1252", whole) else "latin-1"


def decodes(data: bytes, encoding: str, whole: bool = True) -> bool:
    """Whether `data` is text in this encoding; not `whole` if it may be cut in the middle of a character."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(data, whole)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(sample: bytes) -> bool:
    return not HIGH.search(sample) or _share(PAIRS, sample) >= LEAST_SHARE


def _share(pattern: re.Pattern[bytes], sample: bytes) -> float:
    """Which part of the bytes that are not ASCII stands within what the pattern finds."""
    return len(HIGH.findall(b"".join(pattern.findall(sample)))) / max(len(HIGH.findall(sample)), 1)
