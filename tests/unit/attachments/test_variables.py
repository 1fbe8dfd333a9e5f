"""Variables of the notebook: described in bounded words, figures as pictures, secrets not at all."""

from __future__ import annotations

import os
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qwen_magic.attachments import Attach, Attachment, Target, gather, parts
from qwen_magic.core.errors import InputError
from qwen_magic.core.messages import Text


def attach(value: object, name: str = "it", **options: Any) -> Attachment:
    (found,) = gather(Attach(variables=(name,), namespace={name: value}, **options))
    return found


def words(value: object) -> str:
    (part,) = parts([attach(value)], Target()).parts
    assert isinstance(part, Text)
    return part.text


def refusal(value: object, name: str = "it") -> str:
    with pytest.raises(InputError) as caught:
        attach(value, name)
    return str(caught.value)


@dataclass
class Run:
    name: str
    losses: list[float]
    hidden: str = field(default="x", repr=False)


class Broken:
    def __repr__(self) -> str:
        raise ValueError


class Endless(dict[int, int]):
    """Claims to be huge, and would be if somebody looked at all of it."""

    def __len__(self) -> int:
        return 10**9

    def items(self) -> Iterator[tuple[int, int]]:  # type: ignore[override]  # on purpose without an end
        number = 0
        while True:
            yield number, number
            number += 1


def test_a_dict_is_indented_and_lists_of_numbers_are_not() -> None:
    text = "{\n    'a': [1, 2, 3],\n    'b': {\n        'c': None,\n    },\n}"
    assert words({"a": [1, 2, 3], "b": {"c": None}}) == f"Variable `it` (dict, 2 items):\n\n```text\n{text}\n```"


def test_dataclasses_models_and_named_tuples_show_their_fields() -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", size=(int, 3))
    point = namedtuple("point", "x y")
    assert "Run(\n    name='best',\n    losses=[0.5, 0.25],\n)" in words(Run("best", [0.5, 0.25]))
    assert "Model(\n    size=3,\n)" in words(model())
    assert "point(\n    x=1,\n    y=2,\n)" in words(point(1, 2))


def test_long_things_are_cut_and_say_so() -> None:
    assert "49, … 999,950 more]" in words(list(range(1_000_000)))
    assert "(100,000 characters)" in words(["x" * 100_000])
    assert "… 999,999,950 more" in words(Endless())
    assert len(words({n: {m: ["x" * 1000] * 100 for m in range(100)} for n in range(100)})) < 50_000


def test_circles_end() -> None:
    circle: list[Any] = [1]
    circle.append(circle)
    assert "[…]" in words(circle)


def test_a_repr_that_fails_is_no_failure() -> None:
    assert "<Broken, whose repr raised ValueError>" in words([Broken()])


def test_a_string_goes_as_it_is() -> None:
    assert words("two\nlines") == "Variable `it` (str of 9 characters):\n\n```text\ntwo\nlines\n```"


def test_an_exception_shows_its_traceback() -> None:
    try:
        dict[str, int]()["x"]
    except KeyError as error:
        text = words(error)
    assert "Traceback (most recent call last):" in text
    assert "KeyError: 'x'" in text


def test_an_array_is_summed_up() -> None:
    numpy = pytest.importorskip("numpy")
    values = numpy.arange(20_000.0).reshape(100, 200)
    values[0, 0] = numpy.nan
    text = words(values)
    assert "ndarray, 100 × 200, float64, 1 – 19999, mean 10000, 1 NaN" in text
    assert len(text) < 2_000


def test_raw_bytes_are_refused() -> None:
    assert refusal(bytes(2048)).startswith("it is 2.0 kB of raw bytes.")


def test_a_missing_variable_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"There is no variable sale\. Did you mean sales\?"):
        gather(Attach(variables=("sale",), namespace={"sales": 1}))
    with pytest.raises(InputError, match=r"-v takes a variable or an expression of Python, and sales\[ is none\."):
        gather(Attach(variables=("sales[",), namespace={"sales": [1]}))
    with pytest.raises(InputError, match=r"-v sales\[1\] failed: IndexError: list index out of range\."):
        gather(Attach(variables=("sales[1]",), namespace={"sales": [1]}))


# --- pictures


def test_figures_become_pictures() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3])
    size, dpi = tuple(figure.get_size_inches()), figure.dpi
    for value in (figure, axes):
        found = attach(value)
        assert (found.form, found.mime) == ("image", "image/png")
    assert (tuple(figure.get_size_inches()), figure.dpi) == (size, dpi)


def test_an_image_of_pillow_is_sent_and_stays_as_it_was() -> None:
    images = pytest.importorskip("PIL.Image")
    image = images.new("RGBA", (4000, 20), (255, 0, 0, 0))
    assert attach(image).mime == "image/png"
    assert (image.size, image.mode) == ((4000, 20), "RGBA")


def test_a_plotly_figure_is_a_picture_or_its_specification() -> None:
    graphs = pytest.importorskip("plotly.graph_objects")
    found = attach(graphs.Figure(graphs.Scatter(x=[1, 2], y=[3, 4]), {"title": {"text": "Sales"}}))
    assert found.form == "image" or "'text': 'Sales'" in found.text


