"""A real JupyterHub with the relay as its service, behind the hub's standard proxy, in processes of their own.

For tests only. The tests and the kernels ask the service through the proxy, and the hub where it listens.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.jupyter_servers import KEY, PATIENCE, key_file
from support.kernels import clean_environment
from support.node_packages import installed
from support.paths import ROOT

DRIVER = "driver-0123456789abcdef0123456789"
PORT = "10101"
CONFIGURATION = """\
{documented}

c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_port = {hub}
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.args = ["--allow-root"]
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "JUPYTER_CONFIG_PATH", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"]
c.JupyterHub.services.append({{"name": "driver", "api_token": {driver!r}}})
scopes = ["admin:users", "admin:servers", "tokens", "proxy"]
c.JupyterHub.load_roles.append({{"name": "driver", "services": ["driver"], "scopes": scopes}})
"""


@dataclass(frozen=True)
class Hub:
    """`api` is the hub's own REST API, `relay` the service's root, as it is reached through the proxy."""

    api: str
    relay: str
    folder: Path

    @property
    def compatible(self) -> str:
        return self.relay + "/compatible-mode/v1"

    @property
    def log(self) -> str:
        return (self.folder / "hub.log").read_text(encoding="utf-8", errors="replace")

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """A call of the hub's API, as its administrator."""
        response = httpx.request(
            method, f"{self.api}/{path}", headers={"Authorization": f"token {DRIVER}"}, timeout=60, **options
        )
        response.raise_for_status()
        return response.json() if response.content else None

    def user(self, name: str, **token: Any) -> str:
        """A new user; returns a token of theirs, as the hub's page of tokens gives it."""
        self.ask("POST", f"users/{name}")
        return str(self.ask("POST", f"users/{name}/tokens", json={"note": "test", **token})["token"])

    def server(self, name: str) -> str:
        """Start the user's server, and return its URL."""
        self.ask("POST", f"users/{name}/server")
        deadline = time.monotonic() + PATIENCE
        while not self.ask("GET", f"users/{name}")["servers"].get("", {}).get("ready"):
            assert time.monotonic() < deadline, self.log[-4000:]
            time.sleep(0.1)
        return str(self.ask("GET", "proxy")[f"/user/{name}/"]["target"]) + f"/user/{name}"


def free_ports(number: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


@contextmanager
def running(folder: Path, documented: str, upstream: str) -> Iterator[Hub]:
    """A hub with the configuration that is documented, but for its port, its key and the service that it asks."""
    public, api, hub, service = free_ports(4)
    examples = {
        "/srv/qwen.key": key_file(folder),
        "=singapore": f"={upstream}",
        f"{PORT}/services": f"{public}/services",  # kernels go through the proxy as well
        PORT: str(service),
    }
    for example, ours in examples.items():
        assert example in documented
        documented = documented.replace(example, ours)
    homes = str(folder / "{username}")
    proxy = ["node", str(installed() / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy")]
    configuration = CONFIGURATION.format(
        documented=documented,
        public=public,
        api=api,
        hub=hub,
        homes=homes,
        python=sys.executable,
        driver=DRIVER,
        proxy=proxy,
    )
    (folder / "jupyterhub_config.py").write_text(configuration, encoding="utf-8")
    variables = clean_environment(folder) | {"JUPYTER_CONFIG_PATH": str(ROOT / "jupyter-config")}
    assert KEY not in str(variables)
    with (folder / "hub.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"], env=variables, cwd=folder, stdout=log, stderr=log
        )
    try:
        running = Hub(f"http://127.0.0.1:{hub}/hub/api", f"http://127.0.0.1:{public}/services/qwen", folder)
        wait_until_up(running, process)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_up(hub: Hub, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if "JupyterHub is now running" in hub.log:
            return
        time.sleep(0.1)
    raise RuntimeError(hub.log[-4000:])


def usable() -> str:
    """Why there can be no hub here, or nothing."""
    if os.name != "posix":
        return "JupyterHub runs on Linux and macOS only"
    try:
        import jupyterhub  # type: ignore[import-untyped]  # noqa: F401  # it has no types; is it there?
    except ImportError:
        return "JupyterHub is not installed here (pip install jupyterhub)"
    return ""
