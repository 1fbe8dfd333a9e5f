"""The relay's limits, without a server."""

from __future__ import annotations

from qwen_magic.relay.rate_limits import Places


def test_one_user_leaves_places_for_the_others() -> None:
    places = Places(16)
    assert [places.take("ann") for _ in range(20)].count(True) == 14
    assert [places.take(user) for user in ("bob", "carol", "dora")] == [True, True, False]
    places.leave("bob")
    assert not places.take("ann")
    assert places.take("dora")


def test_the_only_place_there_is_can_be_taken() -> None:
    places = Places(1)
    assert places.take("ann")
    assert not places.take("bob")
    places.leave("ann")
    assert places.take("ann")
