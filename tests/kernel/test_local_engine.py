"""A model file of one's own becomes an endpoint: one engine for all kernels, that comes and goes with the questions."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest
from support.kernels import Kernel, clean_environment
from support.paths import TESTS
from support.sandbox_pictures import png
from support.waiting import wait_for
from support.wire import keyed

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.core.errors import ConfigurationError, ConnectionFailed
from qwen_magic.core.events import Event, Finish, ReasoningDelta, TextDelta, ToolCallDelta
from qwen_magic.core.messages import ChatRequest, Image, Message, Text
from qwen_magic.core.settings import Settings
from qwen_magic.core.sizes import readable_size
from qwen_magic.local.catalogue import CATALOGUE, choose
from qwen_magic.local.engine_client import LocalEngine, identity
from qwen_magic.local.engine_process import Record, get, healthy
from qwen_magic.local.file_lock import locked
from qwen_magic.local.gguf import header
from qwen_magic.local.interaction import Dialogue
from qwen_magic.local.memory import available
from qwen_magic.local.model_startup import engine, projector_beside
from qwen_magic.rendering.views.silent import SilentView
from qwen_magic.service.client import Client
from qwen_magic.service.credentials import Credentials
from qwen_magic.service.endpoints import Endpoint
from qwen_magic.tools.toolset import toolset

pytest.importorskip("xllamacpp")

# Long enough for a test, and short enough that what a failed test leaves behind is gone before the next run.
IDLE = 20.0
ENDLESS: dict[str, Any] = {"ignore_eos": True}
GB = 10**9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    from support.tiny_engine import tiny_qwen

    return tiny_qwen.write(folder / "tiny-qwen3.gguf")


@pytest.fixture(scope="module", autouse=True)
def cache(folder: Path) -> Iterator[Path]:
    """Where engines leave their records; at the end those go, and the engines with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QWEN_MAGIC_CACHE", str(folder / "cache"))
        yield folder / "cache"
    for record in folder.glob("cache/engines/*.json"):
        record.unlink()


class Asker:
    """An engine and a client for it, as one kernel has them."""

    def __init__(self, path: Path, idle: float = IDLE) -> None:
        self.credentials = Credentials({})
        self.engine: LocalEngine = engine(str(path), self.credentials, Dialogue(), idle)
        self.client = Client()

    def events(self, prompt: str | Message = "Hello", **fields: Any) -> list[Event]:
        """The events of a whole answer."""
        return [event for batch in self.stream(prompt, **fields) for event in batch]

    def stream(self, prompt: str | Message = "Hello", **fields: Any) -> Generator[list[Event]]:
        message = Message.user(prompt) if isinstance(prompt, str) else prompt
        request = ChatRequest(model="tiny", messages=(message,), fields={"seed": 3, **fields})
        with self.client.stream(self.endpoint(), request) as answer:
            yield from answer.batches(0)

    def endpoint(self) -> Endpoint:
        """The engine's endpoint, with its key; starts the engine if need be."""
        return keyed(self.engine.start(), self.credentials)

    def slots(self) -> list[dict[str, Any]]:
        """What the engine says of its slots."""
        endpoint = self.engine.start()
        key = self.credentials.require(endpoint.account).reveal()
        return list(json.loads(get(endpoint.host, "/slots", key)[1]))


@pytest.fixture(scope="module")
def asker(model: Path) -> Asker:
    return Asker(model)


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_a_file_of_ones_own_answers(asker: Asker) -> None:
    events = asker.events(max_tokens=20)
    assert text(events)
    assert asker.client.call(asker.endpoint(), "GET", "models")["data"][0]["id"] == "tiny-qwen3"


