"""Drives a real ipykernel, as a notebook's front-end does: cells with ids, outputs in order, interrupts, questions.

Nothing of this machine's own settings reaches the kernel: no key, no profile, no Jupyter configuration. For tests only.
"""

from __future__ import annotations

import ast
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from support.paths import ROOT

TIMEOUT = 30.0
# How often a wait looks whether the kernel is still alive, in seconds.
LOOK = 1.0

OUTPUTS = ("stream", "display_data", "update_display_data", "execute_result", "error")
# Variables of the person who runs the tests that would change what the tests see.
FOREIGN = ("DASHSCOPE", "QWEN", "OPENAI", "JUPYTER", "JPY", "IPYTHON", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "MPL")

COLOUR = re.compile(r"\x1b\[[0-9;]*m")

RESET = """\
%unload_ext qwen_magic
import os
for name in [name for name in os.environ if name.startswith(("DASHSCOPE", "QWEN"))]:
    del os.environ[name]
%reset -f
"""


class Comm:
    """A comm that a page has opened."""

    def __init__(self, kernel: Kernel, target: str) -> None:
        self._kernel = kernel
        self._id = secrets.token_hex(16)
        self._taken = 0
        kernel.tell("comm_open", {"comm_id": self._id, "target_name": target, "data": {}})

    def send(self, data: Mapping[str, Any]) -> None:
        self._kernel.tell("comm_msg", {"comm_id": self._id, "data": data})

    def received(self) -> dict[str, Any]:
        """The next message of the kernel; waits for it."""

        def messages() -> list[dict[str, Any]]:
            sent = (message.content for message in self._kernel.messages if message.type == "comm_msg")
            return [content["data"] for content in sent if content["comm_id"] == self._id]

        self._kernel.wait(lambda: len(messages()) > self._taken)
        self._taken += 1
        return messages()[self._taken - 1]


class KernelDied(RuntimeError):
    """The kernel is gone, and took the cell with it."""


@dataclass(frozen=True)
class Message:
    """A message of the IOPub channel; `at` is when the kernel sent it, in seconds of the wall clock."""

    type: str
    content: dict[str, Any]
    metadata: dict[str, Any]
    parent: str
    at: float
    buffers: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def display_id(self) -> str | None:
        found = self.content.get("transient", {}).get("display_id")
        return str(found) if found else None

    @property
    def output(self) -> dict[str, Any]:
        """As nbformat has it, with its display id where it has one."""
        content = {name: value for name, value in self.content.items() if name != "transient"}
        transient = {"transient": self.content["transient"]} if self.content.get("transient") else {}
        return {"output_type": self.type, **content, **transient}


@dataclass(frozen=True)
class Result:
    """What came of a cell: `status` is `ok`, `error` or `aborted`; `sent` is when it was sent, as `Message.at`."""

    reply: dict[str, Any]
    messages: tuple[Message, ...]
    sent: float

    @property
    def status(self) -> str:
        return str(self.reply["status"])

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """All outputs in order, updates among them."""
        return [message.output for message in self.messages if message.type in OUTPUTS]

    @property
    def saved(self) -> list[dict[str, Any]]:
        """The outputs as the notebook's file has them in the end: updates done, streams joined, cleared ones gone."""
        return as_saved(self.messages)

    @property
    def text(self) -> str:
        """What a person reads without pictures: streams, and the plain text of displays, as they are in the end."""
        return "".join(plain(output) for output in self.saved)

    @property
    def error(self) -> str:
        """`name: value` of the cell's error, or nothing."""
        return f"{self.reply['ename']}: {self.reply['evalue']}" if self.status == "error" else ""

    @property
    def comms(self) -> list[Message]:
        """What went to widgets."""
        return [message for message in self.messages if message.type.startswith("comm_")]


def as_saved(messages: Sequence[Message]) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    shown: dict[str, list[dict[str, Any]]] = {}
    clear = False
    for message in messages:
        if message.type == "clear_output":
            clear = True
            if not message.content.get("wait"):
                outputs, clear = [], False
        elif message.type == "update_display_data":
            for output in shown.get(message.display_id or "", []):
                output |= {"data": message.content["data"], "metadata": message.content["metadata"]}
        elif message.type in OUTPUTS:
            if clear:
                outputs, clear = [], False
            output = {name: value for name, value in message.output.items() if name != "transient"}
            if outputs and output["output_type"] == "stream" and same_stream(outputs[-1], output):
                outputs[-1]["text"] += output["text"]
                continue
            outputs.append(output)
            if message.display_id:
                shown.setdefault(message.display_id, []).append(output)
    return outputs


