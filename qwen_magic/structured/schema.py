"""A schema as one value, made of whatever a person has: the short form, a JSON schema, a class, a list of one.

Not for checking an answer against it: that is `validation`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, get_args, get_type_hints, is_typeddict

from ..core.errors import InputError
from ..core.messages import OutputFormat
from ..core.translatable import _
from .short_form import HOW, short_form

__all__ = ["LARGEST", "Schema", "candidates", "make_schema", "resolved", "schema_given", "uses_pydantic"]

T = TypeVar("T", covariant=True)

# A schema of more than this is none that a model could follow, in bytes; the figure is ours.
LARGEST = 1_000_000
# What tells a JSON schema from any other dict (JSON Schema 2020-12, core and validation vocabularies).
KEYWORDS = {"type", "properties", "items", "prefixItems", "$ref", "enum", "const", "anyOf", "oneOf", "allOf"}
# The root has to be an object: strict mode takes no other, and JSON mode answers with nothing else (the service's docs,
# "Structured output", 2026). Anything else travels in a field of this name.
ITEMS, VALUE = "items", "value"
# Names of schemas: letters, digits, - and _, up to 64 (OpenAI's API reference, "response_format").
NOT_IN_NAMES, LONGEST_NAME = re.compile(r"[^A-Za-z0-9_-]+"), 64
NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
NAME_A_FILE, CORRECT = _("Name a JSON file."), _("Correct it.")
AS_JSON = _('Such as {{"type": "object", "properties": {{"name": {{"type": "string"}}}}}}.')
LIST_OF = re.compile(r"list\[(.+)\]", re.DOTALL)


@dataclass(frozen=True)
class Schema(Generic[T]):
    """What an answer has to be.

    `document` is the JSON schema of the value, and `wire` the same as it is sent: its root is an object, which has the
    value in its field `key`, if there is a key. `target` is the class to build, or `None` where the value itself is
    the data. `fills` says that fields that are not there are empty.
    """

    name: str
    document: Mapping[str, Any]
    wire: Mapping[str, Any]
    key: str = ""
    target: Any = None
    fills: bool = False

    @property
    def many(self) -> bool:
        """Whether the value is a list."""
        return self.document.get("type") == "array"

    @property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """The fields of the object, or of one object of the list, with their schemas; none where they are open."""
        root = resolved(self.document, self.document)
        row = resolved(root.get("items", {}), self.document) if self.many else root
        found = row.get("properties", {})
        return {name: resolved(field, self.document) for name, field in found.items() if isinstance(field, Mapping)}

    @property
    def required(self) -> frozenset[str]:
        """The names of the fields that are always there."""
        root = resolved(self.document, self.document)
        row = resolved(root.get("items", {}), self.document) if self.many else root
        return frozenset(row.get("required", ()))

    @property
    def strict(self) -> bool:
        """Whether strict mode takes it: every object is closed, and every field required."""
        return all(map(_is_closed, _objects(self.wire)))

    def format(self, kind: str) -> OutputFormat:
        """What a request says of it."""
        return OutputFormat(
            "json_schema" if kind == "json_schema" else "json_object", self.name, self.wire, self.strict
        )


def schema_given(given: Any, namespace: Mapping[str, Any], *, many: bool = False) -> Schema[Any]:
    """The schema that a person names or writes: see `make_schema`; text may also be the name of something in
    `namespace`, `list[NAME]`, a file (`person.json`) or the text of a JSON schema. Raises `InputError`.
    """
    if not isinstance(given, str):
        return make_schema(given, many=many)
    text = given.strip()
    inner = LIST_OF.fullmatch(text)
    if inner:
        return schema_given(inner[1], namespace, many=True)
    if text.startswith("{"):
        return make_schema(_parsed(text, "{…}"), many=many)
    if text.endswith(".json") and "\n" not in text:
        return make_schema(_of_file(text), many=many, name=Path(text).stem)
    if NAME.fullmatch(text) and not isinstance(found := _named(text, namespace), str):
        return make_schema(found, many=many, name=text.rpartition(".")[2])
    return make_schema(found if NAME.fullmatch(text) else text, many=many)


def candidates(namespace: Mapping[str, Any]) -> list[str]:
    """The names in `namespace` that are schemas, for Tab."""
    return [name for name, value in namespace.items() if name[:1] != "_" and _looks_like_schema(value)]


def make_schema(given: Any, *, many: bool = False, name: str = "") -> Schema[Any]:
    """A schema of the short form, a JSON schema (a dict), or a class: dataclass, TypedDict, pydantic model, msgspec
    Struct, also in `list[…]`. `many` asks for a list of it. Raises `InputError` for what is none.
    """
    if isinstance(given, Schema):
        return given
    if isinstance(given, str):
        document = short_form(given)
        return _of_document(_listed(document) if many else document, name or "data", fills=True, close=True)
    if isinstance(given, Mapping):
        _check_document(given)
        title = given.get("title")
        return _of_document(_listed(given) if many else dict(given), name or (title if isinstance(title, str) else ""))
    if not isinstance(given, type) and not get_args(given):
        raise _not_a_schema(given)
    target = list[given] if many else given
    document = _document_of(target)
    return _of_document(document, _class_name(given), target=target, close=True)


def _of_document(
    document: Mapping[str, Any], name: str, *, target: Any = None, fills: bool = False, close: bool = False
) -> Schema[Any]:
    """`close` is for schemas that are made here: their objects have no other fields, and say so."""
    document = _with_plain_root(document)
    wire = _closed(document) if close else document
    key = "" if wire.get("type") == "object" else ITEMS if wire.get("type") == "array" else VALUE
    if key:
        wire = {"type": "object", "properties": {key: _inside(wire, key)}, "required": [key]}
        wire = wire | {"additionalProperties": False} | _definitions(document if not close else _closed(document))
    return Schema(NOT_IN_NAMES.sub("_", name)[:LONGEST_NAME] or "data", document, wire, key, target, fills)


# --- where it comes from


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    """What `name` stands for in the notebook."""
    first, *rest = name.split(".")
    if first not in namespace:
        raise InputError(
            _("There is no {name} in the notebook to take as a schema.", name=first),
            HOW if rest else _("One field is written with its type: '{name} str'.", name=name),
        )
    found = namespace[first]
    for attribute in rest:
        if not hasattr(found, attribute):
            there_is_none = _("{name}: there is no {attribute} in it.", name=name, attribute=repr(attribute))
            raise InputError(there_is_none, _("Name a class or a dict of the notebook."))
        found = getattr(found, attribute)
    return found


def _of_file(path: str) -> Any:
    """The JSON schema in a file."""
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        unread = _("The schema {path} cannot be read: {reason}.", path=path, reason=reason)
        raise InputError(unread, NAME_A_FILE) from error
    except UnicodeDecodeError as error:
        raise InputError(_("The schema {path} is not a text in UTF-8.", path=path), NAME_A_FILE) from error
    if len(content) > LARGEST:
        too_large = _("The schema {path} is larger than {most:,} bytes.", path=path, most=LARGEST)
        raise InputError(too_large, _("Name a smaller one."))
    return _parsed(text, path)


def _parsed(text: str, what: str) -> Any:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(_("The schema {name} is not JSON: {reason}.", name=what, reason=error), CORRECT) from error
    if not isinstance(document, dict):
        raise InputError(_("The schema {name} is not a JSON object.", name=what), AS_JSON)
    return document


def _looks_like_schema(value: Any) -> bool:
    if isinstance(value, type):
        return any(hasattr(value, mark) for mark in ("__dataclass_fields__", "__struct_fields__", "__total__")) or (
            _is_pydantic(value) and value.__module__.partition(".")[0] != "pydantic"
        )
    return isinstance(value, dict) and not KEYWORDS.isdisjoint(value)


def _class_name(given: Any) -> str:
    inner = get_args(given)
    return _class_name(inner[0]) if inner else str(getattr(given, "__name__", "data"))


# --- classes


def _document_of(target: Any) -> dict[str, Any]:
    """The JSON schema of a class: pydantic's own for its classes, else msgspec's."""
    try:
        return _pydantic_document(target) if uses_pydantic(target) else _msgspec_document(target)
    except InputError:
        raise
    except Exception as error:  # hints may name anything, and pydantic's and msgspec's words for it are their own
        raise _not_a_schema(target) from error


def _msgspec_document(target: Any) -> dict[str, Any]:
    import msgspec

    try:
        return _in_order(msgspec.json.schema(target), target)
    except TypeError:  # a field's type is a class that only pydantic has a schema for
        if "pydantic" not in sys.modules:
            raise
        return _pydantic_document(target)


def _in_order(document: dict[str, Any], target: Any) -> dict[str, Any]:
    """The document with the fields of a TypedDict as they are written: msgspec sorts them by name."""
    target = next(iter(get_args(target)), target)
    known = document.get("$defs", {}).get(getattr(target, "__name__", ""), {})
    if is_typeddict(target) and "properties" in known:
        order = [name for name in get_type_hints(target) if name in known["properties"]]
        known["properties"] = {name: known["properties"][name] for name in order}
    return document


def _pydantic_document(target: Any) -> dict[str, Any]:
    document: dict[str, Any] = import_module("pydantic").TypeAdapter(target).json_schema()
    return document


def uses_pydantic(target: Any) -> bool:
    """Whether it is a class of pydantic's, or a list of them."""
    return _is_pydantic(target) or any(map(uses_pydantic, get_args(target)))


