"""A DataFrame of an answer's data, with the types of its schema. Not for showing it: that is `table`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ..core.errors import InputError
from ..core.translatable import _
from .schema import Schema

__all__ = ["VALUE", "Kind", "frame", "kind_of", "pandas_frame", "pandas_series", "polars_frame", "polars_series"]

# The name of the column of a list that is not made of objects.
VALUE = "value"
PANDAS = {"integer": "int64", "number": "float64", "boolean": "bool", "string": "string"}
PANDAS_NULLABLE = {"integer": "Int64", "number": "Float64", "boolean": "boolean", "string": "string"}


def frame(plain: Any, schema: Schema[Any]) -> Any:
    """A polars or pandas DataFrame, whichever is imported already (polars of both: others import pandas by the way).

    `plain` is the data as JSON has it: a row for each element, or one row. Raises `InputError` where neither is
    installed.
    """
    rows = plain if isinstance(plain, list) else [plain]
    fields = schema.fields
    columns: dict[str, list[Any]] = {name: [] for name in _columns_of(rows, fields)}
    for row in rows:
        for name, values in columns.items():
            values.append(row.get(name) if isinstance(row, Mapping) else row)
    kinds = {name: kind_of(fields.get(name) or _row_schema(schema)) for name in columns}
    return _made_by(_library())(columns, kinds, {name for name in columns if None in columns[name]}, schema)


def _columns_of(rows: list[Any], fields: Mapping[str, Any]) -> list[str]:
    """Those of the schema, then others in the order of their first use."""
    names = dict.fromkeys(fields)
    for row in rows:
        names |= dict.fromkeys(row) if isinstance(row, Mapping) else {VALUE: None}
    return list(names)


def _row_schema(schema: Schema[Any]) -> Mapping[str, Any]:
    items = schema.document.get("items", {}) if schema.many else schema.document
    return items if isinstance(items, Mapping) and not schema.fields else {}


def _library() -> str:
    for name in ("polars", "pandas"):
        if name in sys.modules:
            return name
    for name in ("pandas", "polars"):
        try:
            import_module(name)
        except ImportError:
            continue
        return name
    raise InputError(_("A DataFrame needs pandas or polars."), _("Install one: %pip install pandas"))


def _made_by(name: str) -> Callable[..., Any]:
    return polars_frame if name == "polars" else pandas_frame


Kind = str | tuple[str, ...]
"""The type of a column: a word of JSON schema, `date` or `date-time`, the choices, or nothing for anything else."""


def kind_of(schema: Mapping[str, Any]) -> Kind:
    """The type of the column of a field with this schema."""
    options = [each for each in schema.get("anyOf", ()) if isinstance(each, Mapping) and each.get("type") != "null"]
    if len(options) == 1:
        return kind_of(options[0])
    choices = tuple(choice for choice in schema.get("enum", ()) if choice is not None)
    if choices:
        return choices if all(isinstance(choice, str) for choice in choices) else ""
    types = schema.get("type", ())
    names = [name for name in ([types] if isinstance(types, str) else types) if name != "null"]
    if names == ["string"]:
        return str(schema["format"]) if schema.get("format") in ("date", "date-time") else "string"
    return names[0] if len(names) == 1 and names[0] in ("integer", "number", "boolean") else ""


def pandas_frame(columns: dict[str, list[Any]], kinds: dict[str, Kind], empty: set[str], schema: Schema[Any]) -> Any:
    pd: Any = import_module("pandas")

    optional = {name for name in columns if name not in schema.required} | empty
    return pd.DataFrame({name: pandas_series(pd, columns[name], kinds[name], name in optional) for name in columns})


def pandas_series(pd: Any, values: list[Any], kind: Kind, nullable: bool) -> Any:
    """A Series of these values. `pd` is pandas, or a module that is used as pandas is."""
    if isinstance(kind, tuple):
        return pd.Series(pd.Categorical(values, categories=list(dict.fromkeys(kind))))
    if kind in ("date", "date-time"):
        return pd.to_datetime(pd.Series(values, dtype="object"), errors="coerce", utc=kind == "date-time")
    try:
        return pd.Series(values, dtype=(PANDAS_NULLABLE if nullable else PANDAS).get(kind, "object"))
    except OverflowError:  # JSON has integers of any size
        return pd.Series(values, dtype="object")


def polars_frame(columns: dict[str, list[Any]], kinds: dict[str, Kind], empty: set[str], schema: Schema[Any]) -> Any:
    pl: Any = import_module("polars")

    return pl.DataFrame([polars_series(name, values, kinds[name]) for name, values in columns.items()])


def polars_series(name: str, values: list[Any], kind: Kind) -> Any:
    """A Series of these values."""
    pl: Any = import_module("polars")

    if isinstance(kind, tuple):
        return pl.Series(name, values, dtype=pl.Enum(list(dict.fromkeys(kind))))
    if kind == "date":
        return pl.Series(name, values, dtype=pl.String).str.to_date(strict=False)
    if kind == "date-time":
        return pl.Series(name, values, dtype=pl.String).str.to_datetime(time_zone="UTC", strict=False)
    types: dict[str, Any] = {"integer": pl.Int64, "number": pl.Float64, "boolean": pl.Boolean, "string": pl.String}
    return pl.Series(name, values, dtype=types.get(kind), strict=False)