def test_whoever_waits_for_a_model_is_told_which_one(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(model.read_bytes())
    said: list[str] = []

    @contextmanager
    def loading(name: str) -> Iterator[Callable[[], None]]:
        said.append(name)
        yield lambda: said.append("…")
        said.append("loaded")

    waited_for = engine(str(own), Credentials({}), Dialogue(loading=loading), 3)
    assert said == []
    waited_for.start()
    assert said[0] == f"own ({readable_size(own.stat().st_size)})"
    assert set(said[1:-1]) == {"…"}
    assert said[-1] == "loaded"
    waited_for.start()
    assert said.count("loaded") == 1


def test_two_kernels_share_one_engine(asker: Asker, model: Path) -> None:
    assert Asker(model).engine.start() == asker.engine.start()


def test_two_kernels_that_start_at_once_start_one_engine(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(model.read_bytes())
    code = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "from qwen_magic.service.credentials import Credentials\n"
        "from qwen_magic.local.model_startup import engine\n"
        "from qwen_magic.local.interaction import Dialogue\n"
        f"print(engine({str(own)!r}, Credentials({{}}), Dialogue(), 3).start().base_url)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate(timeout=60)[0] for process in processes}
    assert len(said) == 1
    assert said.pop().startswith("http://127.0.0.1:")


def test_nobody_without_the_key_is_answered_and_the_key_is_seen_nowhere(asker: Asker, cache: Path) -> None:
    endpoint = asker.engine.start()
    assert get(endpoint.host, "/v1/models")[0] == 401
    key = asker.credentials.require(endpoint.account).reveal()
    (record,) = (path for path in cache.glob("engines/*.json") if key in path.read_text(encoding="utf-8"))
    assert key not in repr(Record.read(record))
    if sys.platform != "win32":
        assert record.stat().st_mode & 0o077 == 0
        assert record.parent.stat().st_mode & 0o077 == 0
    if Path("/proc").is_dir():
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path)]
        assert not any(key.encode() in line for line in lines)


def readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


def test_stop_frees_the_engine_for_the_next_question(asker: Asker) -> None:
    stream = asker.stream("Go on for ever", **ENDLESS)
    while not text(next(stream)):
        pass
    (busy,) = (slot for slot in asker.slots() if slot["is_processing"])
    stream.close()
    assert text(asker.events("Quick", max_tokens=5, **ENDLESS))
    assert wait_for(lambda: not any(slot["is_processing"] for slot in asker.slots()), 30)
    (stopped,) = (slot for slot in asker.slots() if slot["id"] == busy["id"])
    assert stopped["n_prompt_tokens"] < busy["n_ctx"] / 2, "it was not stopped, but went on to its end"


@pytest.mark.parametrize("deltas", ["its own field", "inline"])
def test_thinking_is_told_from_the_answer(asker: Asker, deltas: str) -> None:
    grammar = 'root ::= "<think>\\n" [a-z ]{5,40} "\\n</think>\\n\\n" [A-Z]{5,40}'
    fields = {"reasoning_format": "none"} if deltas == "inline" else {}
    events = asker.events(grammar=grammar, **fields)
    thought = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert thought.strip().replace(" ", "").islower()
    assert text(events).strip().isupper()


def test_a_schema_is_kept(asker: Asker) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 99}, "ok": {"type": "boolean"}},
        "required": ["n", "ok"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema, "strict": True}}
    events = asker.events(response_format=form)
    answer = json.loads(text(events))
    assert answer.keys() == {"n", "ok"}


def test_a_tool_is_called(folder: Path) -> None:
    from support.tiny_engine import reciting

    call = ("<tool_call>", '\n{"name": "weather", "arguments": {"place": "', "Köln", '"}}\n', "</tool_call>")
    asker = Asker(reciting.write(folder / "calls.gguf", *call))
    parameters = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    tool = {"type": "function", "function": {"name": "weather", "description": "It.", "parameters": parameters}}
    events = asker.events("Is it raining?", tools=[tool], temperature=0, max_tokens=50)
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert "".join(call.name for call in calls) == "weather"
    assert json.loads("".join(call.arguments for call in calls)) == {"place": "Köln"}
    assert events[-1] == Finish("tool_calls")


