"""Attaching files by path, glob and mention: what is found, what is refused before anything is read or sent."""

from __future__ import annotations

import gzip
import os
import socket
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

from qwen_magic.attachments import Attach, Attachment, Target, gather, mentions, parts, suggestions
from qwen_magic.core.errors import InputError
from qwen_magic.core.messages import Text

POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX only")
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"


def attach(folder: Path, *files: str, **options: object) -> tuple[Attachment, ...]:
    return gather(Attach(files=files, cwd=folder, **options))  # type: ignore[arg-type]  # a test's own options


def refusal(folder: Path, *files: str, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        attach(folder, *files, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def words(attachment: Attachment) -> str:
    (part,) = parts([attachment], Target()).parts
    assert isinstance(part, Text)
    return part.text


# --- what is found


def test_a_text_goes_inline_named_and_fenced(tmp_path: Path) -> None:
    (tmp_path / "half life.py").write_text("print('```')\n", encoding="utf-8")
    (found,) = attach(tmp_path, "half life.py")
    assert words(found) == "File `half life.py`:\n\n````python\nprint('```')\n````"
    assert found.sha256 == sha256(b"print('```')\n").hexdigest()


def test_the_snapshot_stays_when_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("before", encoding="utf-8")
    (found,) = attach(tmp_path, "notes.txt")
    file.unlink()
    assert "before" in words(found)


def test_a_glob_gives_its_files_in_order_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / "d.txt").mkdir()
    assert [each.name for each in attach(tmp_path, "*.txt")] == ["a.txt", "b.txt"]
    assert [each.name for each in attach(tmp_path, "**/*.txt")] == ["a.txt", "b.txt", "sub/c.txt"]


def test_a_file_with_a_globs_signs_in_its_name_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "data[1].txt").write_text("one", encoding="utf-8")
    (tmp_path / "data1.txt").write_text("two", encoding="utf-8")
    assert "one" in words(attach(tmp_path, "data[1].txt")[0])


def test_home_is_found_and_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    (here := tmp_path / "here").mkdir()
    (found,) = attach(here, "~/notes.txt")
    assert found.name == "notes.txt"
    assert str(tmp_path) not in words(found)


def test_a_file_that_is_named_twice_is_attached_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    assert len(attach(tmp_path, "a.txt", "./a.txt", "*.txt", prompt="see @a.txt")) == 1


def test_two_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("one", "two", "here"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(folder, encoding="utf-8")
    found = attach(tmp_path / "here", "../one/a.txt", str(tmp_path / "two" / "a.txt"))
    assert len({each.name for each in found}) == 2


@pytest.mark.parametrize(
    ("encoding", "text", "note"),
    [
        ("utf-8", "naïve 你好", ""),
        ("utf-8-sig", "naïve 你好", ""),
        ("utf-16", "naïve 你好", "read as UTF-16"),
        ("utf-16-le", "plain text, long enough", "read as UTF-16"),
        ("gb18030", "中文文件：第一行。\n第二行，还有 English。", "read as GB18030"),
        ("cp1252", "Das Mädchen läuft über die Straße – café", "read as CP1252"),
    ],
)
def test_texts_arrive_in_their_own_letters(tmp_path: Path, encoding: str, text: str, note: str) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    (found,) = attach(tmp_path, "a.txt")
    assert text in words(found)
    assert found.note == note


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\xff\xfea\x00\x00\xd8b\x00", "a�b"),
        (b"\xff\xfea\x00b", "a�"),
        (b"\xef\xbb\xbfabc\xff", "abc�"),
        (b"\xff\xfe\x00\x00\xff\xff\xff\x7fa\x00\x00\x00", "�a"),
    ],
)
def test_what_is_no_character_in_a_text_that_names_its_encoding_is_said(
    tmp_path: Path, content: bytes, shown: str
) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    (found,) = attach(tmp_path, "a.txt")
    assert shown in words(found)
    assert "what is no character shown as �" in found.note


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text exist on Linux alone")
def test_a_name_that_is_no_text_can_be_sent(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.txt")).write_text("hello", encoding="utf-8")
    (found,) = attach(tmp_path, "*.txt")
    assert "hello" in words(found).encode().decode()


@pytest.mark.parametrize(
    "content",
    [
        "[" * 200_000,
        '{"cells": [1]}',
        '{"cells": {"a": 1}}',
        '{"cells": [{"source": [null]}]}',
        '{"cells": 5}',
        "5",
        "{",
    ],
)
def test_what_is_called_a_notebook_and_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.ipynb").write_text(content, encoding="utf-8")
    (found,) = attach(tmp_path, "a.ipynb")
    with pytest.raises(InputError, match=r"a\.ipynb is not a notebook of this format\."):
        words(found)


def test_a_notebook_with_half_a_surrogate_pair_and_a_number_of_5000_digits(tmp_path: Path) -> None:
    cell = '{"cell_type": "code", "source": "x\\ud800y", "execution_count": ' + "9" * 5_000 + "}"
    (tmp_path / "a.ipynb").write_text(f'{{"cells": [{cell}]}}', encoding="utf-8")
    (found,) = attach(tmp_path, "a.ipynb")
    assert "x\\ud800y" in words(found).encode().decode()


def test_nothing_heavy_is_imported_for_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from qwen_magic.attachments import *; "
        f"parts(gather(Attach(files=('a.txt',), cwd=Path({str(tmp_path)!r}))), Target()); "
        "print({'PIL', 'httpx2', 'narwhals', 'pandas', 'numpy', 'pyarrow', 'openpyxl', 'pypdf'} & set(sys.modules))"
    )
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# --- mentions


