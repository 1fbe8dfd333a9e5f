"""Files that are made to crash, to fill or to stall whoever reads them: one clear line each, and the kernel stays."""

from __future__ import annotations

import random
import struct
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.kernels import Kernel

from qwen_magic.attachments import Attach, Target, gather, parts
from qwen_magic.attachments.isolated_reader import read_apart
from qwen_magic.core.errors import InputError
from qwen_magic.core.messages import Text

MB = 1 << 20
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def text(folder: Path, name: str) -> str:
    """What of a file is sent to a model that reads no uploaded ones."""
    (part,) = parts(gather(Attach(files=(name,), cwd=folder)), Target(characters=100_000)).parts
    assert isinstance(part, Text)
    return part.text


def refusal(folder: Path, name: str) -> str:
    with pytest.raises(InputError) as caught:
        text(folder, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def repacked(path: Path, changes: Mapping[str, str | bytes]) -> None:
    """Puts other contents into the files of an archive."""
    with zipfile.ZipFile(path) as archive:
        contents: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**contents, **changes}.items():
            archive.writestr(name, content)


# --- Office and EPUB


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    book = pytest.importorskip("openpyxl").Workbook()
    book.active.append(["name", "value"])
    book.active.append(["a", 1])
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    document = pytest.importorskip("docx").Document()
    document.add_paragraph("Dear Sir")
    document.save(tmp_path / "a.docx")
    return tmp_path / "a.docx"


def sheet(rows: str, last: str = "B3000000000") -> str:
    return f'<worksheet {MAIN}><dimension ref="A1:{last}"/><sheetData>{rows}</sheetData></worksheet>'


