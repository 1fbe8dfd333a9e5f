"""Classes that answers as data are made of."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import NotRequired, TypedDict

__all__ = ["City", "Person"]


@dataclass
class Person:
    name: str
    age: int
    born: datetime.date | None = None


class City(TypedDict):
    name: str
    size: NotRequired[int]
    country: str
