"""One question over many rows, against the sandbox over real HTTP: what comes back, what is asked, what it costs."""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it has no types of its own
import polars as pl
import pytest
from support.maps import Holder, Mapper, Recording

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.core.errors import (
    ConfigurationError,
    ConnectionFailed,
    InputError,
    KeyRejected,
    ModelNotFound,
    NoKey,
    QwenError,
    Stopped,
)
from qwen_magic.core.languages import in_language
from qwen_magic.core.settings import Settings
from qwen_magic.mapping.frames import rows_of
from qwen_magic.mapping.mapper import MapOptions, dry_map
from qwen_magic.mapping.report import MapProgress
from qwen_magic.mapping.row_requests import row_requests
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials
from qwen_magic.service.endpoints import endpoint

pytestmark = pytest.mark.usefixtures("own_cache", "handled")

ECHO = "sandbox: echo\n"
REVIEWS = pd.DataFrame({"review": ["good", "bad", "fair"], "stars": [5, 1, 3]}, index=[30, 20, 10])


def prompts(sandbox: Sandbox) -> list[str]:
    return [request.body["messages"][-1]["content"].removeprefix(ECHO) for request in sandbox.requests]


# --- what comes back


def test_a_frame_comes_back_as_it_was_with_answers(mapper: Mapper) -> None:
    found = mapper(REVIEWS, ECHO + "{{ review }}: {{ stars }}")
    assert list(found.columns) == ["review", "stars", "answer", "error", "tokens_in", "tokens_out"]
    assert list(found.index) == [30, 20, 10]
    assert list(found.answer) == ["good: 5", "bad: 1", "fair: 3"]
    assert list(found.error) == ["", "", ""]
    assert (found.tokens_in > 0).all()
    assert (found.tokens_out > 0).all()
    assert list(REVIEWS.columns) == ["review", "stars"]


def test_any_index_stays(mapper: Mapper) -> None:
    twice = pd.DataFrame({"x": ["a", "b"]}, index=pd.MultiIndex.from_tuples([(1, "k"), (1, "k")]))
    found = mapper(twice, ECHO + "{{ x }}")
    assert list(found.answer) == ["a", "b"]
    assert found.index.equals(twice.index)


def test_polars_series_and_lists(mapper: Mapper) -> None:
    frame = mapper(pl.DataFrame({"x": ["a", "b"]}), ECHO + "{{ x }}")
    assert isinstance(frame, pl.DataFrame)
    assert frame["answer"].to_list() == ["a", "b"]
    series = mapper(pd.Series(["a", "b"], index=[7, 8], name="letters"), ECHO + "{{ value }}")
    assert list(series.index) == [7, 8]
    assert list(series.answer) == ["a", "b"]
    assert [row["answer"] for row in mapper(["a", 1], ECHO + "{{ value }}")] == ["a", "1"]
    dicts = mapper([{"name": "a", "n": 1}, {"name": "b"}], ECHO + "{{ name }}")
    assert dicts[0]["n"] == 1
    assert [row["answer"] for row in dicts] == ["a", "b"]


def test_another_column_lets_maps_follow_each_other(mapper: Mapper) -> None:
    first = mapper(REVIEWS, ECHO + "{{ review }}", column="topic")
    second = mapper(first, ECHO + "{{ topic }}!")
    assert list(second.answer) == ["good!", "bad!", "fair!"]
    assert {"topic", "topic_error", "topic_tokens_in", "topic_tokens_out", "answer"} <= set(second.columns)


def test_one_bad_row_is_one_cell(mapper: Mapper, sandbox: Sandbox) -> None:
    rows = ["fine", None, "sandbox: filter", "sk-" + "a1b2c3d4" * 6, "also fine"]
    found = mapper(pd.DataFrame({"text": rows}), "{{ text }}")
    assert [bool(error) for error in found.error] == [False, True, True, True, False]
    assert found.error[1] == "text is missing in this row."
    assert "inappropriate" in found.error[2] or "filter" in found.error[2]
    assert "secret" in found.error[3] or "key" in found.error[3]
    assert found.answer[[0, 4]].str.len().gt(0).all()
    assert len(sandbox.requests) == 3
    assert [count for count, *_ in mapper.report.errors] == [1, 1, 1]


