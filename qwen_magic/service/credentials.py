"""Looks up keys, in this order: this session, the environment, Colab's user data, the system keyring.

The keyring is used where the package `keyring` is installed and has a real backend. A key is neither a trait nor an
option, so that no notebook, configuration file or dry run contains it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..core.errors import ConfigurationError, NoKey
from ..core.translatable import _

__all__ = ["KEY_PAGE", "Credentials", "FoundKey", "KeyLookup", "Secret", "display_name", "no_key", "ways_on"]

# The account of the service itself; messages call it `SERVICE_NAME`. The name of its variable is the service's own.
SERVICE = "dashscope"
SERVICE_NAME = _("the Qwen service (Alibaba Cloud Model Studio)")
SERVICE_VARIABLE = "DASHSCOPE_API_KEY"
# The key for any other endpoint.
OTHER_VARIABLE = "QWEN_API_KEY"
KEYRING_NAME = "qwen_magic"

# The service's docs, "Get an API key" (Mar 2026): the console's home, the region at the top right, the page "API Key".
KEY_PAGE = _(
    "the page “API Key” of the console (bailian.console.aliyun.com in China, "
    "modelstudio.console.alibabacloud.com elsewhere; choose the region at the top right)"
)
WAYS_ON = _(
    "Three ways on: make a key on {key_page}, then %qwen login (or set DASHSCOPE_API_KEY); "
    "%qwen use local, ollama or another local server for a Qwen on this machine; %qwen use "
    "sandbox to try everything offline.",
    key_page=KEY_PAGE,
)
OTHER_WAYS = _(
    "%qwen login asks for it, or set {other_variable}. The service's own key goes to its own hosts only.",
    other_variable=OTHER_VARIABLE,
)


class Secret:
    """A key that no `repr`, pickle or `asdict()` contains; only `reveal()` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself, for the header of a request."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __repr__(self) -> str:
        return f"Secret(…{self._value[-4:]})" if len(self._value) > 11 else "Secret(…)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("A key is not pickled.")


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, and the place where it was found."""

    secret: Secret
    source: str


@dataclass(frozen=True, slots=True)
class KeyLookup:
    """The result of looking up an account's key: the key, or the `error` to raise where one is needed.

    Made by `Credentials.look_up`, once for each question, and carried by its `Endpoint`. A value, so that a missing key
    is no error for a local server or a dry run.
    """

    found: FoundKey | None = None
    error: ConfigurationError | None = None

    @property
    def secret(self) -> Secret | None:
        """The key, if there is one."""
        return self.found.secret if self.found else None


class Credentials:
    """The keys of one shell, by account: `dashscope`, or the host of another endpoint."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._session: dict[str, Secret] = {}

    def look_up(self, account: str) -> KeyLookup:
        """The key for `account`, or the error. May read the system keyring; never prompts the user."""
        try:
            found = self._look_for(account)
        except _Unreadable as reason:
            happened = _(
                "There is no key for {name} but perhaps in the system keyring, which cannot be read ({reason}).",
                name=display_name(account),
                reason=reason,
            )
            return KeyLookup(error=NoKey(happened, ways_on(account)))
        except ConfigurationError as error:
            return KeyLookup(error=error.with_traceback(None))  # its frames hold what was found
        return KeyLookup(found) if found is not None else KeyLookup(error=no_key(account))

    def find(self, account: str) -> FoundKey | None:
        """The key for `account`, or `None`, also when the system keyring cannot be read. Never prompts the user.

        Raises `ConfigurationError` for a value that cannot be a key.
        """
        looked_up = self.look_up(account)
        if looked_up.error is not None and not isinstance(looked_up.error, NoKey):
            raise looked_up.error
        return looked_up.found

    def require(self, account: str) -> Secret:
        """The key for `account`. Raises `NoKey` if there is none, and `ConfigurationError` as `find` does."""
        looked_up = self.look_up(account)
        if looked_up.found is None:
            raise looked_up.error or no_key(account)
        return looked_up.found.secret

    def _look_for(self, account: str) -> FoundKey | None:
        places: tuple[tuple[str, Callable[[str], str | None]], ...] = (
            (_("this session"), lambda account: self._session[account].reveal() if account in self._session else None),
            (
                _("the environment ({variable})", variable=_variable(account)),
                lambda account: self._environment.get(_variable(account)),
            ),
            (_("Colab's user data"), lambda account: _from_colab(_variable(account))),
            (_("the system keyring"), _from_keyring),
        )
        for source, look in places:
            value = (look(account) or "").strip()
            if value:
                return FoundKey(Secret(_sendable(value, source)), source)
        return None

    def remember(self, account: str, value: str) -> str:
        """Store a key in this session and, if there is one, in the system keyring. Returns the places for display."""
        secret = Secret(_sendable(value.strip(), _("what was typed")))
        self._session[account] = secret
        try:
            with _readable_keyring() as keyring:
                if keyring is None:
                    return _("this session only (install qwen_magic[keyring] to keep it in the system's keyring)")
                keyring.set_password(KEYRING_NAME, account, secret.reveal())
        except _Unreadable as reason:
            return _("this session only (the system keyring cannot be used: {reason})", reason=reason)
        return _("the system keyring")

    def remember_for_session(self, account: str, value: str) -> None:
        """Store a key in this session only."""
        self._session[account] = Secret(value)

    def forget(self, account: str) -> tuple[str, ...]:
        """Delete a key from this session and the system keyring. Returns the places where it was.

        An environment variable stays, and is not among them. Raises `ConfigurationError` when the keyring cannot be
        used and may still have the key.
        """
        gone = []
        if self._session.pop(account, None):
            gone.append(_("this session"))
        try:
            with _readable_keyring() as keyring:
                if keyring is not None and keyring.get_password(KEYRING_NAME, account):
                    keyring.delete_password(KEYRING_NAME, account)
                    gone.append(_("the system keyring"))
        except _Unreadable as reason:
            raise ConfigurationError(
                _("The system keyring cannot be used ({reason}).", reason=reason),
                _("Unlock it, and %qwen logout again."),
            ) from None
        return tuple(gone)