def test_the_results_of_functions_go_back_to_the_model(folder: Path) -> None:
    from support.tiny_engine import reciting

    call = ("<tool_call>", '\n{"name": "weather", "arguments": {"place": "', "Köln", '"}}\n', "</tool_call>")
    path = reciting.write(folder / "rounds.gguf", *call)
    asked: list[str] = []

    def weather(place: str) -> str:
        """Look it up."""
        asked.append(place)
        return "rain"

    made = Assistant(Settings(endpoint=f"local:{path}", tool_rounds=2), Credentials({}))
    fields = {"temperature": 0, "max_tokens": 60}
    question = Question("Is it raining?", alone=True, fields=fields, tools=toolset([weather], [weather]))
    answer = made.ask(question, SilentView())
    made.close()
    assert asked == ["Köln", "Köln"]
    assert [result.text for each in answer.rounds for result in each.results] == ["rain", "rain"]
    assert answer.text, "after the last round it has to answer in words"


def test_an_image_is_looked_at_where_a_projector_lies_beside_the_model(folder: Path) -> None:
    from support.tiny_engine import tiny_vision

    sees = Asker(tiny_vision.write(folder))
    url = "data:image/png;base64," + base64.b64encode(png(112, 84)).decode()
    message = Message("user", (Image(url), Text("What is it?")))
    assert text(sees.events(message, max_tokens=5, **ENDLESS))
    tokens = max(slot.get("n_prompt_tokens", 0) for slot in sees.slots())
    assert tokens > 12 + 5  # (112 / 28) · (84 / 28) for the image


def test_a_projector_is_found_by_its_name(tmp_path: Path) -> None:
    names = ("Qwen3VL-2B-Instruct-Q4_K_M", "mmproj-Qwen3VL-2B-Instruct-F16", "Qwen3-4B-Q8_0", "mmproj-Other-Q8_0")
    for name in names:
        (tmp_path / f"{name}.gguf").touch()
    found = projector_beside(tmp_path / f"{names[0]}.gguf")
    assert found
    assert found.stem == names[1]
    assert projector_beside(tmp_path / f"{names[2]}.gguf") is None


def test_an_engine_stops_when_nobody_asks_and_starts_again_with_the_next_question(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "idle.gguf"
    own.write_bytes(model.read_bytes())
    asker = Asker(own, idle=0.3)
    host = asker.engine.start().host
    assert wait_for(lambda: not healthy(host), 30)
    assert text(asker.events(max_tokens=5, **ENDLESS))
    assert asker.engine.start().host != host


def test_an_engine_that_nobody_can_find_any_more_stops(model: Path, tmp_path: Path, cache: Path) -> None:
    own = tmp_path / "lost.gguf"
    own.write_bytes(model.read_bytes())
    host = Asker(own, idle=1000).engine.start().host
    (record,) = (path for path in cache.glob("engines/*.json") if host in path.read_text(encoding="utf-8"))
    record.unlink()
    assert wait_for(lambda: not healthy(host), 30)


def test_a_crash_is_one_line_and_the_next_question_starts_it_anew(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "crash.gguf"
    own.write_bytes(model.read_bytes())
    asker = Asker(own, idle=5)
    host = asker.engine.start().host
    os.kill(pid_of(host), getattr(signal, "SIGKILL", signal.SIGTERM))
    assert wait_for(lambda: not healthy(host), 30)
    with pytest.raises(ConnectionFailed, match=r"crash has crashed.*Run the cell again"):
        asker.engine.start()
    assert text(asker.events(max_tokens=5, **ENDLESS))


def pid_of(host: str) -> int:
    """The process that listens there."""
    port = int(host.rpartition(":")[2])
    return next(
        int(process.pid)
        for process in psutil.process_iter()
        if any(c.status == "LISTEN" and c.laddr.port == port for c in connections(process))
    )


def connections(process: Any) -> list[Any]:
    try:
        return list(process.net_connections("tcp"))
    except psutil.Error:
        return []


def test_what_is_no_model_is_said_before_anything_is_started(tmp_path: Path, model: Path) -> None:
    no = tmp_path / "no.gguf"
    no.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ConfigurationError, match="not a GGUF file"):
        Asker(no).engine.start()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Asker(tmp_path / "missing.gguf")
    with pytest.raises(ConfigurationError, match="neither a file nor a model"):
        Asker(Path("qwen9-1b"))
    half = tmp_path / "half.gguf"
    half.write_bytes(model.read_bytes()[:200_000])
    with pytest.raises(ConfigurationError, match=r"could not load half\.gguf.*incomplete"):
        Asker(half).engine.start()


def field(name: str, kind: int, value: bytes) -> bytes:
    """A field of a GGUF header, as docs/gguf.md of llama.cpp describes it."""
    return struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", kind) + value


HUGE = struct.pack("<Q", 1 << 62)
ARCHITECTURE = field("general.architecture", 8, struct.pack("<Q", 1) + b"q")


@pytest.mark.parametrize(
    "fields",
    [
        struct.pack("<Q", 1 << 63),
        field("a", 8, HUGE),
        field("a", 99, b""),
        field("a", 9, struct.pack("<I", 0) + HUGE),
        field("a", 9, (struct.pack("<I", 9) + struct.pack("<Q", 1)) * 5_000),
        ARCHITECTURE + field("q.context_length", 8, struct.pack("<Q", 4) + b"many"),
        ARCHITECTURE + field("q.context_length", 6, struct.pack("<f", float("inf"))),
        ARCHITECTURE + field("q.context_length", 12, struct.pack("<d", float("nan"))),
        ARCHITECTURE + field("q.block_count", 5, struct.pack("<i", -1)),
        ARCHITECTURE
        + field("q.block_count", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 8, 1) + struct.pack("<Q", 1) + b"x"),
    ],
    ids=lambda fields: fields[:40].hex(),
)
def test_a_header_that_lies_is_one_clear_line(tmp_path: Path, fields: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + fields)
    with pytest.raises(ConfigurationError, match=r"a\.gguf is not a GGUF file, or is cut short"):
        header(tmp_path / "a.gguf")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_pipe_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.gguf")
    with pytest.raises(ConfigurationError, match="is not a file"):
        Asker(tmp_path / "a.gguf").engine.start()


