"""Maps as batches, against the sandbox's: the whole round, what is not asked twice, and a kernel that is gone."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from support.faults import LosingProxy

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.core.errors import ConfigurationError, ConnectionFailed, InputError, Stopped
from qwen_magic.core.settings import Settings
from qwen_magic.mapping.batch import Batches, files_of
from qwen_magic.mapping.cache import default_cache
from qwen_magic.mapping.frames import rows_of
from qwen_magic.mapping.mapper import MapOptions, map_rows
from qwen_magic.mapping.report import MapProgress, MapReport
from qwen_magic.mapping.row_requests import row_requests
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials

ECHO = "sandbox: echo\n"


class Showing:
    """A view that remembers, and can interrupt."""

    interval = 0.02

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.interrupts = False

    def start(self, model: str, total: int) -> None:
        assert total

    def update(self, progress: MapProgress) -> None:
        self.lines.append(progress.line)
        if self.interrupts:
            signal.raise_signal(signal.SIGINT)

    def finish(self, report: MapReport) -> None:
        self.report = report


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path / "cache"))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def assistant(sandbox: Sandbox) -> Iterator[Assistant]:
    made = Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({"QWEN_API_KEY": sandbox.key}))
    yield made
    made.close()


def asked(assistant: Assistant, rows: list[Any], view: Showing | None = None, **options: Any) -> Any:
    question = Question(options.pop("template", ECHO + "{{ value }}"), model=options.pop("model", ""))
    chosen = MapOptions(**({"where": "batch"} | options))
    return map_rows(assistant, rows, question, chosen, view or Showing(), lambda text: None, lambda result: None)


def paths(sandbox: Sandbox, method: str, end: str) -> list[Any]:
    return [request for request in sandbox.requests if request.method == method and request.path.endswith(end)]


def test_the_whole_round_in_the_order_of_the_rows(assistant: Assistant, sandbox: Sandbox) -> None:
    view = Showing()
    rows = [f"row {number}" for number in range(12)]
    found = asked(assistant, rows, view)
    assert [row["answer"] for row in found] == rows
    assert [row["error"] for row in found] == [""] * 12
    assert all(row["tokens_in"] for row in found)
    assert not paths(sandbox, "POST", "/chat/completions")
    assert any("in_progress" in line for line in view.lines)
    assert "12 of 12 rows answered" in view.report.summary


def test_one_bad_row_is_one_cell(assistant: Assistant) -> None:
    found = asked(assistant, ["good", None, "sandbox: filter"], template="{{ value }}")
    assert [bool(row["error"]) for row in found] == [False, True, True]
    assert "filter" in found[2]["error"] or "inappropriate" in found[2]["error"]


def test_only_what_the_cache_misses_is_uploaded(assistant: Assistant, sandbox: Sandbox) -> None:
    asked(assistant, ["a", "b"], where="live")
    sandbox.clear()
    found = asked(assistant, ["a", "b", "c", "c"])
    assert [row["answer"] for row in found] == ["a", "b", "c", "c"]
    (upload,) = paths(sandbox, "POST", "/files")
    assert upload.raw.count(b"custom_id") == 1
    sandbox.clear()
    asked(assistant, ["a", "b", "c"])
    asked(assistant, ["a", "b", "c"], where="live")
    assert not sandbox.requests


def test_a_model_that_thinks_is_told_not_to(assistant: Assistant, sandbox: Sandbox) -> None:
    asked(assistant, ["a"], model="qwen3.7-plus")
    (upload,) = paths(sandbox, "POST", "/files")
    assert b'"enable_thinking":false' in upload.raw
    with pytest.raises(InputError, match="only streams"):
        asked(assistant, ["a"], model="qwq-plus")


def test_a_batch_is_split_at_its_limits(assistant: Assistant) -> None:
    rows = rows_of([f"row {number}" for number in range(12)])
    requests = row_requests(assistant, rows, Question("{{ value }}"), namespace={}, force=False)
    made = [requests.make(row) for row in rows.values(["value"])]
    assert [len(lines) for lines in files_of([*made, made[-1]], most_lines=5)] == [5, 5, 2]
    longest = max(len(line) for lines in files_of(made) for line in lines.values())
    assert [len(lines) for lines in files_of(made, most_bytes=4 * longest)] == [4, 4, 4]
    long = replace(made[0], http=replace(made[0].http, body={"content": "x" * 6_000_000}))
    with pytest.raises(InputError, match="6,000,000"):
        list(files_of([long]))


def test_who_stops_waiting_collects_it_later_and_pays_once(assistant: Assistant, sandbox: Sandbox) -> None:
    view = Showing()
    view.interrupts = True
    with pytest.raises(Stopped, match="goes on"):
        asked(assistant, ["a", "b"], view)
    later = Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({"QWEN_API_KEY": sandbox.key}))
    found = asked(later, ["a", "b"])
    assert [row["answer"] for row in found] == ["a", "b"]
    assert len(paths(sandbox, "POST", "/batches")) == 1
    later.close()


def test_another_kernel_collects_without_the_rows(assistant: Assistant, sandbox: Sandbox) -> None:
    view = Showing()
    view.interrupts = True
    with pytest.raises(Stopped):
        asked(assistant, ["a"], view)
    later = Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({"QWEN_API_KEY": sandbox.key}))
    batches = Batches(later.provider.client, later.provider.resolve(), default_cache())
    while batches.look():
        pass
    assert [known.status for known in batches.all()] == ["collected"]
    sandbox.clear()
    assert asked(later, ["a"], where="live")[0]["answer"] == "a"
    assert not sandbox.requests
    later.close()


def test_a_cancelled_batch_leaves_its_rows_to_be_asked_again(assistant: Assistant, sandbox: Sandbox) -> None:
    view = Showing()
    view.interrupts = True
    with pytest.raises(Stopped):
        asked(assistant, ["a"], view)
    batches = Batches(assistant.provider.client, assistant.provider.resolve(), default_cache())
    batches.cancel(batches.all()[0].id)
    while batches.look():
        pass
    assert asked(assistant, ["a"])[0]["answer"] == "a"
    assert len(paths(sandbox, "POST", "/batches")) == 2


def test_where_there_are_none_it_is_said_before_anything_is_sent(sandbox: Sandbox) -> None:
    local = Assistant(Settings(endpoint="http://127.0.0.1:9/v1", model="m"), Credentials({}))
    with pytest.raises(ConfigurationError, match="takes no batches"):
        asked(local, ["a"])
    native = Assistant(
        Settings(endpoint=sandbox.compatible_url, protocol="dashscope"), Credentials({"QWEN_API_KEY": sandbox.key})
    )
    with pytest.raises(ConfigurationError, match="compatible protocol"):
        asked(native, ["a"])
    assert not sandbox.requests


def test_without_a_cache_there_is_nowhere_to_collect_to(assistant: Assistant) -> None:
    with pytest.raises(InputError, match="cache"):
        asked(assistant, ["a"], cache=False)


def test_the_lines_are_those_of_the_service(assistant: Assistant, sandbox: Sandbox) -> None:
    asked(assistant, ["a"])
    (upload,) = paths(sandbox, "POST", "/files")
    line = next(line for line in upload.raw.split(b"\r\n") if line.startswith(b'{"custom_id"'))
    assert json.loads(line).keys() == {"custom_id", "method", "url", "body"}
    assert sandbox.key.encode() not in line


def test_the_openai_sdk_reads_what_a_map_has_uploaded_and_the_sdks_batches_are_not_ours(
    assistant: Assistant, sandbox: Sandbox
) -> None:
    """The whole round with the SDK: the batch that the map made, its files, and one more of the same file."""
    asked(assistant, ["a", "b", "sandbox: filter"], template="{{ value }}")
    with openai.OpenAI(base_url=sandbox.compatible_url, api_key=sandbox.key) as client:
        made = client.batches.list().data[0]
        assert made.status == "completed"
        assert made.request_counts
        assert (made.request_counts.completed, made.request_counts.failed) == (2, 1)
        assert made.output_file_id
        assert made.error_file_id
        lines = client.files.content(made.input_file_id).text.splitlines()
        answers = client.files.content(made.output_file_id).text.splitlines()
        refusals = client.files.content(made.error_file_id).text.splitlines()
        names = {json.loads(line)["custom_id"] for line in lines}
        assert {json.loads(line)["custom_id"] for line in answers + refusals} == names
        file = client.files.create(file=("again.jsonl", "\n".join(lines).encode()), purpose="batch")
        other = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        assert client.batches.cancel(other.id).status == "cancelling"
    batches = Batches(assistant.provider.client, assistant.provider.resolve(), default_cache())
    assert [known.id for known in batches.all()] == [made.id]


def behind(sandbox: Sandbox, port: int) -> Assistant:
    url = re.sub(r":\d+/", f":{port}/", sandbox.compatible_url)
    return Assistant(Settings(endpoint=url), Credentials({"QWEN_API_KEY": sandbox.key}))


def test_a_batch_whose_reply_is_lost_is_found_and_made_once(sandbox: Sandbox) -> None:
    with LosingProxy(sandbox.port, b"POST /compatible-mode/v1/batches ", arrives=True) as proxy:
        assistant = behind(sandbox, proxy.port)
        found = asked(assistant, ["lost reply a", "lost reply b"])
        assert proxy.left == 0
        assistant.close()
    assert [row["answer"] for row in found] == ["lost reply a", "lost reply b"]
    assert len(paths(sandbox, "POST", "/batches")) == 1


def test_a_batch_that_never_arrived_is_made_by_the_next_run(sandbox: Sandbox) -> None:
    with LosingProxy(sandbox.port, b"POST /compatible-mode/v1/batches ", arrives=False) as proxy:
        assistant = behind(sandbox, proxy.port)
        with pytest.raises(ConnectionFailed, match=r"Whether the batch was made is not known.*Run the map again"):
            asked(assistant, ["lost request"])
        found = asked(assistant, ["lost request"])
        assistant.close()
    assert found[0]["answer"] == "lost request"
    assert len(paths(sandbox, "POST", "/batches")) == 1


def test_a_batch_that_cannot_be_looked_for_is_found_by_the_next_run(sandbox: Sandbox) -> None:
    """The connection is gone for a while, with the reply."""
    with (
        LosingProxy(sandbox.port, b"POST /compatible-mode/v1/batches ", arrives=True) as lost,
        LosingProxy(lost.port, b"GET /compatible-mode/v1/batches?", arrives=False, times=9) as proxy,
    ):
        assistant = behind(sandbox, proxy.port)
        with pytest.raises(ConnectionFailed, match="Whether the batch was made is not known"):
            asked(assistant, ["lost for a while"])
        proxy.left = 0
        found = asked(assistant, ["lost for a while"])
        assistant.close()
    assert found[0]["answer"] == "lost for a while"
    assert len(paths(sandbox, "POST", "/batches")) == 1
