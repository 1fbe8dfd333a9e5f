"""The options of a line, and the free text behind them."""

import os
import re
from typing import Any

import pytest

from qwen_magic.core.errors import InputError
from qwen_magic.magics.options import OPTIONS, parse, typed, usage, words


@pytest.mark.parametrize(
    ("line", "given", "text"),
    [
        ("", {}, ""),
        ("what's up? -m no", {}, "what's up? -m no"),
        ("-m qwen-max What's {up}?", {"model": "qwen-max"}, "What's {up}?"),
        ("--model=qwen-max  x", {"model": "qwen-max"}, "x"),
        ("--think --no-think x", {"think": False}, "x"),
        ("-s 'be brief' x", {"system": "be brief"}, "x"),
        ('-s "it\'s" x', {"system": "it's"}, "x"),
        (r"-s C:\new\table x", {"system": r"C:\new\table"}, "x"),
        ("-f 'my data.csv' -i \"a b.png\" x", {"files": ["my data.csv", "a b.png"], "images": ["a b.png"]}, "x"),
        (r"-f C:\data\new.csv x", {"files": [r"C:\data\new.csv"]}, "x"),
        ("-- -m is a flag", {}, "-m is a flag"),
        ("-5 + 3?", {}, "-5 + 3?"),
        ("- a list", {}, "- a list"),
        ("--set a=1 --set b=2", {"fields": ["a=1", "b=2"]}, ""),
        ('--set stop="a b" x', {"fields": ["stop=a b"]}, "x"),
        (
            '--set response_format={"type": "json_object"} x',
            {"fields": ['response_format={"type": "json_object"}']},
            "x",
        ),
    ],
)
def test_options_are_read_off_the_front(line: str, given: dict[str, Any], text: str) -> None:
    parsed = parse(line)
    assert (parsed.given, parsed.text) == (given, text)


@pytest.mark.skipif(os.sep != "/", reason="a backslash parts folders here")
def test_a_backslash_keeps_a_path_with_spaces_together() -> None:
    parsed = parse(r"-f my\ data.csv -s \ x")
    assert (parsed.given, parsed.text) == ({"files": ["my data.csv"], "system": "\\"}, "x")
    assert words(r"save my\ chat.json 'a b'") == ("save", "my chat.json", "a b")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--modle x", "Did you mean --model?"),
        ("-m", "--model needs a value"),
        ("-s 'open", "not closed"),
        ("--think=yes", "takes no value"),
        ("--set stop={oops", "not JSON"),
        ("--zzz", "%qwen help"),
        ("-m a -m b x", "-m is given twice"),
        ("-c a --chat b x", "--chat is given twice"),
    ],
)
def test_wrong_options_get_one_clear_line(line: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        parse(line)
    assert "\n" not in str(caught.value)


def test_fields_are_typed() -> None:
    fields = typed(["t=0.2", "n=3", "on=true", "Off=False", "none=null", "s=text", "l=[1,2]", "e=", "x=a=b"])
    assert fields == {
        "t": 0.2, "n": 3, "on": True, "Off": False, "none": None, "s": "text", "l": [1, 2], "e": "", "x": "a=b",
    }  # fmt: skip


def test_a_dot_goes_down_into_an_object() -> None:
    fields = typed(["search_options.forced_search=true", "search_options.search_strategy=max"])
    assert fields == {"search_options": {"forced_search": True, "search_strategy": "max"}}


@pytest.mark.parametrize("wrong", ["temperature", "=1", "a..b=1"])
def test_a_field_without_key_and_value_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="KEY=VALUE"):
        typed([wrong])


def test_a_value_cannot_have_fields() -> None:
    with pytest.raises(InputError, match="has a value already"):
        typed(["a=1", "a.b=2"])


def test_each_option_is_listed_once_under_a_heading() -> None:
    blocks = re.split(r"\n(?=\S)", usage("en"))
    headings = {block.splitlines()[0]: block for block in blocks}
    assert len(blocks) > 3
    assert "--image-column" in headings["Many rows"]
    assert "--model" in headings["How it is asked"]
    listed = [line.split()[0].rstrip(",").partition("[")[0] for block in blocks for line in block.splitlines()[1:]]
    assert sorted(listed) == sorted(option.names[0] for option in OPTIONS)
