"""What a cell asks to attach, and the attachments: values only, without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from os import PathLike
from pathlib import Path, PurePosixPath
from sys import getsizeof
from typing import Any, Literal

from ..core.errors import InputError
from .size_limits import ImageLimits

__all__ = ["Attach", "Attachment", "Extracted", "Form", "suffix"]

Form = Literal["image", "text", "description", "document"]

# What the Files API reads (the service's docs, "OpenAI compatible - File", Oct 2026).
MIMES = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/epub+zip": "epub",
    "application/x-mobipocket-ebook": "mobi",
    "image/jpeg": "jpg",
    "image/png": "png",
}
UPLOADED = {"txt", "docx", "pdf", "xlsx", "epub", "mobi", "md", "csv", "json", "bmp", "png", "jpg", "jpeg", "gif"}


@dataclass(frozen=True, slots=True)
class Attach:
    """What a cell asks to attach.

    `files` (`-f`) and `images` (`-i`) are paths, globs or URLs; an image that stands among the files as well has its
    place there. `variables` (`-v`) are names in `namespace`, or expressions; `prompt` is searched for `@path` and
    `@variable`, and should be the text as typed, before values were put into it. `rows` is how many of a table's
    first and last rows are shown; without `values`, no value of a table or a variable is. `force` accepts what looks
    like a secret, and private addresses. `keys` are keys that must not be sent, beside those of the environment. With
    `as_documents`, a spreadsheet is kept as the file that it is, for a model that reads uploaded files, instead of
    being described.
    """

    files: tuple[str | PathLike[str], ...] = ()
    images: tuple[str | PathLike[str], ...] = ()
    variables: tuple[str, ...] = ()
    prompt: str = ""
    namespace: Mapping[str, Any] = field(default_factory=dict, repr=False)
    cwd: Path = field(default_factory=Path.cwd)
    rows: int = 5
    values: bool = True
    force: bool = False
    keys: tuple[str, ...] = field(default=(), repr=False)
    limits: ImageLimits = field(default_factory=ImageLimits)
    as_documents: bool = False

    @property
    def shown_rows(self) -> int | None:
        """Rows of a table that are shown; `None` when no value of it is."""
        return self.rows if self.values else None

    def __bool__(self) -> bool:
        return bool(self.files or self.images or self.variables or "@" in self.prompt)


@dataclass(frozen=True, slots=True)
class Extracted:
    """The beginning of a document's text, whether there is `more` of it, and a remark for the model and the user."""

    text: str
    more: bool
    remark: str

    def first(self, characters: int) -> Extracted:
        """At most so many characters of it."""
        return Extracted(self.text[:characters], self.more or len(self.text) > characters, self.remark)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file, variable or web page that was read; it does not change afterwards.

    `data` is what is sent: a resized image, a file's own bytes (text in UTF-8), the text of a description; `size` and
    `sha256` are of these bytes. `kind` is for display (image, document, text, table, variable), `form` decides how it
    can be sent. `note` describes what was shrunk, converted or left out. `language` is that of the code fence around a
    text. `extracted` is the text of a document, or the error of extracting it; `None` if that was not tried.
    `upload_note` describes which part of a document that is uploaded was not searched for secrets.
    """

    name: str
    kind: str
    form: Form
    data: bytes = field(repr=False)
    mime: str
    note: str = ""
    language: str = ""
    sha256: str = ""
    extracted: Extracted | InputError | None = field(default=None, repr=False, compare=False)
    upload_note: str = ""

    def __post_init__(self) -> None:
        if not self.sha256:
            object.__setattr__(self, "sha256", sha256(self.data).hexdigest())

    @property
    def size(self) -> int:
        """Bytes that are sent."""
        return len(self.data)

    @property
    def memory(self) -> int:
        """Bytes that it takes as long as it is kept, with the text of a document."""
        return self.size + (getsizeof(self.extracted.text) if isinstance(self.extracted, Extracted) else 0)

    @property
    def text(self) -> str:
        """The words of a text or a description."""
        return self.data.decode("utf-8-sig")

    @property
    def filename(self) -> str:
        """A name that the Files API recognises the type by."""
        name = PurePosixPath(self.name).name
        wanted = {"description": "md", "text": "txt"}.get(self.form) or MIMES.get(self.mime, "")
        fits = suffix(name) in UPLOADED if self.form == "text" else suffix(name) == wanted
        return name if fits or not wanted else f"{name}.{wanted}"

    @property
    def uploadable(self) -> bool:
        """Whether the Files API reads this type."""
        return suffix(self.filename) in UPLOADED


def suffix(name: str) -> str:
    """The suffix of a file name without its dot, in lower case."""
    return PurePosixPath(name).suffix.lower().lstrip(".")