def test_mentions_are_files_and_nothing_else(tmp_path: Path) -> None:
    for name in ("plot.png", "with spaces.png", "图.png", "a.b", "dataclass", "v1.2", "o'neil.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "src").mkdir()

    def found(prompt: str) -> list[str]:
        return [prompt[each.start : each.end] for each in mentions(prompt, tmp_path)]

    assert found("see @plot.png.") == ["@plot.png"]
    assert found('see @"with spaces.png", please') == ['@"with spaces.png"']
    assert found("看@图.png，说说") == ["@图.png"]
    assert found("(@plot.png) @v1.2! @a.b; @./plot.png") == ["@plot.png", "@v1.2", "@a.b", "@./plot.png"]
    assert found("这是@plot.png的图") == ["@plot.png"]
    assert found("me@plot.png git@a.b @media (x) @property @src @nothing.png @ @@plot.png") == []
    assert found("@plot.png and @plot.png") == ["@plot.png"]
    assert found("@dataclass\nclass A: ...") == ["@dataclass"], "there is such a file"


def test_a_mention_is_attached_and_stays_in_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello", encoding="utf-8")
    (found,) = attach(tmp_path, prompt="what is in @a.txt?")
    assert found.name == "a.txt"


def test_tab_offers_files_behind_an_at(tmp_path: Path) -> None:
    for name in ("plot.png", "plan b.txt", ".hidden"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "one.png").write_text("x", encoding="utf-8")
    assert suggestions("see @pl", tmp_path) == ('@"plan b.txt"', "@plot.png", "@plots/")
    assert suggestions("see @plots/", tmp_path) == ("@plots/one.png",)
    assert suggestions('see @"plan', tmp_path) == ('@"plan b.txt"',)
    assert suggestions("see @.h", tmp_path) == ("@.hidden",)
    assert suggestions("me@pl", tmp_path) == suggestions("see @plot.png it", tmp_path) == ()


# --- refusals


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_text("x", encoding="utf-8")
    assert refusal(tmp_path, "raport.pdf") == "There is no file raport.pdf. Did you mean report.pdf?"
    assert "Looked for it in" in refusal(tmp_path, "zzz")
    assert refusal(tmp_path, "a\0b") == r"There is no file called 'a\x00b'."
    assert refusal(tmp_path, "") == "There is no file called ''."


def test_a_folder_wants_a_glob(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert refusal(tmp_path, "data/") == "data is a folder. Say which files of it, such as data/*.csv"


def test_a_glob_without_a_match(tmp_path: Path) -> None:
    assert refusal(tmp_path, "*.xyz").startswith("No file matches *.xyz.")


def test_an_empty_file_and_a_blank_one(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "blank.txt").write_text(" \n\n", encoding="utf-8")
    assert refusal(tmp_path, "empty.txt") == "empty.txt is empty."
    assert refusal(tmp_path, "blank.txt").startswith("blank.txt is blank")


@POSIX
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "closed.txt"
    file.write_text("x", encoding="utf-8")
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("root reads everything")
    assert refusal(tmp_path, "closed.txt").startswith("closed.txt may not be read by you.")


@POSIX
def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refusal(tmp_path, "pipe") == "pipe is a pipe (FIFO), not a file."
    assert refusal(tmp_path, "loop") == "loop is a link that leads back to itself."
    assert refusal(tmp_path, "/dev/zero") == "zero is a device, not a file."
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "sock"))
        assert refusal(tmp_path, "sock") == "sock is a socket, not a file."


