"""Functions as tools: what the model is told of them, and what they are called with."""

import dataclasses
import enum
from functools import partial
from typing import Annotated, Any, Literal, Optional, TypedDict

import pydantic
import pytest

from qwen_magic.core.errors import InputError
from qwen_magic.tools.docstrings import documented
from qwen_magic.tools.parameters import Misfit, read_arguments
from qwen_magic.tools.tool import Tool, tool, wire_names


class Unit(enum.Enum):
    METRIC = "metric"
    IMPERIAL = "imperial"


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Model(pydantic.BaseModel):
    name: str
    age: int = 3


class Range(TypedDict):
    low: int
    high: int


def called(made: Tool, **given: Any) -> Any:
    """What the function returns for these arguments of a model."""
    positional, named = made.parameters.bound(made.parameters.read(given))
    return made.function(*positional, **named)


def properties(made: Tool) -> dict[str, Any]:
    found: dict[str, Any] = made.parameters.document["properties"]
    return found


def weather(city: str, days: int = 3, unit: Unit = Unit.METRIC, *, detail: Literal["low", "high"] = "low") -> Any:
    """Tell the weather.

    For every city of the world.
    """
    return city, days, unit, detail


def test_a_function_is_told_by_its_name_its_docstring_and_its_annotations() -> None:
    made = tool(weather)
    told = made.described("weather")
    assert (told.name, told.description) == ("weather", "Tell the weather.\n\nFor every city of the world.")
    assert told.parameters["type"] == "object"
    assert told.parameters["required"] == ["city"]
    found = properties(made)
    assert found["city"] == {"type": "string"}
    assert found["days"] == {"type": "integer", "default": 3}
    assert sorted(found["detail"]["enum"]) == ["high", "low"]
    assert found["detail"]["default"] == "low"


def test_arguments_become_what_the_annotations_say() -> None:
    made = tool(weather)
    assert called(made, city="Rome", unit="imperial") == ("Rome", 3, Unit.IMPERIAL, "low")
    assert called(made, city="Rome", days="7") == ("Rome", 7, Unit.METRIC, "low")

    def area(a: Point, b: Point | None = None, more: list[Point] = [], tags: dict[str, int] | None = None) -> Any:  # noqa: B006  # what people write
        return a, b, more, tags

    assert called(tool(area), a={"x": 1}) == (Point(1), None, [], None)
    given = called(tool(area), a={"x": 1, "y": 2}, b={"x": 3}, more=[{"x": 4}], tags={"a": 1})
    assert given == (Point(1, 2), Point(3), [Point(4)], {"a": 1})