def _is_pydantic(value: Any) -> bool:
    return "pydantic" in sys.modules and hasattr(value, "__pydantic_validator__")


def _not_a_schema(target: Any) -> InputError:
    what = getattr(target, "__name__", "") if isinstance(target, type) else ""
    kind = _("A value of the type {type} is no schema.", type=type(target).__name__)
    return InputError(
        _("The class {name} is no schema.", name=what) if what else kind,
        _("Take the short form, a JSON schema, a dataclass, a TypedDict, a pydantic model or a msgspec Struct."),
    )


# --- JSON schemas


def _check_document(document: Mapping[str, Any]) -> None:
    """Raises `InputError` for what is not a JSON schema, or refers to what is elsewhere."""
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]  # it has no types of its own
    from jsonschema.validators import (  # type: ignore[import-untyped]  # it has no types of its own
        Draft202012Validator,
        validator_for,
    )

    if KEYWORDS.isdisjoint(document):
        raise InputError(_("The dict is no JSON schema: it has neither type nor properties."), AS_JSON)
    try:
        json.dumps(document, allow_nan=False)
        validator_for(document, default=Draft202012Validator).check_schema(document)
    except SchemaError as error:
        wrong = _("The JSON schema is wrong at {path}: {reason}.", path=error.json_path, reason=error.message[:200])
        raise InputError(wrong, CORRECT) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(_("The JSON schema is not JSON: {reason}.", reason=error), CORRECT) from error
    for reference in _references(document):
        if not _points_to_something(reference, document):
            elsewhere = _("The JSON schema refers to {place}, which is not in it.", place=reference[:100])
            raise InputError(elsewhere, _("Put it below $defs."))


