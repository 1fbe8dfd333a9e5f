"""Attachments on their way: what arrives at the service has the hash that the person was shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.wire import keyed

from qwen_magic.attachments import Attach, Attachment, Sent, Target, gather, parts
from qwen_magic.core.events import TextDelta
from qwen_magic.core.messages import ChatRequest, Message
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.client import Client
from qwen_magic.service.credentials import Credentials
from qwen_magic.service.endpoints import Endpoint, endpoint
from qwen_magic.service.files_api import Ledger, RemoteFiles

KEYS = Credentials({"QWEN_API_KEY": "sk-test-0123456789abcdef"})
AS_JSON = {"response_format": {"type": "json_object"}}


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def arrived(client: Client, where: Endpoint, model: str, sent: Sent) -> list[str]:
    """The hashes of what the sandbox found in a question with these parts."""
    request = ChatRequest(model, (Message.user("What is this, in JSON?", *sent.parts),), think=False, fields=AS_JSON)
    with client.stream(where, request) as stream:
        events = [event for batch in stream.batches(0.0) for event in batch]
    answer = json.loads("".join(event.text for event in events if isinstance(event, TextDelta)))
    return [each["sha256"] for each in answer["attachments"]]


@pytest.mark.parametrize("url", ["compatible_url", "native_url"])
def test_images_arrive_as_they_were_shown(client: Client, sandbox: Sandbox, tmp_path: Path, url: str) -> None:
    images = pytest.importorskip("PIL.Image")
    for name, size in (("a.png", (40, 30)), ("b.jpg", (3000, 2000)), ("c.gif", (5, 900)), ("d.tif", (4000, 10))):
        images.effect_noise(size, 80).save(tmp_path / name)
    found = gather(Attach(files=("*.*",), cwd=tmp_path))
    sent = parts(found, Target(sees=True))
    where = keyed(endpoint(getattr(sandbox, url)), KEYS)
    assert arrived(client, where, "qwen3-vl-plus", sent) == [each.sha256 for each in found]


def test_documents_arrive_as_they_lay_on_the_disk(client: Client, sandbox: Sandbox, tmp_path: Path) -> None:
    where = keyed(endpoint(sandbox.compatible_url), KEYS)
    files = RemoteFiles(client, where, Ledger(tmp_path / "ledger.sqlite"))
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\n" + b"pages " * 1000)
    (tmp_path / "b.py").write_text("x = 1\n" * 10_000, encoding="utf-8")
    (tmp_path / "c.csv").write_text("a,b\n" + "1,2\n" * 10_000, encoding="utf-8")

    def upload(attachment: Attachment) -> str:
        return files.upload(attachment.filename, attachment.data, attachment.sha256)

    found = gather(Attach(files=("a.pdf", "b.py", "c.csv"), cwd=tmp_path, as_documents=True))
    sent = parts(found, Target("qwen-long", sees=False, uploads=True), upload=upload)
    assert [each.sha256 for each in sent.attached] == arrived(client, where, "qwen-long", sent)
    assert {each.name for each in files.list()} >= {"a.pdf", "b.py.txt", "c.csv"}