def test_a_record_that_leads_elsewhere_is_none(tmp_path: Path) -> None:
    """Whoever can write it would be sent every question."""
    for host in ("evil.example:80", "127.0.0.1.evil.example:80", 5, None):
        (tmp_path / "a.json").write_text(json.dumps({"host": host, "key": "k", "name": "n"}), encoding="utf-8")
        assert Record.read(tmp_path / "a.json") is None
    Record("127.0.0.1:80", "k", "n").write(tmp_path / "a.json")
    assert Record.read(tmp_path / "a.json") == Record("127.0.0.1:80", "k", "n")


def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(tmp_path: Path, model: Path) -> None:
    huge = tmp_path / "huge.gguf"
    with huge.open("wb") as file:
        file.write(model.read_bytes())
        file.truncate(1 << 42)  # takes no room on the disk
    with pytest.raises(ConfigurationError, match=r"huge needs 43\d\d GB of memory, and .* are free"):
        Asker(huge).engine.start()


def test_a_header_tells_what_a_context_costs(model: Path) -> None:
    from support.tiny_engine.tiny_qwen import CONTEXT, HEAD, KV_HEADS, LAYERS

    facts = header(model)
    assert (facts.architecture, facts.context) == ("qwen3", CONTEXT)
    assert facts.bytes_per_token == LAYERS * KV_HEADS * (HEAD + HEAD) * 2


@pytest.mark.parametrize(
    ("free", "name"), [(2, "qwen3-0.6b"), (6, "qwen3-1.7b"), (8, "qwen3-4b"), (16, "qwen3-8b"), (64, "qwen3-30b-a3b")]
)
def test_the_model_that_is_chosen_fits_the_machine(free: int, name: str) -> None:
    texts = [model for model in CATALOGUE if not model.sees]
    assert choose(free * GB, texts, lambda model: False).name == name
    assert choose(free * GB, texts, lambda model: model.name == "qwen3-0.6b").name == "qwen3-0.6b"


