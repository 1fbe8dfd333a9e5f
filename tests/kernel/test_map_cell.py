"""`%%qwen --map` in a real kernel: the variable, the record, Stop, and what a restarted kernel does not ask again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.kernels import Kernel

from qwen_magic.sandbox import Sandbox

FRAME = "import pandas as pd\ndf = pd.DataFrame({'review': ['good', 'bad', 'fair']}, index=[3, 2, 1])"


@pytest.fixture
def mapping(notebook: Kernel, tmp_path: Path) -> Kernel:
    notebook.run(f"import os; os.environ['QWEN_MAGIC_CACHE'] = {str(tmp_path / 'cache')!r}\n{FRAME}")
    return notebook


def test_a_cell_maps_a_frame_into_a_variable(mapping: Kernel) -> None:
    result = mapping.run("%%qwen --map df -o out\nsandbox: echo\nReview: {{ review }}", cell_id="a")
    assert result.status == "ok", result.text
    assert "3 of 3 rows answered" in result.text
    assert not [
        output for output in result.saved if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]
    assert "Review: good" in result.saved[-1]["data"]["text/html"]
    said = mapping.run("print(list(out.index), list(out.answer), list(df.columns))").text
    assert said.strip() == "[3, 2, 1] ['Review: good', 'Review: bad', 'Review: fair'] ['review']"


def test_a_cell_maps_a_frame_to_a_column_for_each_field(mapping: Kernel, sandbox: Sandbox) -> None:
    result = mapping.run("%%qwen --map df -o out --schema 'topic, score int'\n{{ review }}", cell_id="a")
    assert result.status == "ok", result.error
    assert "topic</th>" in result.saved[-1]["data"]["text/html"]
    assert mapping.value("(list(out.topic), str(out.score.dtype), out is _qwen)") == (
        ["good", "bad", "fair"],
        "Int64",
        True,
    )
    shown = mapping.run("%%qwen --map df --dry-run --schema 'topic, score int'\n{{ review }}")
    assert '"response_format"' in shown.text
    assert "JSON schema" in shown.text
    assert len(sandbox.requests) == 3


def test_python_takes_a_class_of_the_notebook(mapping: Kernel) -> None:
    person = (
        "from dataclasses import dataclass\n@dataclass\nclass Review:\n    topic: str\n    score: int | None = None\n"
    )
    mapping.run(f"import qwen_magic\n{person}")
    result = mapping.run("out = qwen_magic.map(df, '{{ review }}', schema=Review)")
    assert result.status == "ok", result.error
    assert mapping.value("list(out.columns)[:3]") == ["review", "topic", "score"]
    mapping.run("%%qwen --map df -o out --schema Review --many\n{{ review }}")
    assert mapping.value("sorted(out.answer.iloc[0][0])") == ["score", "topic"]


def test_python_does_the_same_where_nobody_looks(mapping: Kernel) -> None:
    result = mapping.run(
        "import qwen_magic\nout = qwen_magic.map(df.review, 'sandbox: echo\\n{{ value }}')\nprint(list(out.answer))"
    )
    assert result.status == "ok", result.text
    assert "['good', 'bad', 'fair']" in result.text
    assert "3 of 3 rows answered" in result.text


def test_the_progress_is_a_widget_while_it_runs(mapping: Kernel) -> None:
    mapping.run("rows = ['a'] + [f'sandbox: stall 1\\n{n}' for n in range(3)]")
    result = mapping.run("%%qwen --map rows -o out\n{{ value }}", cell_id="b")
    opened = [m for m in result.comms if m.type == "comm_open"]
    told = [m for m in result.comms if m.type == "comm_msg" and "progress" in m.content["data"].get("state", {})]
    assert len(opened) == 1
    assert told
    assert "of 4 rows" in told[-1].content["data"]["state"]["progress"]["line"]["en"]


def test_an_interrupt_leaves_what_is_done_in_the_variable(mapping: Kernel, sandbox: Sandbox) -> None:
    mapping.run("rows = ['sandbox: echo\\nquick'] + [f'sandbox: stall 60\\n{n}' for n in range(5)]")
    run = mapping.send("%%qwen --map rows -o out\n{{ value }}", cell_id="c")
    run.until(lambda run: len(sandbox.requests) >= 6)
    run.until(lambda run: any("1 of 6" in str(message.content) for message in run.messages))
    mapping.interrupt()
    result = run.result()
    assert result.status == "error"
    assert "1 of 6 rows are done" in result.text
    assert "quick" in mapping.run("print([row['answer'] for row in out])").text


def test_many_rows_are_refused_where_nobody_answers(mapping: Kernel, sandbox: Sandbox) -> None:
    mapping.run("rows = [f'sandbox: echo\\n{n}' for n in range(30)]\n%config QwenMagics.ask_above = 20")
    refused = mapping.run("%%qwen --map rows -o out\n{{ value }}")
    assert "InputError" in refused.error
    assert "--yes" in refused.error
    assert not sandbox.requests
    assert mapping.run("%%qwen --map rows --yes -o out\n{{ value }}").status == "ok"


def test_a_dry_run_shows_requests_and_cost(mapping: Kernel, sandbox: Sandbox) -> None:
    mapping.run("%config QwenMagics.prices = {'qwen-plus': (1.0, 2.0)}")
    result = mapping.run("%%qwen --map df --dry-run\nReview: {{ review }}")
    assert "Review: good" in result.text
    assert "3 rows to ask qwen-plus" in result.text
    assert "Cost: live about" in result.text
    assert not sandbox.requests


def test_the_cache_says_its_size_and_is_cleared(mapping: Kernel, sandbox: Sandbox) -> None:
    mapping.run("%%qwen --map df -o out\n{{ review }}")
    assert mapping.run("%qwen cache").text.startswith("3 answers, ")
    assert "3 answers" in mapping.run("%qwen cache clear").text
    sandbox.clear()
    mapping.run("%%qwen --map df -o out\n{{ review }}")
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--map nothing", "nothing"),
        ("--map df -f a.txt", "--map takes no -f"),
        ("--map df --schema 'review, score int'", "'review' already"),
        ("--map df --schema 'topic strr'", "unknown type"),
        ("--map df --many", "--many needs a schema"),
        ("--map df -t print", "--map takes no -t"),
        ("--map df --rpm fast", "--rpm fast"),
        ("--yes", "--yes needs --map"),
        ("--map df --column review", "'review' already"),
    ],
)
def test_a_slip_is_one_line(mapping: Kernel, sandbox: Sandbox, line: str, message: str) -> None:
    result = mapping.run(f"%%qwen {line}\n{{{{ review }}}}")
    assert "InputError" in result.error
    assert message in result.error
    assert not sandbox.requests


def test_a_killed_kernel_loses_only_what_was_under_way(
    start_kernel: Callable[..., Kernel], sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = "rows = [f'sandbox: echo\\nrow {n}' for n in range(10)] + ['sandbox: stall 60\\nslow']"
    cache = str(tmp_path / "cache")
    kernel = start_kernel(QWEN_MAGIC_CACHE=cache)
    kernel.use(sandbox.compatible_url, sandbox.key)
    kernel.run(rows)
    run = kernel.send("%%qwen --map rows -o out\n{{ value }}", cell_id="d")
    run.until(lambda run: any("10 of 11" in str(message.content) for message in run.messages))
    kernel.restart()  # it is killed
    sandbox.clear()
    kernel.use(sandbox.compatible_url, sandbox.key)
    kernel.run(rows)
    assert kernel.run("%%qwen --map rows[:10] -o out\n{{ value }}").status == "ok"
    assert not sandbox.requests


def test_a_batch_is_listed_and_collected_by_a_command(mapping: Kernel, sandbox: Sandbox) -> None:
    assert "no batches" in mapping.run("%qwen batches").text
    mapping.run("%%qwen --map df --where batch -o out\nsandbox: echo\n{{ review }}")
    assert mapping.value("list(out.answer)") == ["good", "bad", "fair"]
    assert "collected" in mapping.run("%qwen batches").text
    assert "needs --map" in mapping.run("%%qwen --where batch\nHello").error


def test_a_batch_outlives_a_killed_kernel_and_another_one_collects_or_cancels_it(
    start_kernel: Callable[..., Kernel], sandbox: Sandbox, tmp_path: Path
) -> None:
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(tmp_path / "cache"))

    def killed_while_it_waits(row: str) -> None:
        sandbox.clear()
        kernel.use(sandbox.compatible_url, sandbox.key)
        run = kernel.send(f"%%qwen --map ['{row}'] --where batch -o out\nsandbox: echo\n{{{{ value }}}}", cell_id="e")
        run.until(lambda run: any(request.path.endswith("/batches") for request in sandbox.requests))
        kernel.restart()  # it is killed
        kernel.use(sandbox.compatible_url, sandbox.key)

    killed_while_it_waits("first")
    while "collected" not in kernel.run("%qwen batches").text:
        pass  # each look takes the sandbox's batch one step further
    sandbox.clear()
    kernel.run("%%qwen --map ['first'] -o out\nsandbox: echo\n{{ value }}")
    assert kernel.value("out[0]['answer']") == "first"
    assert not sandbox.requests
    killed_while_it_waits("second")
    (made,) = [word for word in kernel.run("%qwen batches").text.split() if word.startswith("batch_")][-1:]
    assert "is being cancelled" in kernel.run(f"%qwen batches cancel {made}").text
    while "collected" not in kernel.run("%qwen batches").text.partition(made)[2]:
        pass


def test_tab_offers_what_has_rows(mapping: Kernel) -> None:
    mapping.run("import polars as pl\nprices = pl.Series([1])\nnames = ['a']\nnothing = []\ntext = 'a'\nnumber = 3")
    assert set(mapping.complete("%%qwen --map ")) == {"df", "names", "prices"}
    assert mapping.complete("%%qwen --map df --where ba") == ["batch", "batch-chat"]
