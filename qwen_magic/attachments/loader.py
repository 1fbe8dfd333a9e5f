"""Loads the attachments that a cell names: finds, opens and reads them all; each step may raise `InputError`.

URLs are fetched after files and variables, so that no request is sent when one of these is refused. Images are read
last: their limits depend on their number.
"""

from __future__ import annotations

import difflib
import glob
import mimetypes
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from ..core.errors import InputError
from ..core.translatable import _, listed
from .at_mentions import is_data, mentioned_variables, mentions
from .attachment import Attach, Attachment, suffix
from .file_access import open_file
from .file_types import HEAD, FileType, image, recognise
from .readers import Opened, read
from .secret_scanner import own_keys, refuse_secret_file, refuse_secret_text
from .size_limits import MAX_DOCUMENTS, MAX_IMAGES

__all__ = ["gather"]

WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class _AttachmentSource:
    """A named file or URL.

    `as_image`: the user named it as an image. `shadows`: there is a variable of the same name.
    """

    name: str
    path: Path | None = None
    url: str = ""
    as_image: bool = False
    shadows: bool = False


def gather(attach: Attach) -> tuple[Attachment, ...]:
    """Read everything that `attach` names: files, images and mentions in this order, then variables.

    Raises `InputError` for the first item that cannot be attached, or looks like a secret.
    """
    from .variables import is_picture, read_variable

    attach = replace(attach, keys=own_keys(attach.keys))
    named = _sources(attach)
    typed = mentioned_variables(attach.prompt, attach.cwd, attach.namespace)
    variables = {name: _variable(attach, name) for name in (*attach.variables, *typed)}
    pictures = [name for name, value in variables.items() if is_picture(value)]
    with ExitStack() as stack:
        opened = {source: _opened_file(source, stack) for source in named if source.path}
        done = {source: (*read(each, attach),) for source, each in opened.items() if not each.is_image}
        described = {name: read_variable(name, variables[name], attach) for name in variables if name not in pictures}
        opened |= {source: _fetched(source, attach.force) for source in named if source.url}
        images = sum(each.is_image for each in opened.values()) + len(pictures)
        if images > MAX_IMAGES:
            raise InputError(
                _(
                    "These are {images} images, and a question takes {max_images}.",
                    images=images,
                    max_images=MAX_IMAGES,
                ),
                _("Attach fewer of them."),
            )
        attach = replace(attach, limits=attach.limits.shared_by(images))
        done |= {source: (*read(each, attach),) for source, each in opened.items() if source not in done}
    described |= {name: read_variable(name, variables[name], attach) for name in pictures}
    files = (_noted(each, source) for source in named for each in done[source])
    return tuple(_distinct((*files, *(described[name] for name in variables))))


def _noted(attachment: Attachment, source: _AttachmentSource) -> Attachment:
    """The attachment; where a mention may have meant a variable, with a note that it is the file."""
    if not source.shadows:
        return attachment
    note = _("the file; the variable goes with -v {name}", name=source.name)
    return replace(attachment, note=listed((note, attachment.note)))


def _sources(attach: Attach) -> tuple[_AttachmentSource, ...]:
    """The named files and URLs, each once. Raises `InputError` for a missing file, a secret, or too many."""
    mentioned = [mention.path for mention in mentions(attach.prompt, attach.cwd)]
    found: dict[object, _AttachmentSource] = {}
    for path in (*attach.files, *attach.images, *mentioned):
        for source in _find(os.fspath(path), attach.cwd, path in attach.images):
            shadows = path in mentioned and is_data(str(path), attach.namespace.get(str(path)))
            key = source.url or os.path.realpath(source.path or "")
            found.setdefault(key, replace(source, shadows=shadows))
    if len(found) > MAX_DOCUMENTS:
        raise InputError(
            _("More than {max_documents} files are too many for one question.", max_documents=MAX_DOCUMENTS),
            _("Attach fewer of them."),
        )
    if not attach.force:
        for source in found.values():
            if source.path:
                refuse_secret_file(source.path, source.name)
            else:
                refuse_secret_text(source.url, _without_login(source.url), attach.keys)
    return tuple(found.values())


