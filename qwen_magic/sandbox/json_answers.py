"""Answers in JSON: by the schema of the request, or by one in its messages; and the mistakes of such answers.

A directive applies to the question that has it, and to those that ask again because of its answer; one with a number
applies to the first N of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .chat_request import Chat
from .directives import Play, play
from .schema_examples import example
from .service_errors import wrong

__all__ = ["as_asked", "check_told", "wants_json"]

# The questions after a directive that it still applies to: clients ask again a few times.
LATER = 3
HOLDS_ALWAYS = ("json-ignore", "json-refuse", "json-fence", "json-repeat", "json-blank", "json-think", "json-rows")
# What a model writes that cannot stop: longer than any answer that is waited for, in characters.
BLANK = 20_000
# Words that announce a schema in a prompt.
ANNOUNCED = re.compile(r"\bJSON\s*schema\b|\bschema\b.{0,200}\bJSON\b|\bJSON\b.{0,200}\bschema\b", re.I | re.S)
MOST_OBJECTS = 5


def _format_kind(chat: Chat) -> str:
    return str(chat.option("response_format", {}).get("type", "text"))


def _told(chat: Chat) -> Play:
    """The directives about JSON that apply: those of the question, or of the one that it repeats."""
    numbers: dict[str, float] = {}
    for later, message in enumerate(reversed(chat.users[-LATER:])):
        script = play(message.text)
        numbers = {word: script.number(word) for word in HOLDS_ALWAYS if word in script}
        numbers |= {
            word: 0.0 for word in ("json-wrong", "json-empty") if word in script and script.number(word) > later
        }
        if any(word.startswith("json-") for word in script.numbers) or _has_schema(message.text):
            break
    return Play(numbers)


def check_told(chat: Chat) -> None:
    """Raise `Refusal` if a directive refuses the response format, as the service does for some models."""
    script, kind = _told(chat), _format_kind(chat)
    refused = ("text", "json_schema", "json_object").index(kind) if kind != "text" else 0
    if "json-refuse" in script and 0 < refused <= script.number("json-refuse"):
        raise wrong(f"The model does not support response_format of type '{kind}'.")


def wants_json(chat: Chat) -> bool:
    """Whether the answer is to be JSON."""
    if "json-ignore" in _told(chat):
        return False
    return _format_kind(chat) != "text" or _schema_in_words(chat) is not None


def as_asked(chat: Chat, otherwise: Mapping[str, Any]) -> str:
    """The answer as JSON text; `otherwise` is the answer without a schema."""
    form, script = chat.option("response_format", {}), _told(chat)
    schema = (
        form.get("json_schema", {}).get("schema", {}) if form.get("type") == "json_schema" else _schema_in_words(chat)
    )
    if schema is None:
        return json.dumps(otherwise, ensure_ascii=False, indent=2)
    if "json-rows" in script:
        schema = _with_rows(schema, int(script.number("json-rows")))
    value = example(schema, _words_of(chat))
    text = json.dumps(_spoiled(value) if "json-wrong" in script else value, ensure_ascii=False)
    if "json-empty" in script:
        return ""
    if "json-fence" in script:
        return f"Here is the data that you asked for:\n\n```json\n{text}\n```\n\nIs there anything else?"
    if "json-repeat" in script:
        return f"{text}\n{text}\n{text}"
    if "json-blank" in script and form:
        return text[:-1] + " " * BLANK
    return f"<think>\nWhat would a simulator think?\n</think>\n\n{text}" if "json-think" in script else text


def _words_of(chat: Chat) -> str:
    """The first paragraph of the question that the schema came with."""
    with_schema = (each.text for each in reversed(chat.users) if _has_schema(each.text))
    asked = next(with_schema, chat.question)
    return play(asked).rest.strip().partition("\n\n")[0]


def _with_rows(schema: Any, rows: int) -> Any:
    """The schema with so many elements in its first list."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    for name, field in properties.items():
        if isinstance(field, dict) and field.get("type") == "array":
            return schema | {"properties": properties | {name: field | {"minItems": rows}}}
    return schema


def _schema_in_words(chat: Chat) -> Any:
    """The last JSON schema that stands in a message and is called so; `None` where there is none."""
    for message in reversed(chat.messages):
        if message.role in ("system", "user") and ANNOUNCED.search(message.text):
            found = [each for each in _objects_in(message.text) if _is_schema(each)]
            if found:
                return found[-1]
    return None


def _objects_in(text: str) -> Iterator[Any]:
    at = 0
    for _ in range(MOST_OBJECTS):
        at = text.find("{", at)
        if at < 0:
            return
        try:
            value, at = json.JSONDecoder().raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            at += 1


def _has_schema(text: str) -> bool:
    """Whether a message brings a schema along, and so is a question of its own."""
    return any(map(_is_schema, _objects_in(text)))


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) and not {"properties", "items", "$ref", "anyOf", "enum"}.isdisjoint(value)


def _spoiled(value: Any) -> Any:
    """The value with one mistake that models make: words where a number, a truth value or a list should be."""
    if isinstance(value, list):
        return [_spoiled(each) for each in value]
    if not isinstance(value, dict) or not value:
        return ["wrong"]
    for name, each in value.items():
        if not isinstance(each, str):
            return value | {name: _spoiled(each) if isinstance(each, dict | list) and each else "wrong"}
    return {f"{next(iter(value))}_": "wrong"}
