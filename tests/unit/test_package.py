"""The package as a whole: what it promises to give, what it costs to import, and what is in the wheel."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.kernels import Kernel
from support.paths import ROOT

import qwen_magic

PACKAGE = ROOT / "qwen_magic"

# Prints the packages that are imported, but for those of the standard library.
FOREIGN = (
    "import sys; "
    "print(*sorted({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names) - {'__mp_main__'}))"
)

# Imports every module of the first level as if it were the first one.
EACH_ALONE = """
import pkgutil, importlib, sys
import qwen_magic
names = [module.name for module in pkgutil.iter_modules(qwen_magic.__path__, "qwen_magic.")]
for name in names:
    for loaded in [each for each in sys.modules if each.partition(".")[0] == "qwen_magic"]:
        del sys.modules[loaded]
    importlib.import_module(name)
print(len(names))
"""

# What an extension can leave in a shell. IPython makes its own magics when they are first used, so that comes first.
STATE = """
%unload_ext none
def state(shell=get_ipython()):
    magics = shell.magics_manager
    return {
        "line magics": sorted(magics.magics["line"]),
        "cell magics": sorted(magics.magics["cell"]),
        "classes": sorted(magics.registry),
        "events": {name: len(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "matchers": len(shell.Completer.matchers),
        "completers": sorted(map(str, shell.strdispatchers["complete_command"].regexs)),
        "configurables": len(shell.configurables),
        "variables": sorted(name for name in shell.user_ns if not name.startswith("_")),
        "exceptions": sorted(map(repr, shell.custom_exceptions or ())),
    }
"""


def python(code: str) -> str:
    """What `code` prints in a Python of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, check=True, capture_output=True, encoding="utf-8").stdout


def test_every_public_name_is_there() -> None:
    assert sorted(qwen_magic.__all__) == sorted(set(qwen_magic.__all__))
    for name in qwen_magic.__all__:
        assert getattr(qwen_magic, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        qwen_magic.no_such_name  # noqa: B018  # the look-up itself is what is tested


def test_importing_the_package_imports_no_other() -> None:
    before = python(FOREIGN).split()
    after = python(f"import qwen_magic; {FOREIGN}").split()
    assert set(after) - set(before) == {"qwen_magic"}


def test_loading_the_extension_imports_nothing_that_the_kernel_has_not(fresh_kernel: Kernel) -> None:
    before = fresh_kernel.run(FOREIGN).text.split()
    after = fresh_kernel.run(f"%load_ext qwen_magic\n{FOREIGN}").text.split()
    assert set(after) - set(before) == {"qwen_magic"}


def test_unloading_leaves_nothing_behind(fresh_kernel: Kernel) -> None:
    assert fresh_kernel.run(STATE).status == "ok"
    before = fresh_kernel.value("state()")
    assert fresh_kernel.run("%load_ext qwen_magic\n%qwen help").status == "ok"
    assert fresh_kernel.value("state()") != before
    assert fresh_kernel.run("%unload_ext qwen_magic").status == "ok"
    assert fresh_kernel.value("state()") == before


def test_every_module_can_be_imported_first() -> None:
    assert int(python(EACH_ALONE)) > 10


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as opened:
        yield opened


def test_the_wheel_has_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    shared = {name.partition(".data/data/")[2]: name for name in held if ".data/" in name}
    extension = {name for name in shared if name.startswith("share/jupyter/labextensions/qwen-magic/")}
    assert shared.keys() - extension == {"etc/jupyter/jupyter_server_config.d/qwen_magic.json"}
    assert {Path(name).name for name in extension} >= {"package.json", "remoteEntry.js", "commands.json", "answer.css"}
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    ours = {path.relative_to(ROOT).as_posix() for path in files if "labextension" not in path.parts}
    assert held - set(shared.values()) == ours
    assert "qwen_magic/py.typed" in held


def test_the_wheel_says_who_made_it_and_how_it_starts(wheel: zipfile.ZipFile) -> None:
    files = {Path(name).name: name for name in wheel.namelist() if ".dist-info/" in name}
    assert "LICENSE" in files
    assert "jupyter-qwen = qwen_magic.cli:main" in wheel.read(files["entry_points.txt"]).decode()
    assert f"Version: {qwen_magic.__version__}\n" in wheel.read(files["METADATA"]).decode().replace("\r\n", "\n")


def test_what_is_installed_is_what_is_here() -> None:
    try:
        installed = importlib.metadata.version("qwen_magic")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("these tests run on a checkout that is not installed")
    assert installed == qwen_magic.__version__
