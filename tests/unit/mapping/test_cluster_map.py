"""A map on a dask cluster of two workers, against the sandbox over real HTTP."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import dask
import dask.dataframe as dd
import pandas as pd  # type: ignore[import-untyped]  # it has no types of its own
import polars as pl
import pytest
from distributed import Client, LocalCluster
from distributed.protocol import pickle as dask_pickle

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.core.errors import ConfigurationError, InputError, ModelNotFound, NoKey, Stopped
from qwen_magic.core.settings import Settings
from qwen_magic.magics.map_cell import map_cell
from qwen_magic.mapping.cluster_map import cluster_job, map_on_cluster
from qwen_magic.mapping.mapper import MapOptions
from qwen_magic.mapping.partitions import refusal_of_worker
from qwen_magic.mapping.report import MapProgress, MapReport
from qwen_magic.mapping.ways import dry_run_map, run_map
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials
from qwen_magic.structured.schema import make_schema

ECHO = "sandbox: echo\n"
# The share of a worker that has died is free again after so long; by default after 30 s.
QUICK = {
    "distributed.scheduler.locks.lease-timeout": "3s",
    "distributed.scheduler.locks.lease-validation-interval": "500ms",
}


@dataclass
class Recording:
    """A view that remembers what it was shown; `each` is called at every update."""

    interval: float = 0.05
    each: Callable[[MapProgress], None] = lambda progress: None
    shown: list[MapProgress] = field(default_factory=list)
    reports: list[MapReport] = field(default_factory=list)

    def start(self, model: str, total: int) -> None:
        assert total

    def update(self, progress: MapProgress) -> None:
        self.shown.append(progress)
        self.each(progress)

    def finish(self, report: MapReport) -> None:
        self.reports.append(report)


@dataclass
class Mapper:
    """Maps with an assistant that has no key of its own."""

    assistant: Assistant
    client: Client
    view: Recording = field(default_factory=Recording)
    published: list[Any] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    agrees: bool | None = None

    def __call__(self, given: Any, template: str, question: Question | None = None, **options: Any) -> Any:
        asked = replace(question or Question(""), prompt=template)
        self.view = replace(self.view, shown=[], reports=[])
        chosen = MapOptions(**(dict[str, Any](where=self.client, agreed=True) | options))
        return run_map(self.assistant, given, asked, chosen, self.view, self._agree, self.published.append)

    def _agree(self, question: str) -> bool | None:
        self.questions.append(question)
        return self.agrees

    @property
    def report(self) -> MapReport:
        return self.view.reports[-1]


@pytest.fixture(scope="module", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What workers are started with: a key in their environment, and one folder for answers."""
    with pytest.MonkeyPatch.context() as patched, dask.config.set(QUICK):
        patched.setenv("QWEN_MAGIC_CACHE", str(tmp_path_factory.mktemp("cache")))
        patched.setenv("QWEN_API_KEY", "sk-sandbox")
        yield


@pytest.fixture(scope="module")
def cluster(surroundings: None) -> Iterator[Client]:
    """Two workers in this process, which start at once."""
    with started(processes=False) as client:
        yield client


