"""Documents: kept as the files that they are, and their text where nobody else reads them."""

from __future__ import annotations

import json
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from qwen_magic.attachments import Attach, Attachment, Sent, Target, gather, parts
from qwen_magic.core.errors import InputError
from qwen_magic.core.messages import Text

LONG = Target("qwen-long", sees=False, uploads=True)


def attach(folder: Path, *files: str) -> tuple[Attachment, ...]:
    return gather(Attach(files=files, cwd=folder))


def text_of(sent: Sent) -> str:
    (part,) = sent.parts
    assert isinstance(part, Text)
    return part.text


def inline(folder: Path, name: str, characters: int = 100_000) -> str:
    return text_of(parts(attach(folder, name), Target(characters=characters)))


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page, as small as one can be."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        content = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET" if text else ""
        objects += [
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF"
    return out + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("latin-1")


def test_a_pdf_is_kept_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf("Hello"))
    (found,) = attach(tmp_path, "a.pdf")
    assert found.data == pdf("Hello")
    assert (found.kind, found.mime, found.filename) == ("document", "application/pdf", "a.pdf")
    assert found.sha256 == sha256(pdf("Hello")).hexdigest()


def test_the_text_of_a_pdf(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf("Hello", "World"))
    text = inline(tmp_path, "a.pdf")
    assert text.startswith("Document `a.pdf` (its text):")
    assert "[page 1 of 2]\nHello" in text
    assert "[page 2 of 2]\nWorld" in text


def test_no_more_of_a_pdf_is_read_than_fits(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(*(f"This is page {number}" for number in range(40))))
    sent = parts(attach(tmp_path, "a.pdf"), Target(characters=200))
    assert "This is page 3" in text_of(sent)
    assert "This is page 9" not in text_of(sent)
    assert "cut after" in sent.attached[0].note


def test_a_scan_says_that_it_has_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf("", ""))
    with pytest.raises(InputError, match=r"a\.pdf has no text in it: it may be a scan\."):
        inline(tmp_path, "a.pdf")


def test_a_locked_pdf(tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(clone_from=BytesIO(pdf("Hello")))
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "a.pdf")
    with pytest.raises(InputError, match=r"a\.pdf is locked with a password\."):
        inline(tmp_path, "a.pdf")