def test_pydantic_models_and_typed_dicts_are_arguments_too() -> None:
    def greet(who: Model, others: list[Model] | None = None) -> Any:
        return who, others

    assert called(tool(greet), who={"name": "Ada"}, others=[{"name": "Eve", "age": 9}]) == (
        Model(name="Ada"),
        [Model(name="Eve", age=9)],
    )

    def between(range: Range, step: Optional[int] = None) -> Any:  # noqa: UP045  # what people write
        return range, step

    assert called(tool(between), range={"low": 1, "high": 2}) == ({"low": 1, "high": 2}, None)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "city"),
        ({"city": "Rome", "town": 1}, 'no argument "town"'),
        ({"city": "Rome", "days": "many"}, "days"),
        ({"city": 5}, "city"),
        ({"city": "Rome", "unit": "miles"}, "unit"),
        ({"city": "Rome", "detail": None}, "detail"),
    ],
)
def test_arguments_that_do_not_fit_are_told_in_one_line(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(Misfit) as raised:
        tool(weather).parameters.read(given)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


NUMPY = """Find a city.

    More about it.

    Parameters
    ----------
    city : str
        Its name,
        in English.
    limit : int, optional
        How many.

    Returns
    -------
    list
        The facts.
    """
GOOGLE = """Find a city.

    More about it.

    Args:
        city (str): Its name,
            in English.
        limit (int, optional): How many.

    Returns:
        list: The facts.
    """
SPHINX = """Find a city.

    More about it.

    :param str city: Its name,
        in English.
    :param int limit: How many.
    :returns: The facts.
    """


@pytest.mark.parametrize("docstring", [NUMPY, GOOGLE, SPHINX], ids=["NumPy", "Google", "Sphinx"])
def test_the_docstring_says_what_each_argument_is(docstring: str) -> None:
    def find(city, limit=5):  # type: ignore[no-untyped-def]  # a function without annotations is what is tested
        return city, limit

    find.__doc__ = docstring
    made = tool(find)
    assert made.description == "Find a city.\n\nMore about it.\n\nReturns: The facts."
    assert properties(made)["city"] == {"type": "string", "description": "Its name, in English."}
    assert properties(made)["limit"] == {"type": "integer", "default": 5, "description": "How many."}


def test_a_docstring_of_no_style_is_taken_as_it_is() -> None:
    assert documented(None).text == ""
    assert documented("  Plots\n  it.  ").text == "Plots\nit."
    strange = "Args:\n  : :\n-----\nReturns\n-------\n"
    assert isinstance(documented(strange).text, str)


def test_an_annotation_may_say_what_an_argument_is() -> None:
    def find(
        city: Annotated[str, "in English"], age: Annotated[int, pydantic.Field(description="in years")] = 1
    ) -> None:
        """Find."""

    found = properties(tool(find))
    assert found["city"] == {"type": "string", "description": "in English"}
    assert found["age"]["description"] == "in years"


class Table:
    def __init__(self, rows: int) -> None:
        self.rows = rows

    def first(self, count: int = 1) -> int:
        """Give the first rows."""
        return self.rows * count

    def __call__(self, count: int) -> int:
        """Call it."""
        return self.rows + count


def test_methods_partials_and_objects_that_can_be_called() -> None:
    made = tool(Table(3).first)
    assert (made.name, made.description, list(properties(made))) == ("first", "Give the first rows.", ["count"])
    assert called(made, count=2) == 6
    assert called(tool(Table(3)), count=2) == 5

    made = tool(partial(weather, days=9))
    assert (made.name, made.description.splitlines()[0]) == ("weather", "Tell the weather.")
    assert called(made, city="Rome") == ("Rome", 9, Unit.METRIC, "low")
    assert called(tool(partial(weather, "Rome"))) == ("Rome", 3, Unit.METRIC, "low")


def test_what_a_partial_has_given_is_not_the_models_to_change() -> None:
    made = tool(partial(weather, days=9))
    assert "days" not in properties(made)
    with pytest.raises(Misfit, match="days"):
        made.parameters.read({"city": "Rome", "days": 1})


def test_async_functions_run_side_by_side_unless_said_otherwise() -> None:
    async def fetch(url: str) -> str:
        """Fetch."""
        return url

    assert (tool(fetch).is_async, tool(fetch).parallel) == (True, True)
    assert tool(fetch, parallel=False).parallel is False
    assert (tool(weather).is_async, tool(weather).parallel) == (False, False)
    assert tool(weather, parallel=True).parallel is True
    assert tool(partial(fetch, "x")).is_async is True


def test_an_argument_that_no_model_can_give_is_left_to_its_default_or_refused() -> None:
    class Connection:
        pass

    def optional(query: str, connection: Connection | None = None, *more: int, **others: int) -> Any:
        return query, connection, more, others

    made = tool(optional)
    assert list(properties(made)) == ["query"]
    assert called(made, query="x") == ("x", None, (), {})

    def needed(connection: Connection) -> None:
        """Needs it."""

    with pytest.raises(InputError, match="connection of needed"):
        tool(needed)


def test_a_function_without_arguments_takes_none() -> None:
    def now() -> str:
        return "noon"

    assert tool(now).parameters.document == {"type": "object", "properties": {}}
    assert called(tool(now)) == "noon"
    with pytest.raises(Misfit, match="takes none"):
        tool(now).parameters.read({"zone": "UTC"})


@pytest.mark.parametrize("wrong", [5, "weather", None, Table, [weather]])
def test_what_is_no_function_is_no_tool(wrong: Any) -> None:
    with pytest.raises(InputError, match="A tool is a function"):
        tool(wrong)


def test_a_builtin_that_hides_its_arguments_is_refused() -> None:
    with pytest.raises(InputError, match="does not tell the arguments"):
        tool(max)


def named(*names: str) -> list[str]:
    def function() -> None:
        """Do nothing."""

    return list(wire_names([tool(function, name=name) for name in names]))


def test_names_that_the_service_forbids_are_others_on_the_wire_only() -> None:
    assert named("lookup", "search", "Search", "a.b", "查询", "n" * 90) == [
        "lookup", "search_", "Search_", "a_b", "__", "n" * 64,
    ]  # fmt: skip
    assert named("a.b", "a b", "a-b", "n" * 65, "n" * 66) == ["a_b", "a_b_2", "a-b", "n" * 64, "n" * 62 + "_2"]
    assert [each.name for each in wire_names([tool(weather, name="search")]).values()] == ["search"]


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="Two tools are called x"):
        named("x", "x")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("  ", {}),
        ("{'a': True,}", {"a": True}),
        ('{"a": "line\nbreak"}', {"a": "line\nbreak"}),
    ],
)
def test_arguments_that_are_nearly_json_are_read(text: str, value: object) -> None:
    assert read_arguments(text) == value


@pytest.mark.parametrize("text", ['{"a": "Par', "[1]", "Paris", '"x"', "null", "{" * 100_000])
def test_arguments_that_are_no_object_are_told(text: str) -> None:
    with pytest.raises(Misfit, match=r"not JSON|not a JSON object") as raised:
        read_arguments(text)
    assert len(str(raised.value)) < 200


def test_nothing_is_imported_for_tools_that_nobody_has() -> None:
    import subprocess
    import sys

    code = "import qwen_magic.tools, sys; print('docstring_parser' in sys.modules, 'msgspec' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == ["False"] * 2
