"""Tab behind `%qwen use local:`: the models of the table with their sizes, and model files by their path."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.kernels import Kernel

from qwen_magic.local.catalogue import CATALOGUE

USE = "%qwen use local:"


@pytest.fixture
def files(kernel: Kernel) -> Path:
    """The folder of a kernel with the extension, and home as well; with models in it, and more."""
    folder = kernel.folder / "my models"
    folder.mkdir(exist_ok=True)
    for name in ("own.gguf", "mmproj-own.gguf", "large-00001-of-00002.gguf", "large-00002-of-00002.gguf", "notes.txt"):
        (folder / name).write_bytes(b"." * 2_000_000)
    (folder / "more").mkdir(exist_ok=True)
    (folder / ".hidden").mkdir(exist_ok=True)
    kernel.run("%load_ext qwen_magic")
    return kernel.folder


def offered(kernel: Kernel, code: str) -> dict[str, str]:
    """The whole line that each completion makes, and what is said of it."""
    return {code[: each["start"]] + each["text"]: each["type"] for each in kernel.completions(code)}


def test_the_table_is_offered_with_sizes(kernel: Kernel, files: Path) -> None:
    found = offered(kernel, USE)
    assert {USE + model.name for model in CATALOGUE} <= found.keys()
    assert found[f"{USE}qwen3-4b"] == "2.5 GB"
    assert found[f"{USE}qwen3-vl-2b"] == "1.6 GB, sees images"
    assert f"{USE}vision" in found
    assert offered(kernel, f"{USE}qwen3-vl").keys() == {f"{USE}qwen3-vl-{size}" for size in ("2b", "4b", "8b")}


@pytest.mark.parametrize("folder", ["", "./", "~/", "{home}/"])
def test_folders_are_offered(kernel: Kernel, files: Path, folder: str) -> None:
    begun = USE + folder.format(home=files.as_posix())
    assert offered(kernel, f"{begun}my")[f"{begun}my models/"] == "folder"


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_files_are_offered_also_in_quotes(kernel: Kernel, files: Path, quote: str) -> None:
    begun = f"{USE}{quote}~/my models/"
    assert offered(kernel, begun) == {
        f"{begun}large-00001-of-00002.gguf{quote}": "4.0 MB",
        f"{begun}more/": "folder",
        f"{begun}own.gguf{quote}": "2.0 MB",
    }
    assert offered(kernel, f"{begun}o").keys() == {f"{begun}own.gguf{quote}"}


def test_a_question_is_not_completed(kernel: Kernel, files: Path) -> None:
    assert not any("qwen3-4b" in line for line in offered(kernel, "%qwen What is local:qwen3"))


def test_without_the_extension_nothing_is_offered(kernel: Kernel, files: Path) -> None:
    kernel.run("%unload_ext qwen_magic")
    assert not any("qwen3-4b" in line for line in offered(kernel, f"{USE}qwen3"))