def test_expressions_are_those_of_a_cell(mapper: Mapper) -> None:
    rows = [{"review text": "a fine day", "n": 2}]
    names = {"unit": "km"}
    found = mapper(rows, ECHO + "{{ review text }} {{ n * 2 }} {{ unit.upper() }} {'a': 1}", namespace=names)
    assert found[0]["answer"] == "a fine day 4 KM {'a': 1}"


def test_images_of_a_column(mapper: Mapper, sandbox: Sandbox, tmp_path: Path) -> None:
    from PIL import Image

    for name, colour in (("red.png", "red"), ("blue.png", "blue")):
        Image.new("RGB", (32, 32), colour).save(tmp_path / name)
    paths = [str(tmp_path / "red.png"), str(tmp_path / "gone.png"), str(tmp_path / "blue.png")]
    found = mapper(pd.DataFrame({"path": paths}), "What does it show?", images="path")
    assert [bool(error) for error in found.error] == [False, True, False]
    assert "gone.png" in found.error[1]
    assert {request.body["model"] for request in sandbox.requests} == {"qwen3-vl-plus"}
    assert all(request.body["messages"][-1]["content"][0]["type"] == "image_url" for request in sandbox.requests)


def test_the_native_protocol_is_asked_as_well(mapper: Mapper) -> None:
    question = Question("", protocol="dashscope")
    found = mapper(["a", "b"], ECHO + "{{ value }}", question)
    assert [row["answer"] for row in found] == ["a", "b"]


def test_a_model_that_only_streams_is_streamed(mapper: Mapper, sandbox: Sandbox) -> None:
    mapper(["a"], ECHO + "{{ value }}", Question("", model="qwq-plus"))
    mapper(["a"], ECHO + "{{ value }}", Question("", model="qwen-plus"))
    assert [bool(request.body.get("stream")) for request in sandbox.requests] == [True, False]


# --- nothing is paid for twice


def test_a_second_run_asks_nobody(mapper: Mapper, sandbox: Sandbox) -> None:
    first = mapper(REVIEWS, ECHO + "{{ review }}")
    asked = len(sandbox.requests)
    second = mapper(REVIEWS, ECHO + "{{ review }}")
    assert len(sandbox.requests) == asked == 3
    pd.testing.assert_frame_equal(first, second)
    assert "3 from the cache" in mapper.report.summary


def test_rows_that_say_the_same_are_asked_once(mapper: Mapper, sandbox: Sandbox) -> None:
    found = mapper(["same"] * 50 + ["other"], ECHO + "{{ value }}")
    assert {row["answer"] for row in found[:50]} == {"same"}
    assert len(sandbox.requests) == 2


def test_only_rows_that_failed_are_asked_again(mapper: Mapper, sandbox: Sandbox) -> None:
    rows = ["a", "sandbox: filter", "b"]
    mapper(rows, "{{ value }}")
    sandbox.clear()
    mapper(rows, "{{ value }}")
    assert prompts(sandbox) == ["sandbox: filter"]


def test_without_a_cache_every_row_is_asked_and_nothing_kept(mapper: Mapper, sandbox: Sandbox, tmp_path: Path) -> None:
    mapper(["same", "same"], ECHO + "{{ value }}", cache=False)
    mapper(["same", "same"], ECHO + "{{ value }}", cache=False)
    assert len(sandbox.requests) == 4
    assert not (tmp_path / "cache").exists()


def test_the_key_is_in_no_file_of_the_cache(mapper: Mapper, sandbox: Sandbox, tmp_path: Path) -> None:
    mapper(["a"], ECHO + "{{ value }}")
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert files
    assert not any(sandbox.key.encode() in path.read_bytes() for path in files)


def test_a_cache_that_breaks_costs_no_answer(mapper: Mapper, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "answers"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "answers.sqlite").write_bytes(b"no database" * 1000)
    mapper.assistant.settings = replace(mapper.assistant.settings, ask_above=0)
    mapper.agrees = True
    found = mapper(["a"], ECHO + "{{ value }}")
    assert found[0]["answer"] == "a"
    assert any("cannot be used" in note for note in mapper.report.notes)