def test_a_damaged_document(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\nnothing of a PDF follows")
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(InputError, match=r"a\.pdf cannot be read"):
        inline(tmp_path, "a.pdf")
    with pytest.raises(InputError, match=r"a\.docx is damaged: it cannot be unpacked\."):
        inline(tmp_path, "a.docx")


def test_the_old_formats_of_office(tmp_path: Path) -> None:
    (tmp_path / "a.doc").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(InputError, match=r"a\.doc is in the old format of Office"):
        attach(tmp_path, "a.doc")


def test_the_text_of_a_word_document(tmp_path: Path) -> None:
    document = pytest.importorskip("docx").Document()
    document.add_heading("Results", 1)
    document.add_paragraph("It works.")
    table = document.add_table(2, 2)
    for row, words in zip(table.rows, (("a", "b"), ("1", "2")), strict=True):
        for cell, word in zip(row.cells, words, strict=True):
            cell.text = word
    document.add_paragraph("after the table")
    document.save(tmp_path / "a.docx")
    assert "# Results\n\nIt works.\n\na | b\n1 | 2\n\nafter the table" in inline(tmp_path, "a.docx")


def test_the_text_of_slides(tmp_path: Path) -> None:
    show = pytest.importorskip("pptx").Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Title"
    slide.placeholders[1].text = "a point"
    slide.notes_slide.notes_text_frame.text = "say this"
    show.save(tmp_path / "a.pptx")
    assert "[slide 1]\nTitle\na point\nNotes: say this" in inline(tmp_path, "a.pptx")


def test_the_text_of_a_book_in_reading_order(tmp_path: Path) -> None:
    opf = """<package xmlns="http://www.idpf.org/2007/opf"><manifest>
        <item id="two" href="b.xhtml"/><item id="one" href="text/a%20a.xhtml"/></manifest>
        <spine><itemref idref="one"/><itemref idref="two"/></spine></package>"""
    container = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
        <rootfile full-path="OEBPS/book.opf"/></rootfiles></container>"""
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("META-INF/container.xml", container)
        book.writestr("OEBPS/book.opf", opf)
        book.writestr(
            "OEBPS/text/a a.xhtml", "<html><head><title>x</title></head><h1>One</h1><p>It   begins.</p></html>"
        )
        book.writestr("OEBPS/b.xhtml", "<html><p>It&nbsp;ends.</p><script>no()</script></html>")
    assert "# One\n\nIt begins.\n\nIt ends." in inline(tmp_path, "a.epub")


def test_the_text_of_a_notebook_without_its_pictures(tmp_path: Path) -> None:
    outputs = [
        {"output_type": "stream", "text": ["one\n", "two\n"]},
        {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo" * 1000, "text/plain": "<Figure>"}},
        {"output_type": "error", "traceback": ["\x1b[31mValueError\x1b[0m: no"]},
    ]
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": "print(1)", "outputs": outputs},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}), encoding="utf-8")
    text = inline(tmp_path, "a.ipynb")
    assert "[cell 1]\n# Title" in text
    assert "[cell 2, python]\nprint(1)\n[output]\none\ntwo\n" in text
    assert "[image/png]\n<Figure>" in text
    assert "ValueError: no" in text
    assert "iVBOR" not in text


def test_a_page_on_the_disk_is_source_code(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<p>Hello</p>", encoding="utf-8")
    assert inline(tmp_path, "a.html") == "File `a.html`:\n\n```html\n<p>Hello</p>\n```"


def test_documents_are_uploaded_where_the_model_reads_files(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf("Hello"))
    (tmp_path / "small.txt").write_text("small", encoding="utf-8")
    (tmp_path / "large.py").write_text("x = 1\n" * 10_000, encoding="utf-8")
    uploaded: list[tuple[str, bytes]] = []

    def upload(attachment: Attachment) -> str:
        uploaded.append((attachment.filename, attachment.data))
        return f"file-fe-{len(uploaded)}"

    sent = parts(attach(tmp_path, "a.pdf", "small.txt", "large.py"), LONG, upload=upload)
    assert [type(part).__name__ for part in sent.parts] == ["Document", "Text", "Document"]
    assert uploaded == [("a.pdf", pdf("Hello")), ("large.py.txt", b"x = 1\n" * 10_000)]
    assert [each.note for each in sent.attached] == ["uploaded", "", "uploaded"]


def test_an_image_is_a_document_for_a_model_that_reads_files(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (40, 30))
    image.save(tmp_path / "a.webp")
    names: list[str] = []
    sent = parts(attach(tmp_path, "a.webp"), LONG, upload=lambda each: names.append(each.filename) or "file-fe-1")  # type: ignore[func-returns-value]  # append gives None
    assert type(sent.parts[0]).__name__ == "Document"
    assert names == ["a.webp.jpg"]


# --- the budget


def test_small_texts_stay_whole_and_large_ones_share_the_rest(tmp_path: Path) -> None:
    for name, lines in (("small.txt", 10), ("large.txt", 5_000), ("huge.txt", 50_000)):
        (tmp_path / name).write_text("a line of text\n" * lines, encoding="utf-8")
    sent = parts(attach(tmp_path, "small.txt", "large.txt", "huge.txt"), Target(characters=30_000))
    sizes = [len(part.text) for part in sent.parts if isinstance(part, Text)]
    assert sum(sizes) < 30_500
    assert sizes[0] < 300
    assert abs(sizes[1] - sizes[2]) < 100
    notes = [each.note for each in sent.attached]
    assert notes == ["", "cut after 14,925 of 75,000 characters", "cut after 14,925 of 750,000 characters"]
    assert notes[2] in str(sent.parts[2]), "the model is told as well"


def test_what_is_in_the_context_already_is_referred_to_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "copy.txt").write_text("hello", encoding="utf-8")
    found = attach(tmp_path, "a.txt", "copy.txt")
    again = parts(found, Target(), sent={found[0].sha256})
    assert [part.text for part in again.parts if isinstance(part, Text)] == [
        "File `a.txt` is attached above already.",
        "File `copy.txt` is attached above already.",
    ]
    assert [each.note for each in again.attached] == ["attached already"] * 2
