"""A real Jupyter server with the relay, in a process of its own. For tests only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from jupyter_client.blocking.client import BlockingKernelClient

from support.kernels import clean_environment
from support.paths import ROOT
from support.waiting import wait_for

TOKEN = "jupyter-token-0123456789"
KEY = "sk-relay-0123456789abcdefWXYZ"
PATIENCE = 60.0


@dataclass
class JupyterServer:
    """`url` is the server's root with its base URL, without a slash at its end."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path

    @property
    def relay(self) -> str:
        return self.url + "/qwen"

    @property
    def compatible(self) -> str:
        return self.relay + "/compatible-mode/v1"

    @property
    def native(self) -> str:
        return self.relay + "/api/v1"

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")

    @property
    def relayed(self) -> list[dict[str, Any]]:
        """The relay's lines of the log."""
        lines = [line.partition(" relayed ")[2] for line in self.log.splitlines() if " relayed {" in line]
        return [json.loads(line) for line in lines]

    def api(self, method: str, path: str, **options: Any) -> Any:
        """A call of Jupyter's own REST API."""
        headers = {"Authorization": f"token {TOKEN}"}
        response = httpx.request(method, f"{self.url}/api/{path}", headers=headers, timeout=60, **options)
        response.raise_for_status()
        return response.json() if response.content else None

    def end(self) -> str:
        """Stops it as a person does, and returns its log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        return self.log


@contextmanager
def running(
    folder: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    base_url: str = "/user/ann/",
    lab: bool = False,
) -> Iterator[JupyterServer]:
    """A server with the package's own configuration file, as an installation has it; quicker without `lab`."""
    folder.mkdir(exist_ok=True)
    if not lab:
        without_lab(folder / "jupyter_config_dir")
    variables = clean_environment(folder) | {"JUPYTER_CONFIG_PATH": str(ROOT / "jupyter-config")}
    variables |= {"JUPYTER_TOKEN": TOKEN} | dict(environment or {})
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--port=0", "--allow-root"]
    command += [f"--ServerApp.base_url={base_url}", f"--ServerApp.root_dir={folder}", *options]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, env=variables, cwd=folder, stdout=log, stderr=log)
    try:
        place = Path(variables["JUPYTER_RUNTIME_DIR"]) / f"jpserver-{process.pid}.json"
        info = first_info(place, process, folder)
        server = JupyterServer(process, f"http://127.0.0.1:{info['port']}{info['base_url'].rstrip('/')}", folder)
        wait_until_up(server)
        yield server
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def without_lab(folder: Path) -> None:
    extensions = dict.fromkeys(("jupyterlab", "jupyter_lsp", "notebook", "notebook_shim"), False)
    folder.mkdir(exist_ok=True)
    configuration = json.dumps({"ServerApp": {"jpserver_extensions": extensions}})
    (folder / "jupyter_server_config.json").write_text(configuration, encoding="utf-8")


def first_info(place: Path, process: subprocess.Popen[bytes], folder: Path) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return dict(json.loads(place.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            time.sleep(0.05)
    raise RuntimeError((folder / "server.log").read_text(encoding="utf-8", errors="replace")[-4000:])


def wait_until_up(server: JupyterServer) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{server.url}/api", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(server.log[-4000:])


def relay_options(upstream: str, **settings: object) -> tuple[str, ...]:
    """Command-line options for a relay to `upstream`."""
    return (
        f"--QwenRelay.upstream_url={upstream}",
        *(f"--QwenRelay.{name}={value}" for name, value in settings.items()),
    )


def key_file(folder: Path) -> str:
    """A file that holds the key, which nobody else may read."""
    folder.mkdir(exist_ok=True)
    place = folder / "qwen.key"
    place.write_text(KEY + "\n", encoding="utf-8")
    os.chmod(place, 0o600)
    return str(place)


@contextmanager
def connected(connection_file: Path) -> Iterator[BlockingKernelClient]:
    """A client of a kernel that a server has started."""
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels()
    assert wait_for(lambda: is_ready(client), PATIENCE)
    yield client
    client.stop_channels()


def is_ready(client: BlockingKernelClient) -> bool:
    try:
        client.wait_for_ready(timeout=60)
    except RuntimeError:  # a busy machine answers too late for its heartbeat
        return False
    return True


def said_by(client: BlockingKernelClient, code: str) -> str:
    """What a cell prints and shows, errors too."""
    said: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        said.extend((content.get("text", ""), *content.get("traceback", ())))
        said.append(content.get("data", {}).get("text/markdown", content.get("data", {}).get("text/plain", "")))

    client.execute_interactive(code, timeout=60, output_hook=hear, stop_on_error=False)
    return "".join(said)
