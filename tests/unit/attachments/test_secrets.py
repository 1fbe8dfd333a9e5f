"""Secrets stay here, whichever door they would leave by; what is only written like one goes through."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qwen_magic.assistant.prompts import fill
from qwen_magic.attachments import Attach, Target, gather, parts
from qwen_magic.core.errors import InputError

# Made here, so that no scanner of others takes this file for a leak.
LETTERS = random.Random(7)


def made(alphabet: str, length: int) -> str:
    return "".join(LETTERS.choices(alphabet, k=length))


LOWER, UPPER, DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
ANY = LOWER + UPPER + DIGITS
HEX = "0123456789abcdef"

SECRETS = {
    "DashScope": "sk-" + made(HEX, 32),
    "OpenAI": f"sk-proj-{made(ANY, 40)}-{made(ANY, 60)}",
    "Anthropic": f"sk-ant-api03-{made(ANY, 90)}-{made(ANY, 6)}AA",
    "a local engine": "sk-local-" + made(HEX, 32),
    "Alibaba Cloud": "LTAI5t" + made(ANY, 18),
    "ModelScope": "ms-" + str(uuid.UUID(int=LETTERS.getrandbits(128))),
    "AWS": "AKIA" + made(UPPER + "234567", 16),
    "GitHub": "ghp_" + made(ANY, 36),
    "GitHub's fine-grained": f"github_pat_{made(ANY, 22)}_{made(ANY, 59)}",
    "GitLab": "glpat-" + made(ANY, 20),
    "Hugging Face": "hf_" + made(ANY, 34),
    "Google": "AIza" + made(ANY, 35),
    "Slack": f"xoxb-{made(DIGITS, 12)}-{made(DIGITS, 12)}-{made(ANY, 24)}",
    "Stripe": "sk_live_" + made(ANY, 24),
    "npm": "npm_" + made(ANY, 36),
    "a JSON Web Token": f"eyJ{made(ANY, 33)}.eyJ{made(ANY, 60)}.{made(ANY, 43)}",
    "a private key": f"-----BEGIN RSA PRIVATE KEY-----\n{made(ANY, 64)}\n",
    "a private key in a string": f'key = "-----BEGIN PRIVATE KEY-----\\n{made(ANY, 64)}"',
    "an encrypted private key": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
    f"{made(HEX.upper(), 32)}\n\n{made(ANY, 64)}",
    "a URL with a password": f"postgresql://app:{made(ANY, 12)}@db.internal:5432/sales",
    "a signed URL": f"https://bucket.s3.amazonaws.com/a.csv?X-Amz-Expires=3600&X-Amz-Signature={made(HEX, 64)}",
    "a URL with a key": f"https://api.weather.test/v1?q=Rome&api_key={made(ANY, 24)}",
    "a header": f'headers = {{"Authorization": "Bearer {made(ANY, 40)}"}}',
    "a setting": "DB_PASSWORD=hunter2",
    "a password in a program": 'connect(user="me", password="hunter2")',
    "a password in YAML": "database:\n  user: me\n  password: hunter2!\n",
    "a password in JSON": '{"db": {"user": "me", "password": "hunter2"}}',
    "a secret access key": f"[default]\naws_secret_access_key = {made(ANY + '/+', 40)}\n",
    "a token in JSON": json.dumps({"port": 8888, "token": made(HEX, 48)}),
    "a netrc": "machine api.test login me password hunter2",
}


def refusal(**options: Any) -> str:
    with pytest.raises(InputError) as caught:
        gather(Attach(**options))
    return str(caught.value)


def is_hidden(secret: str, message: str) -> bool:
    """Whether a message shows no part of a secret, and is one line with the way on."""
    parts = [secret[at : at + 12] for at in range(max(0, len(secret) - 36), len(secret) - 12, 4)] + ["hunter2"]
    random_parts = [part for part in parts if any(map(str.isdigit, part))]
    return "\n" not in message and "--force" in message and not any(part in message for part in random_parts)


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_stays_here_whichever_way_it_would_go(tmp_path: Path, what: str) -> None:
    secret = SECRETS[what]
    (tmp_path / "notes.txt").write_text(f"Some notes.\n\n{secret}\n\nMore notes.\n", encoding="utf-8")
    in_file = refusal(files=("notes.txt",), cwd=tmp_path)
    assert in_file.startswith("notes.txt "), in_file
    assert is_hidden(secret, in_file)
    in_variable = refusal(variables=("it",), namespace={"it": ["words", secret.replace("\n", " \n")]})
    assert is_hidden(secret, in_variable)
    with pytest.raises(InputError) as in_prompt:
        fill("What is {{ it }}?", lambda source: secret)
    assert is_hidden(secret, str(in_prompt.value))
    assert gather(Attach(files=("notes.txt",), cwd=tmp_path, force=True))
    assert secret in fill("What is {{ it }}?", lambda source: secret, force=True)


@dataclass
class Login:
    user: str
    password: str


def function_with_a_key() -> str:
    return "hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


@pytest.mark.parametrize(
    "value",
    [
        {"db": {"main": {"user": "me", "password": "hunter2"}}},
        [Login("me", "hunter2")],
        {"passwords": ["hunter2", "hunter3"]},
        {"password": 123456},
        function_with_a_key,
    ],
    ids=["a nested dict", "a dataclass", "a list", "a number", "a function"],
)
def test_secrets_deep_inside_variables_are_found(value: object) -> None:
    assert "hunter" not in refusal(variables=("it",), namespace={"it": value})


def test_a_traceback_with_a_key_stays_here() -> None:
    error = ValueError(f"401 for {SECRETS['DashScope']}")
    assert refusal(variables=("error",), namespace={"error": error}).startswith("error holds what looks like a key")


def test_an_expression_is_judged_by_its_end() -> None:
    config = {"password": "abcdef", "size": 3}
    assert "is called like a secret" in refusal(variables=("config['password']",), namespace={"config": config})
    assert gather(Attach(variables=("config['size']",), namespace={"config": config}))
    with pytest.raises(InputError, match="is called like a secret"):
        fill("{{ config['password'] }}", lambda source: "abcdef")


def test_a_key_in_the_name_of_something_is_not_repeated() -> None:
    message = refusal(variables=(f"'{SECRETS['GitHub']}'",), namespace={})
    assert message.startswith("The name of what you attach holds what looks like a secret.")


@pytest.mark.parametrize("what", ["a URL with a password", "a signed URL", "a URL with a key"])
def test_a_url_with_a_login_is_not_fetched_unasked(what: str) -> None:
    url = "https" + SECRETS[what][SECRETS[what].index("://") :]
    message = refusal(files=(url,))
    assert is_hidden(SECRETS[what], message)


def test_secrets_inside_documents_stay_here(tmp_path: Path) -> None:
    docx, openpyxl = pytest.importorskip("docx"), pytest.importorskip("openpyxl")
    document = docx.Document()
    document.add_paragraph(f"Use {SECRETS['Hugging Face']} for the download.")
    document.save(tmp_path / "a.docx")
    book = openpyxl.Workbook()
    book.active.append(["name", "value"])
    book.active.append(["key", SECRETS["DashScope"]])
    book.save(tmp_path / "a.xlsx")
    cell = {"cell_type": "code", "source": ['password = "hunter2"\n'], "outputs": []}
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}), encoding="utf-8")
    for name in ("a.docx", "a.xlsx", "a.ipynb"):
        for as_documents in (False, True):
            assert refusal(files=(name,), cwd=tmp_path, as_documents=as_documents).startswith(name)


def numbered(count: int) -> list[str]:
    return [f"Line {number} of a long book that has nothing to hide." for number in range(count)]


def book(path: Path, chapters: list[str]) -> None:
    """A notebook's text is read as it is; an EPUB has to be unpacked."""
    names = [f"c{number}.xhtml" for number in range(len(chapters))]
    items = "".join(f'<item id="{name}" href="{name}"/>' for name in names)
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="a.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "a.opf",
            f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest><spine>{spine}</spine></package>',
        )
        for name, chapter in zip(names, chapters, strict=True):
            archive.writestr(name, f"<p>{chapter}</p>")