def test_a_machine_that_is_too_small_is_told_so() -> None:
    with pytest.raises(ConfigurationError, match=r"qwen3-0\.6b needs 1\.\d GB of memory, and 500 MB are free"):
        choose(GB // 2, CATALOGUE, lambda model: False)


def test_a_container_s_limit_counts(tmp_path: Path) -> None:
    group = tmp_path / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    for name, value in {
        "memory.max": "3000000",
        "memory.current": "2000000",
        "memory.stat": "inactive_file 500000\n",
    }.items():
        (group / name).write_text(value, encoding="utf-8")
    assert available(tmp_path) == 1_500_000
    (group / "memory.max").write_text("max", encoding="utf-8")
    assert available(tmp_path) > 100_000_000


@pytest.mark.parametrize("answer", [None, False])
def test_nothing_is_downloaded_without_leave(
    answer: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path))
    asked: list[str] = []

    def confirm(question: str) -> bool | None:
        asked.append(question)
        return answer

    dialogue = Dialogue(confirm=confirm)
    with pytest.raises(ConfigurationError, match="--yes" if answer is None else "was not downloaded"):
        engine("qwen3-0.6b", Credentials({}), dialogue)
    assert "639 MB" in asked[0]
    assert str(tmp_path) in asked[0]


def test_a_cell_asks_a_file_of_ones_own(start_kernel: Callable[..., Kernel], model: Path, cache: Path) -> None:
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(cache))
    kernel.run("%load_ext qwen_magic")
    said = kernel.run(f"%qwen use local:{model}")
    assert "Asking local at http://127.0.0.1:" in said.text, said.text
    first = kernel.run("%%qwen --set max_tokens=40 --set ignore_eos=true\nHello")
    assert first.status == "ok", first.text
    assert kernel.value("len(_qwen.text)") > 0
    assert kernel.value("_qwen.model") == "tiny-qwen3"
    assert "sk-local" not in json.dumps([message.content for message in kernel.messages])


@pytest.fixture
def spaced(model: Path, folder: Path) -> Path:
    """A model file with spaces in its path."""
    path = folder / "my own models" / "it's tiny.gguf"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(model.read_bytes())
    return path


@pytest.mark.parametrize("form", ['local:"{}"', "local:{}", '"local:{}"'])
def test_a_path_may_have_spaces(start_kernel: Callable[..., Kernel], spaced: Path, cache: Path, form: str) -> None:
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(cache))
    kernel.run("%load_ext qwen_magic")
    said = kernel.run(f"%qwen use {form.format(spaced)} --yes")
    assert "Asking local at http://127.0.0.1:" in said.text, said.text


def test_quotes_that_do_not_match_are_one_clear_line(kernel: Kernel, cache: Path) -> None:
    kernel.run("%load_ext qwen_magic")
    for form in ('local:"/my models/m.gguf', '"local:/my models/m.gguf', "local:'/my models/m.gguf\""):
        error = kernel.run(f"%qwen use {form}").error
        assert error == f'InputError: The quotes in {form} do not match. Such as local:"/a folder/model.gguf".'


def test_a_path_with_spaces_that_is_none_is_not_sent_as_a_question(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic")
    assert "/my models/no.gguf cannot be read" in kernel.run("%qwen use local:/my models/no.gguf").error


def test_a_cell_shows_for_how_long_the_model_it_needs_has_been_loading(
    start_kernel: Callable[..., Kernel], spaced: Path, cache: Path
) -> None:
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(cache))
    kernel.run("%load_ext qwen_magic")
    place = cache / "engines" / identity(spaced, None)
    for code in (f"%qwen use local:{spaced}", "%%qwen --set max_tokens=5\nHello"):
        place.with_suffix(".json").unlink(missing_ok=True)  # it has stopped
        with locked(place.with_suffix(".lock")):
            run = kernel.send(code, cell_id=code)
            shown = run.first_output()
            assert re.fullmatch(r"Loading it's tiny \(\d+(?:\.\d)? [kM]B\)… \d s", shown["data"]["text/plain"])
            run.until(lambda run: len(run.outputs) > 1)
        result = run.result()
        assert result.status == "ok", result.text
        assert re.match(r"it's tiny \(\d+(?:\.\d)? [kM]B\) was loaded in \d+ s\.", result.text)
        assert "Loading" not in result.text