def test_archives_and_programs(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n"))
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("a.txt", "hello")
    (tmp_path / "a.exe").write_bytes(b"MZ\x90\0\x03\0\0\0" * 100)
    assert refusal(tmp_path, "a.csv.gz").startswith("a.csv.gz is an archive (gzip). Unpack it")
    assert refusal(tmp_path, "a.docx").startswith("a.docx is an archive (zip)."), "recognised by content"
    assert refusal(tmp_path, "a.exe").startswith("a.exe is neither text nor an image nor a document")


def test_more_than_a_hundred_files(tmp_path: Path) -> None:
    for number in range(101):
        (tmp_path / f"{number}.txt").write_text("x", encoding="utf-8")
    assert refusal(tmp_path, "*.txt").startswith("More than 100 files are too many for one question.")


def test_more_than_the_service_reads(tmp_path: Path) -> None:
    with (tmp_path / "huge.log").open("wb") as file:
        file.write(b"a line of a log\n" * 1000)
        file.truncate(151 << 20)
    assert refusal(tmp_path, "huge.log").startswith("huge.log is larger than 150 MB")


@pytest.mark.parametrize(
    "name",
    [
        *(".env", ".env.local", "prod.env", ".netrc", ".pypirc", ".git-credentials", "id_rsa", "secrets.toml"),
        *(".aws/credentials", ".ssh/config", ".kube/config", ".docker/config.json", "service-account-1.json"),
        *("server.key", "jpserver-1234.json", "kernel-1a2b.json", "kaggle.json", "credentials", ".bash_history"),
        *(".gnupg/private-keys-v1.d/A1.txt", ".aws/sso/cache/a1.json", "qwen_magic/engines/abc.json"),
    ],
)
def test_files_that_keep_secrets(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("user = me", encoding="utf-8")
    assert "looks like a file that keeps secrets. If it may leave this machine" in refusal(tmp_path, name)
    assert "looks like a file that keeps secrets" in refusal(tmp_path, prompt=f"see @{name}")
    assert attach(tmp_path, name, force=True)


@POSIX
def test_a_harmless_name_does_not_hide_a_secret(tmp_path: Path) -> None:
    (tmp_path / "id_rsa").write_text("x", encoding="utf-8")
    (tmp_path / "notes.txt").symlink_to(tmp_path / "id_rsa")
    assert "keeps secrets" in refusal(tmp_path, "notes.txt")


def test_what_is_only_named_like_a_secret(tmp_path: Path) -> None:
    for name in (".env.example", "id_rsa.pub", "environment.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
        assert attach(tmp_path, name)


def test_secrets_inside_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-0123456789abcdef0123")
    texts = {
        "a.txt": (PRIVATE, "a.txt holds a private key, in line 1."),
        "b.py": ("key = 'sk-0123456789abcdef0123'", "b.py holds the key that you ask with, in line 1."),
        "c.json": ('{"type": "service_account"}', "c.json holds the credentials of an account, in line 1."),
        "d.yaml": (
            "kind: Config\nusers:\n- user:\n    token: abc\n",
            "d.yaml holds the credentials of an account, in line 1.",
        ),
        "e.csv": (
            "name,key\n" + "x,sk-0123456789abcdef0123\n" * 2000,
            "e.csv holds the key that you ask with, in line ",
        ),
        "f.ipynb": (f'{{"cells": [], "x": "{PRIVATE}"}}', "f.ipynb holds a private key, in line "),
    }
    for name, (text, said) in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        message = refusal(tmp_path, name)
        assert message.startswith(said)
        assert "0123456789abcdef" not in message
        assert attach(tmp_path, name, force=True)


def test_a_refused_file_stops_the_others(tmp_path: Path) -> None:
    """Nothing is fetched either: the URL would fail with another message."""
    (tmp_path / ".env").write_text("x", encoding="utf-8")
    assert "keeps secrets" in refusal(tmp_path, "https://nowhere.invalid/a.txt", ".env")


def test_a_link_that_leads_nowhere_is_said_to_be_one(tmp_path: Path) -> None:
    try:
        (tmp_path / "a.txt").symlink_to("gone.txt")
    except OSError:
        pytest.skip("no links here")
    for given in ("a.txt", "*.txt"):
        with pytest.raises(InputError, match=r"a\.txt is a link that leads nowhere"):
            gather(Attach(files=(given,), cwd=tmp_path))


def test_the_root_is_a_folder_with_a_name(tmp_path: Path) -> None:
    root = Path(tmp_path.anchor)
    with pytest.raises(InputError) as caught:
        gather(Attach(files=(root,), cwd=tmp_path))
    assert str(caught.value).startswith(f"{root} is a folder.")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp932", "日本語のテキストです。これはテストです。"),
        ("cp950", "這是一個繁體中文的測試文件。"),
        ("cp1252", "Ähnlich Österreich, Ärger, ça và: ÀÇ"),
    ],
)
def test_texts_of_other_places_are_read_and_their_encoding_is_said(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "a.txt").write_bytes((text * 20).encode(encoding))
    (found,) = gather(Attach(files=("a.txt",), cwd=tmp_path))
    assert (found.text, found.note) == (text * 20, f"read as {encoding.upper()}")