def test_a_secret_at_the_end_of_a_long_book_is_found(tmp_path: Path) -> None:
    chapters = ["\n".join(numbered(600)) for _ in range(20)]
    book(tmp_path / "a.epub", [*chapters, f"The key is {SECRETS['GitHub']}."])
    for as_documents in (False, True):
        message = refusal(files=("a.epub",), cwd=tmp_path, as_documents=as_documents)
        assert message.startswith("a.epub holds what looks like a key of GitHub")


def test_an_upload_of_which_not_all_was_searched_says_so(tmp_path: Path) -> None:
    book(tmp_path / "a.epub", ["\n".join(numbered(11_000))] * 12)
    book(tmp_path / "short.epub", ["short"])
    (tmp_path / "a.mobi").write_bytes(bytes(60) + b"BOOKMOBI" + bytes(100))
    names = ("a.epub", "short.epub", "a.mobi")
    attached = gather(Attach(files=names, cwd=tmp_path, as_documents=True))
    sent = parts(attached, Target("qwen-long", uploads=True), upload=lambda each: "file-1").attached
    long, short, unread = (each.note for each in sent)
    assert re.fullmatch(r"uploaded, searched for secrets in its first [\d,]{7,} characters", long)
    assert short == "uploaded"
    assert unread == "uploaded, not searched for secrets"


