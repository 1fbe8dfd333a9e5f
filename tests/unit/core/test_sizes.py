"""Sizes as people read them."""

from __future__ import annotations

import pytest

from qwen_magic.core.sizes import readable_size


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (12_345, "12.3 kB"),
        (639_446_688, "639 MB"),
        (1_600_000_000, "1.6 GB"),
        (2_500_000_000_000, "2500 GB"),
    ],
)
def test_a_size_is_in_the_largest_unit_that_fits(count: int, shown: str) -> None:
    assert readable_size(count) == shown


def test_a_limit_in_units_of_1024_is_round() -> None:
    assert readable_size(150 * 1024 * 1024, kilo=1024) == "150 MB"
    assert readable_size(2 * 1024**3, kilo=1024) == "2.0 GB"
