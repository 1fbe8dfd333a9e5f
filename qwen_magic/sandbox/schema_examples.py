"""Generates a value that fits a JSON schema (draft 2020-12, as pydantic writes it), always the same for equal input.

Not a validator: a contradictory schema gets `None`. Own code, because the libraries for this make random data:
hypothesis-jsonschema needs hypothesis, jsf needs Faker, and the sandbox must give equal answers to equal questions.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import count, islice
from typing import Any

from .pattern_examples import matching

__all__ = ["example"]

# Below this depth only what is required is filled in, and above the second one nothing is: schemas may be recursive.
SHALLOW, DEEPEST = 3, 24
# Characters of a string that is made of the question's words.
PHRASE = 40
# Attempts at a string, or at a list of different items.
ATTEMPTS = 40
FORMATS = {
    "date": "2026-11-20",
    "date-time": "2026-11-20T09:30:00Z",
    "time": "09:30:00Z",
    "duration": "PT30M",
    "email": "sandbox@example.com",
    "idn-email": "sandbox@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv4network": "192.0.2.0/24",
    "ipv6": "2001:db8::1",
    "ipv6network": "2001:db8::/32",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "multi-host-uri": "https://example.com/",
    "uri-reference": "/sandbox",
    "uuid": "00000000-0000-4000-8000-000000000001",
    **{f"uuid{version}": f"00000000-0000-{version}000-8000-000000000001" for version in range(1, 9)},
    "json-pointer": "/sandbox",
    "relative-json-pointer": "0",
    "regex": "sandbox",
    "json-string": "{}",
    "byte": "c2FuZGJveA==",
    "base64url": "c2FuZGJveA==",
}
# What narrows a number when two schemas are merged: the larger of two lower limits, the smaller of two upper ones.
LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
EVERYTHING = {"additionalProperties", "items", "unevaluatedProperties"}

_Schema = Mapping[str, Any]


class _Unsatisfiable(Exception):
    """No value fits, or only an infinitely nested one."""


def example(schema: Any, words: str) -> Any:
    """A value that fits `schema`, with the question's `words` where a string may be anything."""
    try:
        return _Examples(schema, " ".join(words.split())[:PHRASE] or "sandbox").value(schema)
    except (_Unsatisfiable, RecursionError):
        return None