def test_a_column_of_passwords_stays_here_and_an_empty_one_does_not_matter(tmp_path: Path) -> None:
    for rows in (3, 3000):
        (tmp_path / "full.csv").write_text("user,password\n" + "me,abcdef\n" * rows, encoding="utf-8")
        (tmp_path / "empty.csv").write_text("user,password\n" + "me,\n" * rows, encoding="utf-8")
        assert "has a column called password" in refusal(files=("full.csv",), cwd=tmp_path)
        assert gather(Attach(files=("empty.csv",), cwd=tmp_path))
        assert gather(Attach(files=("full.csv",), cwd=tmp_path, values=False))
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"user": ["me"], "password": [None]})
    assert gather(Attach(variables=("frame",), namespace={"frame": frame}))


ORDINARY = {
    "prose": "The password has to be changed. Password: see the vault. Which token is next? The secret: patience.",
    "prose with a colon": "Passwords: at least twelve letters. API key: ask Ann for it.",
    "hashes": "\n".join(hashlib.new(name, b"x").hexdigest() for name in ("md5", "sha1", "sha256", "sha512")),
    "a git log": "".join(f"commit {made(HEX, 40)}\nAuthor: Ann <ann@example.org>\n\n    Fix it\n\n" for _ in range(50)),
    "UUIDs": "\n".join(str(uuid.UUID(int=LETTERS.getrandbits(128))) for _ in range(200)),
    "an image in base64": base64.b64encode(LETTERS.randbytes(300_000)).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(LETTERS.randbytes(300_000)).decode(),
    "a hash of a package": f'"integrity": "sha512-{made(ANY, 86)}"',
    "the environment": 'key = os.environ["X_KEY"]\npassword = os.getenv("DB_PASSWORD")\ntoken: str = settings.token\n',
    "asking": 'password = getpass("Password: ")\napi_key = input("API key: ")\nsecret = keyring.get("a", "b")\n',
    "types": "def login(user: str, password: str, token: Optional[str] = None, *, api_key: Key) -> None: ...",
    "arguments": "f(password=password, token=token, api_key=self.api_key, secret=x['secret'])",
    "placeholders": 'api_key="YOUR_API_KEY"\ntoken: <your token>\npassword = "changeme"\nX=${SECRET}\n',
    "keys in manuals": "AKIAIOSFODNN7EXAMPLE sk-xxxxxxxxxxxxxxxxxxxxxxxx ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "a tokenizer": '{"unk_token": "[UNK]", "bos_token": "<s>", "max_tokens": 4096, "tokens": ["a"]}',
    "a form": '<input type="password" name="password" placeholder="Password"><label for="token">Token:</label>',
    "a schema": '{"password": {"type": "string", "format": "password"}, "token": {"type": "string"}}',
    "a workflow": "env:\n  TOKEN: ${{ secrets.TOKEN }}\n  password: ${{ secrets.PASSWORD }}\nsecrets: inherit\n",
    "kubernetes": "secretKeyRef:\n  name: db\n  key: password\nsecretName: tls-cert\nkind: Deployment\n",
    "log lines": "INFO token=abc user=7\nretry: no token: expired\npassword: ********\n[secret: hidden]\n",
    "class names": '<div class="sk-toggleable__content sk-estimator-doc-link sk-container-id-1 sk-parallel-item">',
    "about keys": 'A PEM file begins with "-----BEGIN PRIVATE KEY-----" and ends with "-----END PRIVATE KEY-----".',
    "URLs": "http://localhost:8888/lab?token= https://a.example/@user:x postgres://u:password@localhost/db",
    "markdown": "| api_key | string | the key |\n| password | string | at least 8 |\n\n`password=`, `token:`\n",
    "a lock file": f'name = "secrets"\nhash = "sha256:{made(HEX, 64)}"\n[[package]]\nname = "tokenizers"\n',
    "SQL": "CREATE TABLE users (id INT, password VARCHAR(64), token TEXT); SELECT password FROM users WHERE token = ?;",
}


@pytest.mark.parametrize("what", ORDINARY)
def test_ordinary_texts_are_no_secrets(tmp_path: Path, what: str) -> None:
    (tmp_path / "a.txt").write_text(ORDINARY[what], encoding="utf-8")
    assert gather(Attach(files=("a.txt",), cwd=tmp_path))
    assert fill("{{ it }}", lambda source: ORDINARY[what])


def test_the_sources_of_the_scanner_itself_are_no_secrets() -> None:
    folder = Path(gather.__code__.co_filename).parent
    for path in filter(lambda path: path.stat().st_size, folder.glob("*.py")):
        assert gather(Attach(files=(path,), cwd=folder))