def test_a_plotly_figure_without_its_picture_shows_readable_data(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs, numpy = pytest.importorskip("plotly.graph_objects"), pytest.importorskip("numpy")

    class Undrawable(graphs.Figure):  # type: ignore[misc, name-defined]  # plotly has no types
        def to_image(self, *arguments: Any, **options: Any) -> bytes:
            raise ValueError("kaleido is missing")

    figure = Undrawable(graphs.Scatter(x=numpy.array([1.5, 2.5]), y=numpy.array([3, 4])))
    text = attach(figure).text
    assert "'x': [1.5, 2.5]" in text
    assert "'y': [3, 4]" in text


# --- code and expressions


def doubled(number: int) -> int:
    """Twice as much."""
    return 2 * number


def test_a_function_or_class_shows_its_source() -> None:
    assert words(doubled).endswith(
        '```python\ndef doubled(number: int) -> int:\n    """Twice as much."""\n    return 2 * number\n```'
    )
    assert "@dataclass\nclass Run:" in words(Run)
    assert "len" in words(len)


def test_an_expression_is_attached_under_its_own_words() -> None:
    frame = pytest.importorskip("pandas").DataFrame({"price": [1, 2], "name": ["a", "b"]})
    (found,) = gather(Attach(variables=("df.price * 2",), namespace={"df": frame}))
    assert (found.name, found.kind) == ("df.price * 2", "table")
    assert "|price|Int64|0|2 – 4, mean 3|" in found.text
    (found,) = gather(Attach(variables=("[row for row in rows if row > low]",), namespace={"rows": [1, 2], "low": 1}))
    assert found.text == "[2]"


# --- @variable


def names(prompt: str, folder: Path, **namespace: Any) -> list[str]:
    return [each.name for each in gather(Attach(prompt=prompt, namespace=namespace, cwd=folder))]


@pytest.mark.parametrize("prompt", ["What is @df?", "@df", "Look at @df.", "(@df), please", "看@df，好吗", "@df @df"])
def test_a_variable_behind_an_at_sign_is_attached(tmp_path: Path, prompt: str) -> None:
    assert names(prompt, tmp_path, df=[1, 2]) == ["df"]


@pytest.mark.parametrize(
    "prompt",
    [
        *(
            "me@df",
            "mail@df.org",
            "@df.route('/')",
            "@df()",
            "@df\ndef f(): ...",
            "  @df\n\n  class A: ...",
            "@df/x.csv",
        ),
        *("@df2", "@function", "@module", "@Kind", "@_hidden", "@df-frame", "git@df:x"),
    ],
)
def test_addresses_and_decorators_are_no_variables(tmp_path: Path, prompt: str) -> None:
    assert names(prompt, tmp_path, df=[1], function=doubled, module=os, Kind=Run, _hidden=1) == []


def test_what_is_a_file_and_a_variable_is_the_file_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "df").write_text("of the file", encoding="utf-8")
    (found,) = gather(Attach(prompt="What is @df?", namespace={"df": [1]}, cwd=tmp_path))
    assert found.text == "of the file"
    assert found.note == "the file; the variable goes with -v df"


# --- secrets


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("api_key", "abc", "api_key is called like a secret."),
        ("db_password", "abc", "db_password is called like a secret."),
        (
            "config",
            {"user": "me", "password": "abc"},
            "config gives a value to password, which looks like a secret, in line 3.",
        ),
        (
            "client",
            ["sk-" + "0123456789abcdef" * 2],
            "client holds what looks like a key of a model service, in line 2.",
        ),
        ("text", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0", "text holds a private key, in line 1."),
        ("lines", ["AKIA" + "A1B2C3D4" * 2], "lines holds what looks like a key of AWS, in line 2."),
    ],
)
def test_secrets_are_refused(name: str, value: object, said: str) -> None:
    assert refusal(value, name).startswith(said)
    assert "0123456789" not in refusal(value, name)
    assert attach(value, name, force=True)


def test_the_environment_with_a_key_in_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-0123456789abcdef0123")
    assert refusal(os.environ, "environment").startswith("environment h")


@pytest.mark.parametrize(("name", "value"), [("tokens", ["a", "b"]), ("keys", {"a": 1}), ("secretary", "Ann")])
def test_what_only_sounds_like_a_secret_is_not(name: str, value: object) -> None:
    assert attach(value, name)


@pytest.mark.parametrize("mode", ["1", "La", "RGBa", "PA", "LAB", "I;16", "I;16B", "F"])
def test_a_picture_of_any_mode_becomes_an_image(mode: str) -> None:
    images = pytest.importorskip("PIL.Image")
    assert attach(images.new(mode, (40, 40))).kind == "image"


def test_a_picture_without_pixels_is_refused() -> None:
    images = pytest.importorskip("PIL.Image")
    assert "it is an image without pixels." in refusal(images.new("RGB", (0, 5)))