def test_a_cache_that_another_process_holds_delays_no_row_and_gets_the_answers_later(
    mapper: Mapper, sandbox: Sandbox, tmp_path: Path
) -> None:
    mapper(["before"], ECHO + "{{ value }}")
    rows = ["before", *(f"row {number}" for number in range(10))]
    with Holder(tmp_path / "cache" / "answers" / "answers.sqlite") as holder:
        mapper.view = Recording(each=lambda progress: holder.release() if progress.done == 11 else None)
        found = mapper(rows, ECHO + "{{ value }}")
    assert [row["answer"] for row in found] == rows
    assert not mapper.report.notes
    mapper.view = Recording()
    sandbox.clear()
    mapper(rows, ECHO + "{{ value }}")
    assert not sandbox.requests


def test_a_cache_that_is_held_to_the_end_is_one_line_and_the_result_is_whole(mapper: Mapper, tmp_path: Path) -> None:
    mapper(["before"], ECHO + "{{ value }}")
    mapper.assistant.settings = replace(mapper.assistant.settings, ask_above=1)
    mapper.agrees = True
    with Holder(tmp_path / "cache" / "answers" / "answers.sqlite"):
        found = mapper(["a", "b", "c"], ECHO + "{{ value }}")
    assert [row["answer"] for row in found] == ["a", "b", "c"]
    assert any("3 answers could not be kept" in note for note in mapper.report.notes)


# --- what ends it, and what does not


def test_a_busy_service_is_asked_again(mapper: Mapper, sandbox: Sandbox) -> None:
    found = mapper([f"sandbox: 429 1\nsandbox: retry-after 0\nrow {n}" for n in range(4)], "{{ value }}")
    assert [row["error"] for row in found] == [""] * 4
    assert [request.status for request in sandbox.requests].count(429) == 4


def test_trouble_of_the_service_is_asked_again(mapper: Mapper) -> None:
    found = mapper(["sandbox: 503 1\na", "sandbox: reset 1\nb"], "{{ value }}")
    assert [row["error"] for row in found] == ["", ""]


def test_what_fails_every_row_ends_it_at_once(mapper: Mapper, sandbox: Sandbox) -> None:
    with pytest.raises(ModelNotFound):
        mapper([f"row {n}" for n in range(150)], ECHO + "{{ value }}", Question("", model="no-such-model"))
    assert len(sandbox.requests) < 64
    assert all(row["answer"] is None for row in mapper.published[-1])


def test_what_was_answered_before_such_an_end_is_kept(mapper: Mapper, sandbox: Sandbox) -> None:
    rows = [f"row {n}" for n in range(20)]
    with pytest.raises(QwenError):
        mapper([*rows, "sandbox: arrears"], ECHO + "{{ value }}", concurrency=1)
    found = mapper.published[-1]
    assert [row["answer"] for row in found[:20]] == rows
    sandbox.clear()
    mapper(rows, ECHO + "{{ value }}")
    assert not sandbox.requests


def test_a_server_that_is_gone_is_not_asked_for_every_row(sandbox: Sandbox) -> None:
    assistant = Assistant(Settings(endpoint="http://127.0.0.1:9/v1", model="m"), Credentials({}))
    with pytest.raises(ConnectionFailed):
        Mapper(assistant)([f"row {n}" for n in range(100)], "{{ value }}")


def test_the_key_is_missed_before_anything_is_sent(sandbox: Sandbox) -> None:
    assistant = Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({}))
    with pytest.raises(NoKey):
        Mapper(assistant)(["a"], "{{ value }}")
    assistant = Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({"QWEN_API_KEY": "wrong"}))
    with pytest.raises(KeyRejected):
        Mapper(assistant)([f"row {n}" for n in range(100)], "{{ value }}")


def test_an_interrupt_keeps_what_is_done_and_asks_the_rest_next_time(mapper: Mapper, sandbox: Sandbox) -> None:
    rows = [f"row {n}" for n in range(10)] + [f"sandbox: stall 60\nslow {n}" for n in range(10)]

    def interrupt(progress: MapProgress) -> None:
        if progress.done >= 10 and len(sandbox.requests) >= 20:
            signal.raise_signal(signal.SIGINT)

    mapper.view = Recording(each=interrupt)
    begun = time.monotonic()
    with pytest.raises(Stopped, match="10 of 20 rows are done"):
        mapper(rows, "{{ value }}")
    assert time.monotonic() - begun < 30
    assert [bool(row["answer"]) for row in mapper.published[-1]] == [True] * 10 + [False] * 10
    mapper.view = Recording()
    sandbox.clear()
    mapper(rows[:10], "{{ value }}")
    assert not sandbox.requests