def test_a_row_number_of_three_billion(workbook: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>7</v></c></row><row r="3000000000"><c r="A3000000000"><v>8</v></c></row>'
    repacked(workbook, {"xl/worksheets/sheet1.xml": sheet(rows)})
    assert "7" in text(workbook.parent, "a.xlsx")


def test_shared_strings_that_fill_a_memory(workbook: Path) -> None:
    strings = f"<sst {MAIN}>{'<si><t/></si>' * (15 * MB)}</sst>"
    repacked(workbook, {"xl/sharedStrings.xml": strings})
    assert workbook.stat().st_size < MB
    assert refusal(workbook.parent, "a.xlsx").startswith("a.xlsx unpacks to 204 MB, 204 MB of it XML: more than")


def test_a_sheet_larger_than_a_memory_is_read_row_by_row(workbook: Path) -> None:
    row = '<row><c t="inlineStr"><is><t>north</t></is></c><c><v>7</v></c></row>'
    repacked(workbook, {"xl/worksheets/sheet1.xml": sheet(row * (3 * MB))})
    description = text(workbook.parent, "a.xlsx")
    assert "about 1,048,575 rows × 2 columns" in description
    assert "The facts on its columns are from its first" in description


def test_sheets_of_many_columns_share_a_budget_of_cells(workbook: Path) -> None:
    row = "<row>" + "<c><v>7</v></c>" * 500 + "</row>"
    repacked(workbook, {"xl/worksheets/sheet1.xml": sheet(row * 1_100, "SF1100")})
    assert "The facts on its columns are from its first" in text(workbook.parent, "a.xlsx")


def word_body(content: str) -> dict[str, str]:
    return {"word/document.xml": f"<w:document {WORD}><w:body>{content}</w:body></w:document>"}


def test_a_cell_of_a_hundred_million_columns(letter: Path) -> None:
    cell = (
        '<w:tc><w:tcPr><w:gridSpan w:val="100000000"/></w:tcPr><w:p><w:r><w:t>wide</w:t></w:r></w:p></w:tc>'
        "<w:tc><w:p><w:r><w:t>next</w:t></w:r></w:p></w:tc>"
    )
    repacked(letter, word_body(f"<w:tbl><w:tblGrid/><w:tr>{cell}</w:tr></w:tbl>"))
    found = text(letter.parent, "a.docx")
    assert "wide | " in found
    assert found.rstrip("`\n").endswith("| next")
    assert len(found) < 1_000


def test_a_document_that_unpacks_to_more_xml_than_a_memory_holds(letter: Path) -> None:
    repacked(letter, word_body("<w:p/>" * (40 * MB)))
    assert letter.stat().st_size < 2 * MB
    assert refusal(letter.parent, "a.docx").startswith("a.docx unpacks to 252 MB")


def test_xml_that_hides_behind_another_name(letter: Path) -> None:
    """Its tree would take 12 GB; the process that reads it may not."""
    with zipfile.ZipFile(letter) as archive:
        types = archive.read("[Content_Types].xml").decode().replace("/word/document.xml", "/word/document.bin")
        links = archive.read("_rels/.rels").decode().replace("word/document.xml", "word/document.bin")
    (body,) = word_body("<w:p/>" * (20 * MB)).values()
    repacked(letter, {"[Content_Types].xml": types, "_rels/.rels": links, "word/document.bin": body})
    told = refusal(letter.parent, "a.docx")
    assert told.startswith(("a.docx takes more than 2.0 GB of memory", "a.docx cannot be read ("))


def test_a_list_of_files_that_never_ends(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        for number in range(60_000):
            archive.writestr(f"word/{number:050}.xml", b"")
    assert (
        refusal(tmp_path, "a.docx")
        == "a.docx holds too many files to be a document. Unpack it, and attach the files in it that matter."
    )


def book(path: Path, spine: str, chapter: str) -> None:
    opf = f"""<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="one" href="a.xhtml"/></manifest>
        <spine>{spine}</spine></package>"""
    container = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
        <rootfile full-path="book.opf"/></rootfiles></container>"""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("book.opf", opf)
        archive.writestr("a.xhtml", chapter)


def test_a_chapter_that_is_named_a_hundred_thousand_times_is_told_once(tmp_path: Path) -> None:
    book(tmp_path / "a.epub", '<itemref idref="one"/>' * 100_000, f"<p>once</p>{'<i></i>' * 100_000}")
    assert text(tmp_path, "a.epub").count("once") == 1


@pytest.mark.parametrize("piece", ["<!--", "<div ", "<![foo[", "<a b='", "</", "<?", "&#", "<p>"])
def test_markup_that_nothing_closes_takes_no_longer_than_other_markup(tmp_path: Path, piece: str) -> None:
    """Of a book's chapter; web pages are read by the same."""
    book(tmp_path / "a.epub", '<itemref idref="one"/>', f"<p>before</p>{piece * 100_000}")
    assert "before" in text(tmp_path, "a.epub")


# --- Arrow and Parquet


def arrow_file(path: Path, column: object) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": column})
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def test_offsets_that_point_behind_their_buffer_show_no_memory_and_crash_nothing(tmp_path: Path) -> None:
    """The offsets of a column of strings, in every way in which one of them can be wrong."""
    arrow_file(tmp_path / "a.arrow", ["one", "two", "three"])
    content = (tmp_path / "a.arrow").read_bytes()
    offsets = struct.pack("<4i", 0, 3, 6, 11)
    assert content.count(offsets) == 1
    for wrong in ((0, 3, 6, 1 << 20), (0, 3, 6, 0x7FFFFFFF), (0, -5, 6, 11), (-(1 << 30), 3, 6, 11), (0, 9, 3, 11)):
        (tmp_path / "a.arrow").write_bytes(content.replace(offsets, struct.pack("<4i", *wrong)))
        assert refusal(tmp_path, "a.arrow").startswith("a.arrow cannot be read (")


def test_a_dictionary_s_index_behind_its_end(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    arrow_file(tmp_path / "a.arrow", pa.array(["x", "y", "x", "y"]).dictionary_encode())
    content = (tmp_path / "a.arrow").read_bytes()
    indices = struct.pack("<4i", 0, 1, 0, 1)
    (tmp_path / "a.arrow").write_bytes(content.replace(indices, struct.pack("<4i", 0, 1, 0, 1 << 28)))
    assert refusal(tmp_path, "a.arrow").startswith("a.arrow cannot be read (")


def test_a_parquet_file_of_few_bytes_and_endless_strings(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 1_900_000, pa.int32()), pa.array(["x" * MB]))
    parquet.write_table(pa.table({"a": column}), tmp_path / "a.parquet", store_schema=False, compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 10_000
    assert "1,900,000 rows × 1 column" in text(tmp_path, "a.parquet")


def test_a_kernel_outlives_every_damaged_arrow_file(notebook: Kernel) -> None:
    pytest.importorskip("pyarrow")
    arrow_file(notebook.folder / "a.arrow", [["one"], ["two", None], []])
    content = (notebook.folder / "a.arrow").read_bytes()
    dice = random.Random(13)
    for number in range(12):
        damaged = bytearray(content)
        for _ in range(4):
            struct.pack_into("<i", damaged, dice.randrange(8, len(content) - 12), dice.choice((-1, 1 << 30, 7)))
        (notebook.folder / f"{number}.arrow").write_bytes(damaged)
        result = notebook.run(f"%qwen -n -f {number}.arrow what is this?")
        assert result.status == "ok" or result.text.count("\n") == 0, result.text
    assert notebook.value("1 + 1") == 2


# --- the process that reads


def slow_book(path: Path) -> None:
    """Its chapter takes some ten seconds."""
    book(path, '<itemref idref="one"/>', "<p>" + "<i>a</i>" * (2 * MB))


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    slow_book(tmp_path / "a.epub")
    with (tmp_path / "a.epub").open("rb") as file, pytest.raises(InputError) as caught:
        read_apart("document", file, "a.epub", seconds=0.5, mime="application/epub+zip")
    assert str(caught.value) == "Reading a.epub took longer than 0.5 s, and was stopped. Attach a part of it."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of memory that a process sets itself")
def test_a_file_that_takes_too_much_memory_is_given_up(tmp_path: Path) -> None:
    book(tmp_path / "a.epub", '<itemref idref="one"/>', "<p>" + "a " * (50 * MB))
    with (
        (tmp_path / "a.epub").open("rb") as file,
        pytest.raises(InputError, match=r"takes more than 64\.0 MB of memory"),
    ):
        read_apart("document", file, "a.epub", memory=64 * MB, mime="application/epub+zip")


def test_a_stopped_cell_stops_reading(notebook: Kernel) -> None:
    slow_book(notebook.folder / "a.epub")
    run = notebook.send("%qwen -f a.epub what is this?")
    children = "[each.name() for each in __import__('psutil').Process().children() if each.is_running()]"
    notebook.interrupt_after(1.0)
    begun = time.monotonic()
    assert run.result().status == "error"
    assert time.monotonic() - begun < 20
    assert notebook.value(children) == []