def _references(node: Any) -> Iterator[str]:
    for part in _parts(node):
        for word in ("$ref", "$dynamicRef"):
            if isinstance(part.get(word), str):
                yield part[word]


def _objects(document: Any) -> Iterator[Mapping[str, Any]]:
    """The schemas of objects in a schema."""
    return (part for part in _parts(document) if part.get("type") == "object" or "properties" in part)


def _parts(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a JSON value, itself first; values of `const`, `enum` and the like are none of a schema."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting += [value for name, value in part.items() if name not in ("const", "enum", "default", "examples")]
        elif isinstance(part, list | tuple):
            waiting += part


def _is_closed(schema: Mapping[str, Any]) -> bool:
    # A field may be called "properties" or "type": then this is not the schema of an object at all.
    names = schema.get("properties", {})
    if not isinstance(names, Mapping):
        return True
    return schema.get("additionalProperties") is False and set(names) <= set(schema.get("required", ()))


def _points_to_something(reference: str, document: Mapping[str, Any]) -> bool:
    return reference == "#" or (reference.startswith("#/") and _pointed_at(reference, document) is not None)


def _pointed_at(reference: str, document: Mapping[str, Any]) -> Any:
    """What a JSON pointer (RFC 6901) points at; `None` where there is nothing."""
    found: Any = document
    for step in reference.removeprefix("#").split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def resolved(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, where it only refers to another place in the document."""
    for _step in range(10):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            break
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        found = document if reference == "#" else _pointed_at(reference, document)
        schema = {**found, **rest} if isinstance(found, Mapping) else rest
    return cast("Mapping[str, Any]", schema)


def _with_plain_root(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with an object's own words at its root, where that only refers to a definition."""
    root = resolved({name: value for name, value in document.items() if name != "$defs"}, document)
    return {**root, **_definitions(document)}


def _definitions(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in ("$defs", "definitions") if name in document}


def _listed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a list of these."""
    return {"type": "array", "items": _inside(document, "", at="#/items"), **_definitions(document)}


def _inside(document: Mapping[str, Any], key: str, *, at: str = "") -> dict[str, Any]:
    """The schema for a place inside another, without its definitions; what it refers to is where it was."""
    at = at or f"#/properties/{key}"
    inner = {name: value for name, value in document.items() if name not in ("$defs", "definitions", "$schema", "$id")}
    return cast("dict[str, Any]", _moved(inner, at))


def _moved(node: Any, at: str) -> Any:
    """`node` with the references that point at the root, or below it but for the definitions, pointing to `at`."""
    if isinstance(node, Mapping):
        return {
            name: at + value[1:] if name == "$ref" and _is_moved(value) else _moved(value, at)
            for name, value in node.items()
        }
    return [_moved(each, at) for each in node] if isinstance(node, list | tuple) else node


def _is_moved(reference: Any) -> bool:
    kept = ("#/$defs/", "#/definitions/")
    return isinstance(reference, str) and reference.startswith("#") and not reference.startswith(kept)


def _closed(node: Any) -> Any:
    """A schema whose objects have no other fields than theirs; those that may be null are there all the same."""
    if isinstance(node, list | tuple):
        return [_closed(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    made = {name: _closed(value) for name, value in node.items()}
    properties = node.get("properties")
    if isinstance(properties, Mapping) and node.get("type") == "object":
        required = set(node.get("required", ()))
        wanted = [name for name, field in properties.items() if name in required or _takes_null(field)]
        made = {"additionalProperties": False} | made | {"required": wanted}
    return made


def _takes_null(field: Any) -> bool:
    if not isinstance(field, Mapping):
        return False
    types = field.get("type", ())
    return (
        "null" in ([types] if isinstance(types, str) else types)
        or None in field.get("enum", ())
        or any(map(_takes_null, field.get("anyOf", ())))
    )