def test_a_cell_shows_it_for_a_configured_model_as_well(
    start_kernel: Callable[..., Kernel], spaced: Path, cache: Path
) -> None:
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(cache), QWEN_BASE_URL=f"local:{spaced}")
    kernel.run("%load_ext qwen_magic")
    with locked(cache / "engines" / f"{identity(spaced, None)}.lock"):
        run = kernel.send("%%qwen --set max_tokens=5\nHello", cell_id="1")
        assert run.first_output()["data"]["text/plain"].startswith("Loading it's tiny")
    result = run.result()
    assert result.status == "ok", result.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_shows_it_on_one_line(model: Path, tmp_path: Path, cache: Path) -> None:
    import pexpect  # type: ignore[import-untyped]  # it has no types; IPython brings it

    own = tmp_path / "own.gguf"
    own.write_bytes(model.read_bytes())
    environment = clean_environment(tmp_path) | {"QWEN_MAGIC_CACHE": str(cache)}
    code = f"%load_ext qwen_magic\n%qwen use local:{own}"
    with locked(cache / "engines" / f"{identity(own, None)}.lock"):
        shell = pexpect.spawn(sys.executable, ["-m", "IPython", "-c", code], env=environment, encoding="utf-8")
        shell.expect(r"… \d s\r", timeout=30)
        shell.expect(r"Loading own \(\d+(?:\.\d)? [kM]B\)… \d s", timeout=30)
    shell.expect("Asking local at", timeout=30)
    assert re.search(r"\rown \(\d+(?:\.\d)? [kM]B\) was loaded in \d+ s\. *\r\n", shell.before), shell.before
    shell.close()


def test_an_answer_that_was_stopped_is_continued(start_kernel: Callable[..., Kernel], model: Path, cache: Path) -> None:
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(cache))
    kernel.run(f"%load_ext qwen_magic\n%qwen use local:{model}")
    run = kernel.send("%%qwen --set ignore_eos=true\nGo on")
    watcher = Asker(model)
    assert wait_for(lambda: any(slot["is_processing"] and slot["n_prompt_tokens"] > 50 for slot in watcher.slots()), 30)
    kernel.interrupt()
    assert run.result().status == "error"
    begun = kernel.value("_qwen.text")
    assert kernel.value("_qwen.finish_reason") == "stopped"
    assert kernel.run("%qwen continue").status == "ok"
    whole = kernel.value("_qwen.text")
    assert whole.startswith(begun)
    assert len(whole) > len(begun)


def test_an_answer_is_continued_although_the_engine_has_stopped_meanwhile(
    start_kernel: Callable[..., Kernel], model: Path, cache: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(model.read_bytes())
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(cache))
    host = kernel.run(f"%load_ext qwen_magic\n%qwen use local:{own}").text.partition("http://")[2].partition("/")[0]
    # Random weights may write the end of a thought, and all before it is one then: always the same words.
    kernel.run("%%qwen --set max_tokens=8 --set ignore_eos=true --set temperature=0\nGo on")
    begun = kernel.value("_qwen.text")
    assert kernel.value("_qwen.finish_reason") == "length"
    (cache / "engines" / f"{identity(own, None)}.json").unlink()  # as it does itself when nobody asks
    assert wait_for(lambda: not healthy(host), 30)
    assert kernel.run("%qwen continue").status == "ok"
    assert kernel.value("_qwen.text").startswith(begun)


def test_another_protocol_does_not_take_another_model(
    start_kernel: Callable[..., Kernel], model: Path, cache: Path
) -> None:
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(cache))
    kernel.run(f"%load_ext qwen_magic\n%qwen use local:{model}")
    assert "Asking local at" in kernel.run("%qwen use --protocol compatible").text
    assert model.stem in kernel.run("%qwen models").text


def test_a_notebook_that_nobody_watches_says_how_to_agree(start_kernel: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start_kernel(QWEN_MAGIC_CACHE=str(tmp_path))
    kernel.run("%load_ext qwen_magic")
    assert "local:qwen3-0.6b --yes" in kernel.run("%qwen use local:qwen3-0.6b").error
    assert "was not downloaded" in kernel.run("%qwen use local:qwen3-0.6b", answers=["n"]).error
