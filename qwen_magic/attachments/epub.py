"""The text of an EPUB, chapter by chapter in reading order: an archive of web pages, read with the standard library."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import unquote
from xml.etree import ElementTree

from ..core.errors import InputError
from ..core.translatable import _
from .html_text import words
from .zip_limits import unpackable

__all__ = ["sections"]

# The names of EPUB's own specification (EPUB 3.3, "Open Container Format" and "Package document").
CONTAINER = "META-INF/container.xml"
CONTAINER_NAMES = {"c": "urn:oasis:names:tc:opendocument:xmlns:container"}
PACKAGE_NAMES = {"p": "http://www.idpf.org/2007/opf"}


def sections(file: BinaryIO, name: str) -> Iterator[str]:
    """Each chapter that has words. Raises `InputError` for a book whose contents are locked."""
    with zipfile.ZipFile(unpackable(file, name)) as book:
        if "META-INF/rights.xml" in book.namelist():
            raise InputError(_("{name} is locked by its publisher.", name=name))
        for path in _chapters(book):
            text = words(book.read(path).decode("utf-8", "replace"))
            if text:
                yield text


def _chapters(book: zipfile.ZipFile) -> Iterator[str]:
    """The paths of the chapters in the order of the spine, each once."""
    container = ElementTree.fromstring(book.read(CONTAINER))
    rootfile = container.find(".//c:rootfile", CONTAINER_NAMES)
    package_path = rootfile.get("full-path", "") if rootfile is not None else ""
    package = ElementTree.fromstring(book.read(package_path))
    items = {each.get("id"): each.get("href", "") for each in package.iterfind(".//p:manifest/p:item", PACKAGE_NAMES)}
    left = set(book.namelist())
    for each in package.iterfind(".//p:spine/p:itemref", PACKAGE_NAMES):
        href = unquote(items.get(each.get("idref"), "")).partition("#")[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(package_path), href))
        if path in left:
            left.remove(path)
            yield path