def test_no_thread_and_no_connection_is_left(mapper: Mapper) -> None:
    mapper(["a"], ECHO + "{{ value }}")
    assert not [thread for thread in threading.enumerate() if thread.name == "qwen-map"]


# --- how fast


def test_a_rate_spreads_the_rows(mapper: Mapper, sandbox: Sandbox) -> None:
    """That no second has more is tested with a clock of its own: here each request may arrive late."""
    mapper([f"row {n}" for n in range(60)], ECHO + "{{ value }}", rpm=1_200)
    times = [request.time for request in sandbox.requests]
    assert max(times) - min(times) > 2.5


def test_the_service_queues_a_burst_and_others_are_not_asked_to() -> None:
    waiting = "X-DashScope-Wait-Timeout"
    for name, queues in (("beijing", True), ("https://proxy.example.com/compatible-mode/v1", False)):
        credentials = Credentials({"DASHSCOPE_API_KEY": "sk-0123456789", "QWEN_API_KEY": "sk-0123456789"})
        assistant = Assistant(Settings(endpoint=name), credentials)
        rows = rows_of(["a"])
        requests = row_requests(assistant, rows, Question("{{ value }}"), namespace={}, force=False)
        (request,) = (requests.make(row) for row in rows.values(["value"]))
        assert (waiting in request.http.headers) is queues


def test_no_more_than_concurrency_are_under_way(mapper: Mapper, sandbox: Sandbox) -> None:
    most = 0

    def count(progress: MapProgress) -> None:
        nonlocal most
        most = max(most, sum(not request.done for request in sandbox.requests))

    mapper.view = Recording(each=count)
    mapper([f"sandbox: stall 0.1\nrow {n}" for n in range(20)], "{{ value }}", concurrency=3)
    assert 1 <= most <= 3


# --- what it costs


def test_a_dry_run_shows_requests_and_the_estimate_and_sends_nothing(mapper: Mapper, sandbox: Sandbox) -> None:
    mapper.assistant.settings = replace(
        mapper.assistant.settings, prices={"qwen-plus": (1.0, 2.0)}, currency="CNY", system="shared words " * 2_000
    )
    mapper([f"row {n}" for n in range(10)], ECHO + "{{ value }}")
    sandbox.clear()
    dry = dry_map(mapper.assistant, [f"row {n}" for n in range(110)], Question(ECHO + "{{ value }}"), MapOptions())
    assert not sandbox.requests
    assert [request.body["messages"][-1]["content"] for request in dry.requests] == [ECHO + "row 0", ECHO + "row 1"]
    assert sandbox.key not in repr(dry)
    text = " ".join(dry.estimate.lines(dry.prices))
    assert "100 of 110 rows" in text
    live, cached, batch = (
        dry.estimate.live(dry.prices),
        dry.estimate.live_cached(dry.prices),
        dry.estimate.batch(dry.prices),
    )
    assert live is not None
    assert cached is not None
    assert batch is not None
    assert cached < batch < live
    assert "CNY" in text


def test_many_rows_are_agreed_to_once(mapper: Mapper, sandbox: Sandbox) -> None:
    rows = [f"row {n}" for n in range(30)]
    mapper.assistant.settings = replace(mapper.assistant.settings, ask_above=20)
    with pytest.raises(InputError, match=r"--yes"):
        mapper(rows, ECHO + "{{ value }}")
    mapper.agrees = False
    with pytest.raises(InputError, match="Nothing was asked"):
        mapper(rows, ECHO + "{{ value }}")
    assert not sandbox.requests
    mapper.agrees = True
    mapper(rows, ECHO + "{{ value }}")
    assert len(sandbox.requests) == 30
    assert len(mapper.questions) == 3
    mapper.agrees = None
    mapper([*rows, "one more"], ECHO + "{{ value }}")  # what is kept has to be agreed to by nobody
    mapper([f"other {n}" for n in range(30)], ECHO + "{{ value }}", agreed=True)


def test_what_was_spent_is_counted(mapper: Mapper) -> None:
    found = mapper(["a", "b"], ECHO + "{{ value }}")
    (spent,) = mapper.assistant.conversations.get().spending.rows("")
    assert spent.questions == 2
    assert spent.usage.input == sum(row["tokens_in"] for row in found)