def display_name(account: str) -> str:
    """The account's name in messages."""
    return SERVICE_NAME if account == SERVICE else account


def no_key(account: str) -> NoKey:
    """The error for a missing key of `account`."""
    return NoKey(
        _("There is no key for {value}.", value=SERVICE_NAME if account == SERVICE else account), ways_on(account)
    )


def ways_on(account: str) -> str:
    """The remedy for a missing key of `account`."""
    return WAYS_ON if account == SERVICE else OTHER_WAYS


def _variable(account: str) -> str:
    """The environment variable that holds the account's key."""
    return SERVICE_VARIABLE if account == SERVICE else OTHER_VARIABLE


def _sendable(value: str, source: str) -> str:
    """`value`, if it can stand in an HTTP header; the error never shows it."""
    if value and value.isascii() and value.isprintable() and " " not in value:
        return value
    raise ConfigurationError(
        _("The key from {source} cannot be one: it is empty, or holds spaces or letters outside ASCII.", source=source),
        _("Copy it again from the service's console."),
    )


def _from_colab(name: str) -> str | None:
    """The secret called `name` of Colab's sidebar, when this is Colab and the notebook may read it."""
    try:
        from google.colab import userdata  # type: ignore[import-not-found]  # only there
    except ImportError:
        return None
    try:
        value = userdata.get(name)
    except Exception:  # its errors have no common class: not there, or not granted to this notebook
        return None
    return value if isinstance(value, str) else None


def _from_keyring(account: str) -> str | None:
    with _readable_keyring() as keyring:
        value = keyring.get_password(KEYRING_NAME, account) if keyring else None
    return value if isinstance(value, str) else None


class _Unreadable(Exception):
    """The system keyring cannot be used: it is locked, or its service does not run. Has the reason as text."""


@contextmanager
def _readable_keyring() -> Iterator[Any]:
    """The system's keyring, or `None`: not installed, or without a backend that can keep anything.

    Raises `_Unreadable` for whatever fails in the block.
    """
    try:
        import keyring
    except ImportError:
        yield None
        return
    try:
        backend = keyring.get_keyring()
        yield backend if backend.priority >= 1 else None
    except Exception as error:  # backends raise errors of their own, beside the package's KeyringError
        raise _Unreadable(" ".join(str(error).split()) or type(error).__name__) from None