def _find(given: str, cwd: Path, as_image: bool) -> Iterable[_AttachmentSource]:
    """The files that a path, a glob or a URL stands for; a file that has the glob's signs in its name comes first."""
    if given.startswith(WEB):
        return (_AttachmentSource(given, url=given, as_image=as_image),)
    if not given.strip() or "\0" in given:
        raise InputError(_("There is no file called {given!r}.", given=given))
    path = cwd / _expanded(given)
    if os.path.lexists(path) or not glob.has_magic(given):
        return (_AttachmentSource(_shown(path, cwd), path, as_image=as_image),)
    return _matches(given, path, cwd, as_image)


def _matches(given: str, path: Path, cwd: Path, as_image: bool) -> Iterator[_AttachmentSource]:
    pattern = os.path.join(glob.escape(str(cwd)), _expanded(given))
    files = (Path(each) for each in glob.iglob(pattern, recursive=True) if not os.path.isdir(each))
    found = sorted(islice(files, MAX_DOCUMENTS + 1))
    if not found:
        raise InputError(_("No file matches {given}.", given=given), _("Looked for it from {cwd}.", cwd=cwd))
    return (_AttachmentSource(_shown(each, cwd), each, as_image=as_image) for each in found)


def _expanded(given: str) -> str:
    """`given` with `~` expanded; unchanged if the home folder is unknown."""
    return os.path.expanduser(given)


def _shown(path: Path, cwd: Path) -> str:
    """The file's name for the model: its path inside `cwd`, else its name alone, without the folders of the machine."""
    try:
        name = path.relative_to(cwd).as_posix()
    except ValueError:
        name = path.name or str(path)
    # A name on the disk may be no text in any encoding, and what is sent is UTF-8.
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _opened_file(source: _AttachmentSource, stack: ExitStack) -> Opened:
    file = stack.enter_context(open_file(source.path or Path(), source.name))
    return Opened(source.name, file, _kind_of(file, source.name, source.as_image))


def _kind_of(file: BinaryIO, name: str, as_image: bool) -> FileType:
    if not as_image:
        return recognise(file, name)
    head = file.read(HEAD)
    file.seek(0)
    return image(head) or FileType("image", "")


def _fetched(source: _AttachmentSource, force: bool) -> Opened:
    from .url_download import fetch

    got = fetch(source.url, force=force)
    ending = mimetypes.guess_extension(got.mime) or ""
    name = got.name if suffix(got.name) else got.name + ending
    file = BytesIO(got.data)
    kind = _kind_of(file, name, source.as_image)
    return Opened(name, file, kind, page=kind.reader == "text" and got.mime in ("text/html", "application/xhtml+xml"))


def _without_login(url: str) -> str:
    """`url` for display: without user and password, query and fragment."""
    try:
        parsed = urlsplit(url)
        return f"{parsed.scheme}://{parsed.hostname}{parsed.path}"
    except ValueError:
        return _("The URL")


def _variable(attach: Attach, name: str) -> object:
    """The notebook's variable called `name`, or the value of this expression.

    Raises `InputError` with the nearest names, or with what went wrong.
    """
    if name in attach.namespace:
        return attach.namespace[name]
    if name.isidentifier():
        raise _missing_variable(name, [each for each in attach.namespace if not each.startswith("_")])
    try:
        code = compile(name.strip(), "<-v>", "eval")
    except (SyntaxError, ValueError):
        raise InputError(_("-v takes a variable or an expression of Python, and {name} is none.", name=name)) from None
    try:
        # As in {{ }}: the user's own expression, in the user's namespace.
        return eval(code, dict(attach.namespace))
    except Exception as error:
        raise InputError(
            _("-v {name} failed: {kind}: {error}.", name=name, kind=type(error).__name__, error=error)
        ) from error


def _missing_variable(name: str, known: list[str]) -> InputError:
    near = difflib.get_close_matches(name, known, n=3)
    return InputError(
        _("There is no variable {name}.", name=name), _("Did you mean {near}?", near=" or ".join(near)) if near else ""
    )


def _distinct(attachments: Iterable[Attachment]) -> Iterator[Attachment]:
    """The attachments, and never two of the same name."""
    names: set[str] = set()
    for attachment in attachments:
        name, number = attachment.name, 1
        while name in names:
            number += 1
            name = f"{attachment.name} ({number})"
        names.add(name)
        yield attachment if name == attachment.name else replace(attachment, name=name)