class _Examples:
    """Values for the parts of one schema. Each `variant` 0, 1, … gives another value, if there is one."""

    def __init__(self, root: Any, words: str) -> None:
        self.root = root
        self.words = words

    def value(self, schema: Any, depth: int = 0, variant: int = 0) -> Any:
        if schema is False or depth > DEEPEST:
            raise _Unsatisfiable
        if not isinstance(schema, Mapping):
            return self.words
        schema = self.merged(schema)
        for several in ("anyOf", "oneOf"):
            if schema.get(several):
                return self.first_of(schema, several, depth, variant)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][variant % len(schema["enum"])]
        return self.of_type(_kind_of(schema, depth), schema, depth, variant)

    def of_type(self, kind: str, schema: _Schema, depth: int, variant: int) -> Any:
        match kind:
            case "object":
                return self.object(schema, depth, variant)
            case "array":
                return self.array(schema, depth, variant)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer", variant=variant)
            case "boolean":
                return variant % 2 == 0
            case "null":
                return None
        if schema.get("contentMediaType") == "application/json":
            return json.dumps(self.value(schema.get("contentSchema", {}), depth + 1, variant))
        return _string(schema, self.words, variant)

    def first_of(self, schema: _Schema, several: str, depth: int, variant: int) -> Any:
        """The first alternative that has a value; deep inside the plainest one first."""
        rest = {name: value for name, value in schema.items() if name != several}
        merged = [self.merged(_merge(rest, self.merged(each))) for each in schema[several] if each is not False]
        if depth > SHALLOW:
            merged.sort(key=lambda each: _kind_of(each, depth) in ("object", "array") or "anyOf" in each)
        for each in merged:
            try:
                return self.value(each, depth + 1, variant)
            except _Unsatisfiable:
                continue
        raise _Unsatisfiable

    def object(self, schema: _Schema, depth: int, variant: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), self.required(schema)
        made: dict[str, Any] = {}
        for name, inner in properties.items():
            if name in required or depth <= SHALLOW:
                try:
                    made[name] = self.value(inner, depth + 1, variant)
                except _Unsatisfiable:
                    if name in required:
                        raise
        least = max(schema.get("minProperties", 0), int(not properties and depth <= SHALLOW))
        for name in self.names(schema, required, made, least):
            made[name] = self.value(self.schema_of(schema, name), depth + 1, variant)
        return dict(islice(made.items(), schema["maxProperties"])) if "maxProperties" in schema else made

    def required(self, schema: _Schema) -> tuple[str, ...]:
        """The names that must be there, with those that other names bring along."""
        wanted = dict.fromkeys(schema.get("required", ()))
        for name, brings in schema.get("dependentRequired", {}).items():
            if name in wanted or name in schema.get("properties", {}):
                wanted |= dict.fromkeys(brings)
        return tuple(wanted)

    def names(self, schema: _Schema, required: Iterable[str], made: _Schema, least: int) -> Iterator[str]:
        """The names that are still missing: required ones, and some of the schema's kind up to `least`."""
        missing = [name for name in required if name not in made]
        yield from missing
        free = schema.get("additionalProperties", "minProperties" in schema)
        patterns = schema.get("patternProperties", {})
        if free is False and not patterns:
            return
        pattern = {"pattern": next(iter(patterns))} if free is False else schema.get("propertyNames", {})
        taken = {*made, *missing}
        for variant in range(ATTEMPTS):
            if len(taken) >= least:
                return
            name = self.value(_merge({"type": "string"}, self.merged(pattern)), 0, variant) if pattern else None
            name = name if isinstance(name, str) else f"key{variant + 1}"
            if name not in taken:
                taken.add(name)
                yield name

    def schema_of(self, schema: _Schema, name: str) -> Any:
        """What a value must be whose name is not among the properties."""
        fitting = [inner for pattern, inner in schema.get("patternProperties", {}).items() if _searched(pattern, name)]
        return {"allOf": fitting} if fitting else schema.get("additionalProperties", True)

    def array(self, schema: _Schema, depth: int, variant: int) -> list[Any]:
        first = schema.get("prefixItems", [])
        items = schema.get("items", True)
        made = [self.value(inner, depth + 1, variant) for inner in first]
        if "contains" in schema:
            made += [self.value(schema["contains"], depth + 1, n) for n in range(schema.get("minContains", 1))]
        enough = schema.get("minItems", 0) if first or items is False or depth > SHALLOW else 1
        least = min(max(schema.get("minItems", 0), enough), schema.get("maxItems", math.inf))
        seen = {_same(value) for value in made}
        for number in count(variant):
            if len(made) >= least or number - variant > least + ATTEMPTS:
                break
            try:
                value = self.value(items, depth + 1, number)
            except _Unsatisfiable:
                if len(made) < schema.get("minItems", 0):
                    raise
                break
            if not schema.get("uniqueItems") or _same(value) not in seen:
                made.append(value)
                seen.add(_same(value))
        return made[: schema.get("maxItems")]

    def merged(self, schema: Any) -> dict[str, Any]:
        """The schema with what `$ref` and `allOf` say in it."""
        merged = dict(schema) if isinstance(schema, Mapping) else {}
        for _ in range(DEEPEST):
            if "$ref" in merged:
                found = self.referred(merged.pop("$ref"))
                if found is False:
                    raise _Unsatisfiable
                merged = _merge(found if isinstance(found, Mapping) else {}, merged)
            elif "allOf" in merged:
                for each in merged.pop("allOf"):
                    merged = _merge(merged, self.merged(each))
            else:
                return merged
        raise _Unsatisfiable

    def referred(self, ref: Any) -> Any:
        """The target of a reference inside the schema."""
        if not isinstance(ref, str) or not ref.startswith("#"):
            return True
        found = self.root
        for step in ref.removeprefix("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = found[int(step)] if step.isdecimal() and int(step) < len(found) else True
            else:
                found = found.get(step, True) if isinstance(found, Mapping) else True
        return found


def _kind_of(schema: _Schema, depth: int) -> str:
    """The type of the values to make; of several the first that is not null, deep inside the plainest."""
    kind = schema.get("type")
    if isinstance(kind, list):
        plain = [each for each in kind if each not in ("null", *(("object", "array") if depth > SHALLOW else ()))]
        return str((plain or kind or ["null"])[0])
    if isinstance(kind, str):
        return kind
    if {"properties", "additionalProperties", "required", "patternProperties", "minProperties"} & schema.keys():
        return "object"
    if {"items", "prefixItems", "minItems", "contains"} & schema.keys():
        return "array"
    if {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"} & schema.keys():
        return "number"
    return "string"


def _merge(one: _Schema, other: _Schema) -> dict[str, Any]:
    """A schema that asks for what both ask for, as far as one schema can say it."""
    merged = dict(one)
    for name, theirs in other.items():
        ours: Any = merged.get(name, theirs)
        if ours == theirs:
            merged[name] = theirs
        elif name in LOWER:
            merged[name] = max(ours, theirs)
        elif name in UPPER:
            merged[name] = min(ours, theirs)
        elif name == "properties":
            both = {key: {"allOf": [ours[key], theirs[key]]} for key in ours.keys() & theirs.keys()}
            merged[name] = {**ours, **theirs, **both}
        elif name == "required":
            merged[name] = [*dict.fromkeys([*ours, *theirs])]
        elif name == "enum":
            merged[name] = [each for each in ours if each in theirs]
        elif name == "type":
            merged[name] = _common_types(ours, theirs)
        elif name in EVERYTHING:
            merged[name] = False if False in (ours, theirs) else {"allOf": [ours, theirs]}
        elif name == "anyOf":
            merged["allOf"] = [*merged.get("allOf", []), {name: theirs}]
        else:
            merged[name] = theirs
    return merged


def _common_types(ours: Any, theirs: Any) -> Any:
    one, other = ([each] if isinstance(each, str) else each for each in (ours, theirs))
    common = [each for each in one if each in other or (each == "integer" and "number" in other)]
    common += [each for each in other if each == "integer" and "number" in one]
    if not common:
        raise _Unsatisfiable
    return common if len(common) > 1 else common[0]


def _string(schema: _Schema, words: str, variant: int) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        for repeats in range(ATTEMPTS):
            text = matching(pattern, repeats, variant)
            if text is not None and least <= len(text) <= most and _searched(pattern, text):
                return text
    known = FORMATS.get(schema.get("format", ""))
    if known is not None:
        return known.replace("1", str(1 + variant % 9), 1) if variant and "uuid" in schema["format"] else known
    text = f"{variant + 1} {words}" if variant else words
    if len(text) < least:
        text = (text + " ") * (least // (len(text) + 1) + 1)
        text = text[:least]
    return text if len(text) <= most else text[: int(most)]


def _number(schema: _Schema, *, whole: bool, variant: int) -> int | float:
    """Near 1, within the limits, and a multiple where one is asked for."""
    step = Fraction(str(schema.get("multipleOf", 1 if whole else 0)))
    if whole and step.denominator > 1:
        step *= step.denominator
    low = _limit(schema, "minimum", "exclusiveMinimum", step)
    high = _limit(schema, "maximum", "exclusiveMaximum", -step)
    wanted = Fraction(1 if whole else Fraction(3, 2)) + variant * (step or 1)
    if low is not None and wanted < low:
        wanted = low + variant * (step or 0)
    if high is not None and wanted > high:
        wanted = high - variant * (step or 0)
        if low is not None and not step:
            wanted = (low + high) / 2
    if step:
        wanted = math.ceil(wanted / step) * step
        if high is not None and wanted > high:
            wanted -= step
    return int(wanted) if whole or wanted.denominator == 1 else float(wanted)


def _limit(schema: _Schema, inclusive: str, exclusive: str, step: Fraction) -> Fraction | None:
    """A limit that may be reached itself. Without a `step` an exclusive one is kept away from by a little."""
    away = step or Fraction(1 if inclusive == "minimum" else -1, 1000)
    found = [Fraction(str(schema[inclusive]))] if inclusive in schema else []
    if isinstance(schema.get(exclusive), int | float) and not isinstance(schema[exclusive], bool):
        found.append(Fraction(str(schema[exclusive])) + away)
    if not found:
        return None
    return max(found) if inclusive == "minimum" else min(found)


def _searched(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _same(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