@contextmanager
def started(**options: Any) -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0", **options) as workers,
        Client(workers, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    """As in a kernel: whoever runs these tests in the background may have SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def mapper(sandbox: Sandbox, cluster: Client) -> Iterator[Mapper]:
    assistant = Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({}))
    with cluster.as_current():
        yield Mapper(assistant, cluster)
    assistant.close()


def frame(*texts: str, partitions: int = 3) -> tuple[pd.DataFrame, Any]:
    """A frame, and the same as a dask DataFrame."""
    whole = pd.DataFrame({"text": list(texts), "number": range(len(texts))})
    return whole, dd.from_pandas(whole, npartitions=partitions, sort=False)


def rows(name: str, count: int) -> list[str]:
    """Rows that no other test has asked: the answers of all are kept in one folder."""
    return [f"{name} {number}" for number in range(count)]


def prompts(sandbox: Sandbox) -> list[str]:
    """What was asked; a request that broke off has no body."""
    bodies = [request.body for request in sandbox.requests if request.body]
    return [body["messages"][-1]["content"].removeprefix(ECHO) for body in bodies]


# --- what comes back


def test_a_frame_of_this_process_comes_back_as_it_was_with_answers(mapper: Mapper, sandbox: Sandbox) -> None:
    texts = rows("pandas", 10)
    given = pd.DataFrame({"text": texts, "other": 1}, index=range(10, 0, -1))
    found = mapper(given, ECHO + "{{ text }}")
    assert list(found.columns) == ["text", "other", "answer", "error", "tokens_in", "tokens_out"]
    assert list(found.answer) == texts
    assert found.index.equals(given.index)
    assert sorted(prompts(sandbox)) == sorted(texts)
    assert mapper.published[-1] is found
    polars = mapper(pl.DataFrame({"text": texts}), ECHO + "{{ text }}")
    assert polars["answer"].to_list() == texts
    assert [row["answer"] for row in mapper(texts, ECHO + "{{ value }}")] == texts
    assert len(sandbox.requests) == 10


def test_a_dask_frame_is_asked_once_and_stays_on_the_cluster(mapper: Mapper, sandbox: Sandbox) -> None:
    texts = rows("dask", 12)
    whole, given = frame(*texts)
    found = mapper(given, ECHO + "{{ text }}")
    assert isinstance(found, dd.DataFrame)
    assert found.npartitions == 3
    assert found.divisions == given.divisions
    assert list(found.columns) == ["text", "number", "answer", "error", "tokens_in", "tokens_out"]
    assert len(sandbox.requests) == 12
    assert len(found) == 12
    assert list(found.head(2, npartitions=-1).answer) == texts[:2]
    computed = found.compute()
    assert list(computed.answer) == texts
    assert list(computed.index) == list(whole.index)
    assert computed.dtypes.equals(found.dtypes)
    assert len(sandbox.requests) == 12
    assert "12 of 12 rows answered" in mapper.report.summary


def test_nothing_is_called_while_the_graph_is_built(mapper: Mapper, sandbox: Sandbox) -> None:
    """What dask would call without `meta` gets a row that is none of the frame."""
    mapper(frame(*rows("graph", 4))[1], ECHO + "{{ text }}", cache=False)
    assert sorted(prompts(sandbox)) == sorted(rows("graph", 4))


def test_a_schema_gives_each_field_a_column_on_the_cluster_as_well(mapper: Mapper, sandbox: Sandbox) -> None:
    whole, distributed = frame("data good", "data bad", "data fair")
    question = Question("", schema=make_schema("topic, score int"))
    here = mapper(whole, "{{ text }}", question)
    assert list(here.topic) == ["data good", "data bad", "data fair"]
    assert str(here.score.dtype) == "Int64"
    assert mapper.report.first.fields == ("topic", "score")
    sandbox.clear()
    there = mapper(distributed, "{{ text }}", question)
    assert str(there.dtypes["score"]) == "Int64"
    pd.testing.assert_frame_equal(there.compute(), here, check_dtype=False)
    assert not sandbox.requests
    with pytest.raises(InputError, match="column 'text' already"):
        mapper(distributed, "{{ text }}", Question("", schema=make_schema("text, score int")))


def test_a_partition_without_rows_and_a_series(mapper: Mapper) -> None:
    whole, given = frame(*rows("few", 6))
    found = mapper(given[given.number < 2], ECHO + "{{ text }}").compute()
    assert list(found.answer) == rows("few", 2)
    assert list(mapper(given.text, ECHO + "{{ value }}").compute().answer) == list(whole.text)


def test_one_bad_row_is_one_cell_and_the_record_counts_over_all_parts(mapper: Mapper) -> None:
    texts = [*rows("bad", 4), "sandbox: filter", *rows("worse", 3)]
    found = mapper(frame(*texts)[1], "{{ text }}").compute()
    assert [bool(error) for error in found.error] == [False] * 4 + [True] + [False] * 3
    ((count, _error, first),) = mapper.report.errors
    assert (count, first) == (1, 4)
    assert "7 of 8 rows answered" in mapper.report.summary


def test_progress_is_shown_here(mapper: Mapper) -> None:
    mapper([f"sandbox: stall 0.8\n{text}" for text in rows("slow", 6)], "{{ value }}", concurrency=2)
    assert any(0 < progress.done < 6 for progress in mapper.view.shown)
    (spent,) = mapper.assistant.conversations.get().spending.rows("")
    assert spent.questions == 6


# --- nothing is paid for twice


def test_a_partition_that_is_computed_again_asks_nothing(mapper: Mapper, sandbox: Sandbox) -> None:
    with started(processes=False) as mapper.client, mapper.client.as_current():
        found = mapper(frame(*rows("lost", 6))[1], ECHO + "{{ text }}")
        sandbox.clear()
        assert mapper.client.cluster
        worker = next(iter(mapper.client.cluster.workers.values()))
        assert any("answered_frame" in str(key) for key in mapper.client.has_what()[worker.address])
        mapper.client.sync(worker.close)
        assert list(found.compute().answer) == rows("lost", 6)
    assert not sandbox.requests


def test_another_map_asks_nothing(mapper: Mapper, sandbox: Sandbox) -> None:
    _, given = frame(*rows("again", 6))
    mapper(given, ECHO + "{{ text }}")
    sandbox.clear()
    mapper(given, ECHO + "{{ text }}")
    assert "6 from the cache" in mapper.report.summary
    assert not sandbox.requests


def test_who_asked_live_is_not_asked_again_on_workers_of_this_machine(
    mapper: Mapper, sandbox: Sandbox, cluster: Client
) -> None:
    live = Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({"QWEN_API_KEY": sandbox.key}))
    Mapper(live, cluster)(rows("live", 3), ECHO + "{{ value }}", where="live")
    live.close()
    sandbox.clear()
    assert [row["answer"] for row in mapper(rows("live", 3), ECHO + "{{ value }}")] == rows("live", 3)
    assert not sandbox.requests


def test_a_worker_that_is_killed_costs_no_more_than_what_was_in_flight(mapper: Mapper, sandbox: Sandbox) -> None:
    texts = [f"sandbox: stall 0.2\nkilled {number}" for number in range(60)]
    killed: list[int] = []

    def kill(progress: MapProgress) -> None:
        if progress.done >= 10 and not killed:
            killed.append(processes[0])
            os.kill(killed[0], signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

    mapper.view = Recording(each=kill)
    with started(processes=True) as mapper.client:
        processes = list(mapper.client.run(os.getpid).values())
        found = mapper(texts, "{{ value }}", concurrency=8)
    assert killed
    assert not any(row["error"] for row in found)
    assert set(prompts(sandbox)) == set(texts)
    assert len(sandbox.requests) - 60 <= 8


# --- limits of all workers together


def test_no_more_than_concurrency_are_under_way_on_all_workers(mapper: Mapper, sandbox: Sandbox) -> None:
    over, counts = threading.Event(), [0]

    def count() -> None:
        while not over.wait(0.01):
            counts.append(sum(not request.done for request in sandbox.requests))

    counting = threading.Thread(target=count)
    counting.start()
    mapper([f"sandbox: stall 0.1\n{text}" for text in rows("many", 40)], "{{ value }}", concurrency=6)
    over.set()
    counting.join()
    assert 2 <= max(counts) <= 6


def test_a_rate_holds_for_all_workers_together(mapper: Mapper, sandbox: Sandbox) -> None:
    """That no second has more is tested with a clock of its own, in test_limiter: here requests may arrive late."""
    mapper(rows("rate", 40), ECHO + "{{ value }}", rpm=600)
    times = [request.time for request in sandbox.requests]
    assert max(times) - min(times) > 2.9


@pytest.mark.parametrize(
    ("options", "leases", "share"),
    [
        ({}, 4, (8, None, None)),
        ({"concurrency": 3}, 3, (1, None, None)),
        ({"rpm": 120}, 2, (16, 60, None)),
        ({"rpm": 30}, 1, (32, 30, None)),
        ({"tpm": 1000}, 4, (8, None, 250)),
    ],
)
def test_the_shares_are_equal_and_their_sum_is_the_limit(
    mapper: Mapper, cluster: Client, options: dict[str, Any], leases: int, share: tuple[Any, ...]
) -> None:
    plan = mapper.assistant.plan_alone(Question("hello"))
    job = cluster_job(mapper.assistant.settings, cluster, plan, Question("{{ value }}"), MapOptions(**options))
    assert job.leases == leases
    assert (job.options.concurrency, job.options.rpm, job.options.tpm) == share


# --- the key


def test_no_key_and_no_other_variable_is_in_the_graph(sandbox: Sandbox, cluster: Client) -> None:
    key, other = "sk-0123456789abcdefghij", "an-other-secret-of-the-notebook"
    settings = Settings(endpoint=sandbox.compatible_url, currency=other)
    assistant = Assistant(settings, Credentials({"QWEN_API_KEY": key}))
    assistant.provider.credentials.remember_for_session("127.0.0.1", key)
    plan = assistant.plan_alone(Question("hello"))
    assert plan.endpoint.key.secret
    sent: list[bytes] = []

    class Watched:
        """A client that keeps what it sends."""

        asynchronous = False

        def __getattr__(self, name: str) -> Any:
            return getattr(cluster, name)

        def submit(self, *args: Any, **options: Any) -> Any:
            sent.append(dask_pickle.dumps(args))
            return cluster.submit(*args, **options)

        def persist(self, collection: Any) -> Any:
            sent.append(dask_pickle.dumps(dict(collection.__dask_graph__())))
            return cluster.persist(collection)

        def compute(self, collections: Any) -> Any:
            sent.extend(dask_pickle.dumps(dict(each.__dask_graph__())) for each in collections)
            return cluster.compute(collections)

    namespace = {"api_key": other, "prefix": "Review", "key": key}
    for given in (rows("graphs", 3), frame(*rows("graphs", 3))[1]):
        column = "value" if isinstance(given, list) else "text"
        question = Question(ECHO + "{{ prefix + " + column + " }}", system="Be short.")
        options = MapOptions(namespace=namespace)
        map_on_cluster(
            assistant, Watched(), given, question, options, Recording(), lambda text: True, lambda result: None
        )
    assistant.close()
    whole = b"".join(sent)
    assert b"Be short." in whole
    assert b"prefix" in whole
    assert key.encode() not in whole
    assert other.encode() not in whole


def test_a_worker_without_a_key_is_one_line_before_anything_is_sent(
    mapper: Mapper, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QWEN_API_KEY")
    with pytest.raises(NoKey, match=r"The worker on .* has no key for .*workers' environment") as caught:
        mapper(["a"], "{{ value }}")
    assert "\n" not in str(caught.value)
    assert not sandbox.requests


def test_what_is_of_this_kernel_only_is_refused(cluster: Client) -> None:
    assistant = Assistant(Settings(endpoint="sandbox"), Credentials({}))
    with pytest.raises(ConfigurationError, match="sandbox is of this kernel"):
        Mapper(assistant, cluster)(["a"], "{{ value }}")
    assistant.close()


def test_an_endpoint_of_this_machine_is_refused_on_another_one(mapper: Mapper, cluster: Client) -> None:
    plan = mapper.assistant.plan_alone(Question("hello"))
    job = cluster_job(mapper.assistant.settings, cluster, plan, Question("{{ value }}"), MapOptions())
    assert refusal_of_worker(job) is None
    elsewhere = refusal_of_worker(replace(job, machine="another-machine"))
    assert isinstance(elsewhere, ConfigurationError)
    assert "can be reached on another-machine only" in str(elsewhere)
    assert job.machine


# --- what ends it


def test_what_fails_every_row_ends_it_at_once(mapper: Mapper, sandbox: Sandbox) -> None:
    for given in (rows("none", 200), frame(*rows("none", 200))[1]):
        column = "value" if isinstance(given, list) else "text"
        with pytest.raises(ModelNotFound):
            mapper(given, ECHO + "{{ " + column + " }}", Question("", model="no-such-model"))
    assert len(sandbox.requests) < 200
    assert any("no-such-model" in note for note in mapper.report.notes)


def test_an_interrupt_stops_the_workers_and_keeps_what_was_answered(mapper: Mapper, sandbox: Sandbox) -> None:
    texts = rows("stopped", 8) + [f"sandbox: stall 60\nstuck {number}" for number in range(8)]

    def interrupt(progress: MapProgress) -> None:
        if progress.done >= 8 and sum(not request.done for request in sandbox.requests) == 8:
            signal.raise_signal(signal.SIGINT)

    mapper.view = Recording(each=interrupt)
    with pytest.raises(Stopped, match="8 of 16 rows are done"):
        mapper(texts, "{{ value }}")
    until = time.monotonic() + 20
    while not all(request.done for request in sandbox.requests) and time.monotonic() < until:
        time.sleep(0.05)
    assert all(request.done for request in sandbox.requests)
    mapper.view = Recording()
    sandbox.clear()
    mapper(texts[:8], "{{ value }}")
    assert not sandbox.requests


def test_many_rows_are_agreed_to_once(mapper: Mapper, sandbox: Sandbox) -> None:
    mapper.assistant.settings = replace(mapper.assistant.settings, ask_above=5)
    _, given = frame(*rows("agreed", 9))
    with pytest.raises(InputError, match=r"9 of 9 rows to ask .*--yes"):
        mapper(given, ECHO + "{{ text }}", agreed=False)
    mapper.agrees = False
    with pytest.raises(InputError, match="Nothing was asked"):
        mapper(rows("agreed", 9), ECHO + "{{ value }}", agreed=False)
    assert not sandbox.requests
    mapper.agrees = True
    mapper(given, ECHO + "{{ text }}", agreed=False)
    assert len(mapper.questions) == 3


def test_a_dry_run_shows_requests_and_the_estimate_of_the_workers(mapper: Mapper, sandbox: Sandbox) -> None:
    whole, given = frame(*rows("dry", 9))
    mapper(list(whole.text.head(4)), ECHO + "{{ value }}")
    sandbox.clear()
    for frames, options in ((given, MapOptions()), (whole, MapOptions(where=mapper.client))):
        dry = dry_run_map(mapper.assistant, frames, Question(ECHO + "{{ text }}"), options)
        assert [request.body["messages"][-1]["content"] for request in dry.requests] == [ECHO + "dry 0", ECHO + "dry 1"]
        assert (dry.estimate.total, dry.estimate.rows) == (9, 5)
    assert not sandbox.requests


def test_a_cell_names_a_client(mapper: Mapper, sandbox: Sandbox) -> None:
    namespace = {"reviews": rows("cell", 3), "client": mapper.client}
    given = {"map": "reviews", "where": "client"}
    map_cell(mapper.assistant, given, ECHO + "{{ value }}", None, namespace, mapper.view, mapper.published.append)
    assert [row["answer"] for row in mapper.published[-1]] == rows("cell", 3)


# --- bad input: one line, nothing sent

WITHOUT_ROWS = frame("a", "b")[1].query("number > 5")

WRONG: list[tuple[Any, str, dict[str, Any], str]] = [
    (frame("a", "b")[1], "{{ txt }}", {}, r"no column 'txt'.*Did you mean 'text'"),
    (frame("a", "b")[1], "no field", {}, "takes nothing from the rows"),
    (frame("a", "b")[1].assign(answer=1), "{{ text }}", {}, "column 'answer' already"),
    (frame("a", "b")[1], "{{ text }}", {"where": "batch"}, "asked live"),
    (WITHOUT_ROWS, "{{ text }}", {}, "no rows"),
    ([], "{{ value }}", {}, "no rows"),
    (["a"], "{{ value }}", {"rpm": 0}, "rpm=0"),
    (["a"], "{{ lock }} {{ value }}", {"namespace": {"lock": threading.Lock()}}, "cannot be sent to workers"),
    (["a"], "{{ password }} {{ value }}", {"namespace": {"password": "hunter2-hunter2"}}, "called like a secret"),
]


@pytest.mark.parametrize(("given", "template", "options", "message"), WRONG, ids=[wrong[-1] for wrong in WRONG])
def test_bad_input_is_one_line_before_anything_is_sent(
    mapper: Mapper, sandbox: Sandbox, given: Any, template: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        mapper(given, template, **options)
    assert "\n" not in str(caught.value)
    assert not sandbox.requests


def test_a_dask_frame_without_a_cluster_is_one_line(sandbox: Sandbox, cluster: Client) -> None:
    assistant = Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({}))
    with pytest.raises(ConfigurationError, match=r"there is none.*distributed.Client\(\)"):
        Mapper(assistant, cluster)(frame("a", "b")[1], "{{ text }}", where="live")
    assistant.close()


def test_a_dask_frame_finds_the_cluster_that_is_in_use(mapper: Mapper) -> None:
    assert list(mapper(frame("in", "use")[1], ECHO + "{{ text }}", where="live").compute().answer) == ["in", "use"]
