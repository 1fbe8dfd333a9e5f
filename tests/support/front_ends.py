"""A Jupyter server of one's own, and notebooks in its JupyterLab and Notebook 7, for Playwright's pages."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import FloatRect, Locator

from support.paths import ROOT

__all__ = ["CHROMIUM", "FLAGS", "TIMEOUT", "Notebook", "Server", "box_of", "running_browser", "running_server"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Milliseconds; what is waited for takes a second or two, and half a minute where several such tests share a machine.
TIMEOUT = 60_000

# Without these Chromium refuses to run as root, and asks hosts of its maker for updates.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

APPS = {"lab": "lab/workspaces/{workspace}/tree/{path}", "notebook": "notebooks/{path}"}


@dataclass(frozen=True)
class Server:
    url: str
    token: str
    folder: Path


@contextmanager
def running_server(
    home: Path, folder: Path, *modules: Path, extension: bool = True, locale: str = "en"
) -> Iterator[Server]:
    """A Jupyter server with JupyterLab and Notebook 7 for the notebooks in `folder`.

    It has nothing of this machine's own settings, only those in `home`. Its kernels import from the folders `modules`.
    It has this package's `extension` of the applications as it is in the checkout, or none; they speak the language of
    `locale`, as far as they have its words.
    """
    places = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    places |= {"HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
    path = os.pathsep.join(filter(None, (str(ROOT), *map(str, modules), os.environ.get("PYTHONPATH"))))
    # The extension of the checkout comes before one that is installed.
    environment = os.environ | places | {"PYTHONPATH": path, "JUPYTER_PREFER_ENV_PATH": "0"}
    settings = home / "jupyter_config_dir" / "labconfig" / "default_setting_overrides.json"
    settings.parent.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    overrides = {
        "@jupyterlab/apputils-extension:notification": quiet,
        "@jupyterlab/translation-extension:plugin": {"locale": locale},
    }
    settings.write_text(json.dumps(overrides), encoding="utf-8")
    if extension:
        add_extension(home / "jupyter_data_dir" / "labextensions" / "qwen-magic")
    else:
        settings.with_name("page_config.json").write_text(
            '{"disabledExtensions": {"qwen-magic": true}}', encoding="utf-8"
        )
    token = secrets.token_hex(16)
    options = (
        "--no-browser",
        "--allow-root",
        "--port=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    )
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log, cwd=folder
        )
        try:
            url = address(home / "runtime", process)
            yield Server(url, token, folder)
        finally:
            process.terminate()
            process.wait(20)


def add_extension(folder: Path) -> None:
    """Put the extension of the applications where the wheel puts it, as pyproject.toml says."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    inside = PurePosixPath("share/jupyter/labextensions/qwen-magic")
    for source, target in shared.items():
        if PurePosixPath(target).is_relative_to(inside):
            place = folder / PurePosixPath(target).relative_to(inside)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / source, place)


@contextmanager
def running_browser(*modules: Path) -> Iterator[tuple[Callable[[], Any], Server]]:
    """What opens a page, and a server as above in a folder that goes away: for whoever has no fixtures."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, sync_playwright() as playwright:
        folder = Path(place) / "notebooks"
        folder.mkdir()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        with running_server(Path(place) / "home", folder, *modules) as server:
            yield lambda: browser.new_page(viewport={"width": 1100, "height": 900}), server
        browser.close()


def address(runtime: Path, process: subprocess.Popen[bytes]) -> str:
    """The server's URL, from the file that it writes when it is ready."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for found in runtime.glob("jpserver-*.json"):
            with suppress(ValueError):  # half written
                return str(json.loads(found.read_text(encoding="utf-8"))["url"])
        time.sleep(0.05)
    raise RuntimeError("The Jupyter server did not start.")


class Notebook:
    """A notebook on a page, with its kernel."""

    def __init__(self, page: Any, server: Server, app: str, path: Path) -> None:
        self.page = page
        self.path = path
        self._server = server
        self._app = app

    @classmethod
    def make(cls, page: Any, server: Server, app: str, cells: Sequence[str]) -> Notebook:
        """A new notebook of some code cells, opened in `app` with a kernel that is ready."""
        path = server.folder / secrets.token_hex(6) / "answer.ipynb"
        path.parent.mkdir()
        path.write_text(document(cells), encoding="utf-8")
        made = cls(page, server, app, path)
        made.start_kernel()
        made.open()
        made.wait_for_kernel()
        return made

    def start_kernel(self) -> None:
        """Start the kernel that the page will take: it gets ready while the page loads, which takes as long."""
        session = {"path": self._name, "name": self.path.name, "type": "notebook", "kernel": {"name": "python3"}}
        authorization = {"Authorization": f"token {self._server.token}"}
        url = f"{self._server.url}api/sessions"
        httpx.post(url, headers=authorization, json=session, timeout=60).raise_for_status()

    @property
    def _name(self) -> str:
        return self.path.relative_to(self._server.folder).as_posix()

    def open(self) -> None:
        place = APPS[self._app].format(workspace=f"auto-{secrets.token_hex(4)}", path=self._name)
        self.page.goto(f"{self._server.url}{place}?token={self._server.token}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=TIMEOUT)

    def wait_for_kernel(self) -> None:
        self.page.wait_for_function(
            "() => jupyterapp.shell.currentWidget?.context.sessionContext.session?.kernel?.status === 'idle'",
            timeout=TIMEOUT,
        )

    def command(self, name: str, **arguments: Any) -> None:
        self.page.evaluate("([name, arguments]) => jupyterapp.commands.execute(name, arguments)", [name, arguments])

    def run(self) -> None:
        """Run all cells; returns at once."""
        self.page.evaluate("() => void jupyterapp.commands.execute('notebook:run-all-cells')")

    def run_cell(self, number: int) -> None:
        """Run one cell; returns at once."""
        self.page.evaluate(
            """number => {
                jupyterapp.shell.currentWidget.content.activeCellIndex = number;
                void jupyterapp.commands.execute("notebook:run-cell");
            }""",
            number,
        )

    def select(self, number: int) -> None:
        """Make this cell the active one."""
        self.page.evaluate("number => void (jupyterapp.shell.currentWidget.content.activeCellIndex = number)", number)

    def restart(self) -> None:
        """Restart the kernel, and wait for it."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self.wait_for_kernel()

    def save(self) -> dict[str, Any]:
        """Save, and return what is in the file."""
        self.command("docmanager:save")
        return dict(json.loads(self.path.read_text(encoding="utf-8")))

    def shut_down(self) -> None:
        """Shut the kernel down for good."""
        self.page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")

    def release(self, hold: str) -> None:
        """Let the answer go on."""
        (self.path.parent / hold).touch()


def box_of(part: Locator) -> FloatRect:
    """Where something is on the page, in pixels; it has to be there."""
    box = part.bounding_box()
    assert box is not None
    return box


def document(cells: Sequence[str]) -> str:
    """A notebook of code cells, as its file holds it."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel})
    return str(nbformat.writes(made))
