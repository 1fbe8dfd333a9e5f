"""The page's JavaScript: every module alone (types, style, tests in Node), and all of them joined into one text."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from support import node_packages
from support.paths import PACKAGE, ROOT

from qwen_magic.rendering.page_messages import Outcome
from qwen_magic.rendering.page_script import STATIC, WORDS, join_modules, page_script

MODULES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))
WIDGETS = sorted(WORDS)
UNIT = Path(__file__).parents[1]
TESTS = sorted(UNIT.rglob("*.test.js"))

# Files that hold nothing but types.
TYPES = {"page_messages.js", "page/jupyter_types.js"}


def run(*command: str) -> str:
    """What a command prints; it has to succeed."""
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def packages() -> Path:
    return node_packages.installed(ROOT / "package.json") / "node_modules"


def test_the_types_of_every_module_fit(packages: Path) -> None:
    run(node_packages.node(), str(packages / "typescript" / "bin" / "tsc"), "--project", str(ROOT))


def test_the_linter_finds_nothing(packages: Path) -> None:
    checked = (PACKAGE, UNIT, node_packages.SOURCES, ROOT / "eslint.config.js")
    linter = packages / "eslint" / "bin" / "eslint.js"
    run(node_packages.node(), str(linter), "--max-warnings=0", *map(str, checked))


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.name.removesuffix(".test.js"))
def test_the_modules_without_a_page_do_what_they_are_for(test: Path) -> None:
    run(node_packages.node(), "--test", str(test))


@pytest.mark.parametrize("name", WIDGETS)
def test_the_joined_text_is_the_widget_and_has_each_module_once(name: str, tmp_path: Path) -> None:
    text = page_script(name)
    joined = tmp_path / "joined.mjs"
    joined.write_text(text, encoding="utf-8")
    shown = f"import widget from {joined.as_uri()!r}; console.log(Object.keys(widget()).join());"
    assert run(node_packages.node(), "--input-type=module", "--eval", shown) == "initialize,render\n"
    scopes = re.findall(r"^const \$\w+ = \(\(\) => \{ // (.*)$", text, re.MULTILINE)
    assert len(scopes) == len(set(scopes))
    assert set(scopes) <= set(MODULES) - TYPES


def test_every_module_is_in_some_widget() -> None:
    used = {name for widget in WIDGETS for name in MODULES if f"// {name}\n" in join_modules(widget)}
    assert used == set(MODULES) - TYPES


@pytest.mark.parametrize("name", WIDGETS)
def test_a_line_of_the_text_is_the_line_of_its_module(name: str) -> None:
    lines = join_modules(name).splitlines()
    for number, line in enumerate(lines):
        if begun := re.search(r"=> \{ // (\S+\.js)$", line):
            source = (STATIC / begun[1]).read_text(encoding="utf-8").splitlines()
            for offset, (there, here) in enumerate(zip(source, lines[number + 1 :], strict=False)):
                assert here in ("", there) or there.startswith(("import", "export", "}")), f"{begun[1]}:{offset + 1}"


@pytest.mark.parametrize("name", WIDGETS)
def test_every_word_that_a_widget_uses_is_in_its_catalogue_and_no_other(name: str) -> None:
    words = {key: word for part in WORDS[name] for key, word in part.items()}
    text = join_modules(name)
    assert set(re.findall(r'\bsay\("(\w+)"', text)) <= set(words)
    assert [key for key in set(words) - set(get_args(Outcome)) if f'"{key}"' not in text] == []
    for key, values in re.findall(r'\bsay\("(\w+)", \{(.*?)\}\)', text):
        given = {value.split(":")[0].strip() for value in values.split(",")}
        assert given == set(re.findall(r"\{(\w+)\}", words[key])), key


def joined(folder: Path, **modules: str) -> str:
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source, encoding="utf-8")
    return join_modules("main.js", folder) + "export default $main.default;\n"


def test_names_of_two_modules_cannot_clash(tmp_path: Path) -> None:
    text = joined(
        tmp_path,
        one='const name = "one";\nexport const first = () => name;\n',
        two='export async function name() {}\nexport class Two {}\nexport const first = "two";\n',
        main='import { first } from "./one.js";\nimport {\n  Two,\n  first as second,\n} from "./two.js";\n'
        "export default [first(), second, typeof Two];\n",
    )
    path = tmp_path / "joined.mjs"
    path.write_text(text, encoding="utf-8")
    shown = f"import made from {path.as_uri()!r}; console.log(made.join());"
    assert run(node_packages.node(), "--input-type=module", "--eval", shown) == "one,two,function\n"


@pytest.mark.parametrize(
    "source",
    [
        'import other from "./one.js";\nexport default 1;\n',
        'import * as other from "./one.js";\nexport default 1;\n',
        'import "./one.js";\nexport default 1;\n',
        "const a = 1;\nexport { a };\nexport default 1;\n",
        "export let a = 1;\nexport default 1;\n",
        'export * from "./one.js";\nexport default 1;\n',
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(ValueError, match=r"main\.js cannot be joined"):
        joined(tmp_path, one="export const a = 1;\n", main=source)


def test_a_circle_of_imports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cycle"):
        joined(
            tmp_path,
            one='import { b } from "./main.js";\nexport const a = b;\n',
            main='import { a } from "./one.js";\nexport const b = a;\n',
        )


def test_comments_are_left_out_and_code_beside_them_stays(tmp_path: Path) -> None:
    source = '/* one\n * two */\n// three\n/** @type {*} */ (0); /* four */\nexport default "/* five */"; // six\n'
    text = joined(tmp_path, main=source)
    assert "one" not in text
    assert "three" not in text
    assert '/** @type {*} */ (0); /* four */\nconst $default = "/* five */"; // six\n' in text
