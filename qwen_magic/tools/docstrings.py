"""A docstring as a model can use it: what the function does, and what each argument is. Any of the usual styles.

Not for the types of arguments: an annotation says more, and is checked.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Documented", "documented"]

# Types as people write them in docstrings, where there is no annotation.
TYPES: Mapping[str, type] = {
    **dict.fromkeys(("str", "string"), str),
    **dict.fromkeys(("int", "integer"), int),
    **dict.fromkeys(("float", "number"), float),
    **dict.fromkeys(("bool", "boolean"), bool),
    "list": list,
    "dict": dict,
}


@dataclass(frozen=True, slots=True)
class Documented:
    """What a docstring says; `arguments` and `types` are by the names of the arguments."""

    text: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, type] = field(default_factory=dict)


def documented(docstring: str | None) -> Documented:
    """What a docstring of NumPy's, Google's, Sphinx's or Epydoc's style says; of no style, all of it is the text."""
    if not docstring or not docstring.strip():
        return Documented()
    from docstring_parser import ParseError, parse

    try:
        found = parse(docstring)
    except ParseError:  # a section that is not what its style says
        return Documented(inspect.cleandoc(docstring))
    gap = "\n\n" if found.blank_after_short_description else "\n"
    text = gap.join(filter(None, (found.short_description, found.long_description)))
    returned = found.returns.description if found.returns and found.returns.description else ""
    arguments = {each.arg_name.lstrip("*"): each for each in found.params}
    return Documented(
        "\n\n".join(filter(None, (text, returned and f"Returns: {returned}"))),
        {name: " ".join(each.description.split()) for name, each in arguments.items() if each.description},
        {name: TYPES[kind] for name, each in arguments.items() if (kind := each.type_name or "") in TYPES},
    )