def same_stream(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["output_type"] == "stream" and one["name"] == other["name"])


def plain(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "error":
        return COLOUR.sub("", "\n".join(output["traceback"]))
    return str(output["text"] if "text" in output else output["data"].get("text/plain", ""))


class Run:
    """A cell that was sent, and may still run."""

    def __init__(self, kernel: Kernel, id: str, answers: Sequence[str]) -> None:
        self.sent = time.time()
        self.id = id
        self.answers = list(answers)
        self.reply: dict[str, Any] | None = None
        self._kernel = kernel

    @property
    def messages(self) -> list[Message]:
        """What it said so far."""
        return [message for message in self._kernel.messages if message.parent == self.id]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """Its outputs so far."""
        return [message.output for message in self.messages if message.type in OUTPUTS]

    @property
    def idle(self) -> bool:
        return any(m.type == "status" and m.content["execution_state"] == "idle" for m in self.messages)

    def until(self, condition: Callable[[Run], Any], timeout: float = TIMEOUT) -> Run:
        """Waits, while the cell runs, until `condition` holds for it."""
        self._kernel.wait(lambda: condition(self), timeout)
        return self

    def first_output(self, timeout: float = TIMEOUT) -> dict[str, Any]:
        """Waits for the first output; the cell may go on."""
        return self.until(lambda run: run.outputs, timeout).outputs[0]

    def result(self, timeout: float = TIMEOUT) -> Result:
        """Waits for the end."""
        self.until(lambda run: run.reply is not None and run.idle, timeout)
        assert self.reply
        return Result(self.reply, tuple(self.messages), self.sent)


class Kernel:
    """A real kernel, in a folder of its own. Not for use by several threads at once, but for `interrupt`."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.messages: list[Message] = []
        self._runs: dict[str, Run] = {}
        specs = KernelSpecManager(kernel_dirs=[])
        self._manager = KernelManager(
            connection_file=str(folder / "kernel.json"), kernel_spec_manager=specs, kernel_name="python3"
        )
        self._environment = clean_environment(folder) | dict(environment or {})
        self._client: BlockingKernelClient

    def start(self) -> None:
        with self._log() as log:
            self._manager.start_kernel(env=self._environment, cwd=str(self.folder), stdout=log, stderr=log)
        self._connect()

    def _log(self) -> BinaryIO:
        return (self.folder / "kernel.log").open("ab")

    def _connect(self) -> None:
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def stop(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def restart(self) -> None:
        """Forget everything, as Restart in the menu does."""
        self._client.stop_channels()
        self.messages, self._runs = [], {}
        with self._log() as log:
            self._manager.restart_kernel(now=True, stdout=log, stderr=log)
        self._connect()

    def run(
        self,
        code: str,
        cell_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
        **options: Any,
    ) -> Result:
        """Runs a cell to its end; see `send`."""
        return again_if_aborted(lambda: self.send(code, cell_id, metadata, **options).result(timeout))

    def send(
        self,
        code: str,
        cell_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        deleted: Sequence[str] = (),
        answers: Sequence[str] = (),
        stop_on_error: bool = True,
    ) -> Run:
        """Sends a cell, and returns while it runs.

        `cell_id` and `deleted` are told as JupyterLab tells them; `metadata` is told beside them. `answers` are
        given, one after the other, to what the cell asks.
        """
        told = {"cellId": cell_id, "deletedCells": list(deleted)} if cell_id else {}
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": bool(answers),
            "stop_on_error": stop_on_error,
        }
        return self._request("execute_request", content, told | dict(metadata or {}), answers)

    def value(self, expression: str) -> Any:
        """The value of an expression whose repr is a literal; not seen by what watches cells run."""
        content = {"code": "", "silent": True, "store_history": False, "user_expressions": {"value": expression}}
        result = again_if_aborted(lambda: self._request("execute_request", content, {}).result())
        found = result.reply["user_expressions"]["value"]
        if found["status"] != "ok":
            raise ValueError(f"{expression}: {found['ename']}: {found['evalue']}")
        return ast.literal_eval(found["data"]["text/plain"])

    def complete(self, code: str, cursor: int | None = None) -> list[str]:
        """What Tab offers at `cursor`, or at the end."""
        return [completion["text"] for completion in self.completions(code, cursor)]

    def completions(self, code: str, cursor: int | None = None) -> list[dict[str, Any]]:
        """The same with all that front-ends are told of it: `text`, `type`, and what it replaces (`start`, `end`)."""
        content = {"code": code, "cursor_pos": len(code) if cursor is None else cursor}
        reply = self._request("complete_request", content, {}).result().reply
        return list(reply["metadata"]["_jupyter_types_experimental"])

    def open_comm(self, target: str) -> Comm:
        """Open a comm as a page does."""
        return Comm(self, target)

    def tell(self, kind: str, content: Mapping[str, Any]) -> None:
        """Send a message that has no reply."""
        self._client.shell_channel.send(self._client.session.msg(kind, dict(content)))

    def use(self, base_url: str, key: str) -> None:
        """Load the extension, with the key for `base_url` in the environment, and ask there from now on."""
        lines = (f"import os; os.environ['QWEN_API_KEY'] = {key!r}", "%load_ext qwen_magic", f"%qwen use {base_url}")
        result = self.run("\n".join(lines))
        assert result.status == "ok", result.text

    def reset(self) -> None:
        """The extension unloaded, variables and keys gone, outputs forgotten, so that the next test can begin."""
        self.run(RESET)
        self.messages, self._runs = [], {}

    def interrupt(self) -> None:
        """What the stop button does."""
        self._manager.interrupt_kernel()

    def interrupt_after(self, seconds: float) -> threading.Timer:
        """Interrupts later, while the caller waits for something else."""
        timer = threading.Timer(seconds, self.interrupt)
        timer.start()
        return timer

    def wait(self, condition: Callable[[], Any], timeout: float = TIMEOUT) -> None:
        """Takes what the kernel says until `condition` holds. Raises TimeoutError, and KernelDied."""
        deadline = time.monotonic() + timeout
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"Not within {timeout:g} seconds. {self._last_words()}")
            if not self._take(min(left, LOOK)) and not self._manager.is_alive():
                raise KernelDied(self._last_words())

    def _request(
        self, kind: str, content: Mapping[str, Any], metadata: Mapping[str, Any], answers: Sequence[str] = ()
    ) -> Run:
        request = self._client.session.msg(kind, dict(content), metadata=dict(metadata))
        run = Run(self, request["header"]["msg_id"], answers)
        self._runs[run.id] = run
        self._client.shell_channel.send(request)
        return run

    def _take(self, seconds: float) -> bool:
        """Waits so long for messages, and takes what is there; returns whether there was anything."""
        client = self._client
        takers = {
            client.iopub_channel.socket: self._take_iopub,
            client.shell_channel.socket: self._take_reply,
            client.stdin_channel.socket: self._take_question,
        }
        poller = zmq.Poller()
        for socket in takers:
            poller.register(socket, zmq.POLLIN)
        ready = poller.poll(round(seconds * 1000))
        for socket, _ in ready:
            takers[socket]()
        return bool(ready)

    def _take_iopub(self) -> None:
        message = self._client.get_iopub_msg(timeout=0)
        self.messages.append(
            Message(
                type=message["msg_type"],
                content=message["content"],
                metadata=message["metadata"],
                parent=message["parent_header"].get("msg_id", ""),
                at=message["header"]["date"].timestamp(),
                buffers=tuple(map(bytes, message.get("buffers", ()))),
            )
        )

    def _take_reply(self) -> None:
        message = self._client.get_shell_msg(timeout=0)
        run = self._runs.get(message["parent_header"].get("msg_id", ""))
        if run:
            run.reply = message["content"]

    def _take_question(self) -> None:
        message = self._client.get_stdin_msg(timeout=0)
        run = self._runs[message["parent_header"]["msg_id"]]
        self._client.input(run.answers.pop(0))

    def _last_words(self) -> str:
        said = [f"{m.type}: {m.content}" for m in self.messages[-5:]]
        log = (self.folder / "kernel.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(["The last that came of the kernel:", *said, log[-2000:]])


def again_if_aborted(ask: Callable[[], Result]) -> Result:
    """The result of a request; a kernel drops what reaches it in the first moment after another one's error."""
    result = ask()
    for _ in range(20):
        if result.status != "aborted":
            break
        time.sleep(0.05)
        result = ask()
    return result


def clean_environment(home: Path) -> dict[str, str]:
    """This process's environment without what is the person's own, with `home` as the place for all settings."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(FOREIGN)}
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    ours = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "LANGUAGE": "en",
    }
    return kept | ours | {name: str(home / name.lower()) for name in places}


@contextmanager
def running(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Kernel]:
    """A kernel in `folder`, for as long as the block runs."""
    kernel = Kernel(folder, environment)
    kernel.start()
    try:
        yield kernel
    finally:
        kernel.stop()