# --- bad input: one line, nothing sent

WRONG: list[tuple[Any, str, dict[str, Any], str]] = [
    (REVIEWS, "{{ reviw }}", {}, r"no column 'reviw'.*Did you mean 'review'"),
    (REVIEWS, "no field", {}, "takes nothing from the rows"),
    (REVIEWS, "  ", {}, "no question"),
    (REVIEWS, "{{ review", {"images": "pictures"}, "no column 'pictures'"),
    (REVIEWS.head(0), "{{ review }}", {}, "no rows"),
    ([], "{{ value }}", {}, "no rows"),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), "{{ a }}", {}, "same name"),
    (pl.LazyFrame({"a": [1]}), "{{ a }}", {}, "lazy"),
    ({"a": 1}, "{{ a }}", {}, "dict has no rows"),
    ("text", "{{ value }}", {}, "str has no rows"),
    ([{"a": 1}, 2], "{{ a }}", {}, "Some items"),
    (range(3), "{{ value }}", {}, "range has no rows"),
    (REVIEWS.assign(answer=1), "{{ review }}", {}, "column 'answer' already"),
    (REVIEWS, "{{ review }}", {"where": "moon"}, "where='moon'.*live or batch-chat or batch"),
    (REVIEWS, "{{ review }}", {"concurrency": 0}, "concurrency=0"),
    (REVIEWS, "{{ review }}", {"rpm": -1}, "rpm=-1"),
    (REVIEWS, "{{ review }}", {"tpm": "fast"}, "tpm='fast'"),
    (REVIEWS, "{{ review }}", {"concurrency": 2.5}, "concurrency=2.5"),
    (pl.DataFrame({"a": pl.Series([0]).new_from_index(0, 1_000_001)}), "{{ a }}", {}, "1,000,001 rows"),
]


@pytest.mark.parametrize(("given", "template", "options", "message"), WRONG, ids=[wrong[-1] for wrong in WRONG])
def test_bad_input_is_one_line_before_anything_is_sent(
    mapper: Mapper, sandbox: Sandbox, given: Any, template: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        mapper(given, template, **options)
    assert "\n" not in str(caught.value)
    assert not sandbox.requests


def test_batch_chat_is_the_services_in_beijing(mapper: Mapper, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError, match="no batch chat"):
        mapper(["a"], ECHO + "{{ value }}", where="batch-chat")
    assert not sandbox.requests
    assert endpoint("beijing").batch_chat().url("chat/completions") == (
        "https://batch.dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"
    )
    for other in ("singapore", "ollama"):
        with pytest.raises(ConfigurationError):
            endpoint(other).batch_chat()
    with pytest.raises(ConfigurationError):
        endpoint("beijing", "dashscope").batch_chat()


def test_a_secret_in_the_template_is_refused(mapper: Mapper, sandbox: Sandbox) -> None:
    with pytest.raises(InputError):
        mapper(["a"], "password = 'k3jf83hf83hf83h' {{ value }}")
    assert not sandbox.requests


def test_the_first_answers_and_the_numbers_are_shown_while_it_runs(mapper: Mapper) -> None:
    rows = [f"row {n}" for n in range(5)] + ["sandbox: stall 1\nslow"]
    mapper(rows, ECHO + "{{ value }}")
    assert any(progress.done == 5 and len(progress.first.rows) == 5 for progress in mapper.view.shown)
    assert "6 of 6 rows answered" in mapper.report.summary
    assert "row 0" in mapper.report.mimebundle["text/html"]


def test_the_record_is_in_the_persons_language_and_the_columns_are_not(mapper: Mapper) -> None:
    with in_language("zh_CN"):
        found = mapper(["a", None], ECHO + "{{ value }}")
        record = mapper.report.mimebundle["text/plain"]
        with pytest.raises(InputError) as caught:
            mapper(["a"], "no field")
    assert "共 2 行，已回答 1 行" in record
    assert "此行缺少 value 的值。" in record
    assert found[1]["error"] == "value is missing in this row."
    assert type(found[1]["error"]) is str
    assert caught.value.in_language("zh_CN").startswith("提示词没有用到行中的内容")
