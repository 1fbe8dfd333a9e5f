"""Recognises the type of a file by its first bytes; the suffix decides only among kinds of text. Decodes nothing."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Literal

from ..core.errors import InputError
from ..core.translatable import _
from .attachment import suffix
from .zip_limits import listed

__all__ = ["HEAD", "FileType", "image", "recognise"]

# Bytes that are enough to recognise every type; a text with binary data further on fails when it is decoded.
HEAD = 8192

_Reader = Literal["image", "text", "document", "delimited", "columnar", "spreadsheet"]


@dataclass(frozen=True, slots=True)
class FileType:
    """The reader of a file, its media type, and for code the language of its fence."""

    reader: _Reader
    mime: str
    language: str = ""


# Signatures of the formats' own specifications, as (offset, bytes).
IMAGES = {
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/gif": (0, b"GIF8"),
    "image/webp": (8, b"WEBP"),
}
OTHER_IMAGES = {"image/bmp": (b"BM",), "image/tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}

ARCHIVES = {
    "gzip": (0, b"\x1f\x8b"),
    "bzip2": (0, b"BZh"),
    "xz": (0, b"\xfd7zXZ\0"),
    "zstd": (0, b"\x28\xb5\x2f\xfd"),
    "7z": (0, b"7z\xbc\xaf\x27\x1c"),
    "rar": (0, b"Rar!\x1a\x07"),
    "tar": (257, b"ustar"),
}

OFFICE = "application/vnd.openxmlformats-officedocument"
# The folder that only this kind of Office file has inside.
OFFICE_FOLDERS = {
    "word/": FileType("document", f"{OFFICE}.wordprocessingml.document"),
    "ppt/": FileType("document", f"{OFFICE}.presentationml.presentation"),
    "xl/": FileType("spreadsheet", f"{OFFICE}.spreadsheetml.sheet"),
}
EPUB = "application/epub+zip"

# The languages whose name in a fence differs from the suffix.
FENCES = (
    *(("python", "py pyi"), ("javascript", "js mjs"), ("typescript", "ts"), ("bash", "sh zsh"), ("rust", "rs")),
    *(("ruby", "rb"), ("julia", "jl"), ("kotlin", "kt"), ("powershell", "ps1"), ("c", "h"), ("cpp", "cc hpp cxx")),
    *(("csharp", "cs"), ("markdown", "md rmd"), ("html", "htm"), ("yaml", "yml"), ("latex", "tex")),
    *(("json", "jsonl ndjson"), ("text", "txt log")),
)
LANGUAGES = {ending: language for language, endings in FENCES for ending in endings.split()}
DELIMITED = {"csv", "tsv", "tab", "psv"}


def recognise(file: BinaryIO, name: str) -> FileType:
    """The type of an open file, which is left at its beginning.

    Raises `InputError` for an archive, and for a type that no model can read.
    """
    head = file.read(HEAD)
    file.seek(0)
    return image(head) or _container(file, head, name) or _columnar(head) or _text(head, name)


def image(head: bytes) -> FileType | None:
    for mime, (offset, signature) in IMAGES.items():
        if head.startswith(signature, offset):
            return FileType("image", mime)
    for mime, signatures in OTHER_IMAGES.items():
        if head.startswith(signatures) and _is_bitmap(head):
            return FileType("image", mime)
    if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS:
        return FileType("image", "image/avif" if head[8:11] == b"avi" else "image/heic")
    return None


def _is_bitmap(head: bytes) -> bool:
    """Two letters do not make a BMP: a text may begin with them. The size of its header has to be one that exists."""
    return not head.startswith(b"BM") or int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 64, 108, 124)


def _container(file: BinaryIO, head: bytes, name: str) -> FileType | None:
    """Documents that are not text, and the archives."""
    if b"%PDF-" in head[:1024]:
        return FileType("document", "application/pdf")
    if head[60:68] == b"BOOKMOBI":
        return FileType("document", "application/x-mobipocket-ebook")
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(
            _("{name} is in the old format of Office, or encrypted.", name=name),
            _("Save it as .docx, .xlsx or .pptx, without password."),
        )
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(file, name)
    for kind, (offset, signature) in ARCHIVES.items():
        if head.startswith(signature, offset):
            raise _archive(name, kind)
    return None


def _zipped(file: BinaryIO, name: str) -> FileType:
    try:
        with listed(file, name) as archived:
            names = archived.namelist()
            # An EPUB and an OpenDocument say what they are in their first entry.
            with archived.open(names[0]) if names[:1] == ["mimetype"] else BytesIO() as told:
                mime = told.read(100).decode("ascii", "replace").strip()
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        raise InputError(_("{name} is damaged: it cannot be unpacked.", name=name)) from None
    finally:
        file.seek(0)
    if mime == EPUB:
        return FileType("document", EPUB)
    if mime.startswith("application/vnd.oasis.opendocument"):
        raise InputError(
            _("{name} is in a format of OpenDocument.", name=name), _("Save it as .docx, .xlsx, .pptx or PDF.")
        )
    for folder, kind in OFFICE_FOLDERS.items():
        if "[Content_Types].xml" in names and any(each.startswith(folder) for each in names):
            return kind
    raise _archive(name, "zip")


def _archive(name: str, kind: str) -> InputError:
    return InputError(
        _("{name} is an archive ({kind}).", name=name, kind=kind),
        _("Unpack it, and attach the files in it that matter."),
    )


def _columnar(head: bytes) -> FileType | None:
    if head.startswith(b"PAR1"):
        return FileType("columnar", "application/vnd.apache.parquet")
    if head.startswith((b"ARROW1", b"FEA1")):
        return FileType("columnar", "application/vnd.apache.arrow.file")
    return None


def _text(head: bytes, name: str) -> FileType:
    if _looks_binary(head):
        raise InputError(
            _("{name} is neither text nor an image nor a document that can be read.", name=name),
            _("Load it in the notebook, and attach the variable (-v NAME)."),
        )
    ending = suffix(name)
    if ending in DELIMITED:
        return FileType("delimited", "text/csv", "csv")
    if ending == "ipynb":
        return FileType("document", "application/x-ipynb+json")
    return FileType("text", "text/plain", LANGUAGES.get(ending, ending or "text"))


def _looks_binary(head: bytes) -> bool:
    """Text has no zero bytes, unless it is UTF-16: then every second one is, or it begins with its mark."""
    if b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    pairs = max(len(head) // 2, 1)
    return max(head[::2].count(0), head[1::2].count(0)) < pairs * 0.4 or b"\0\0" in head
