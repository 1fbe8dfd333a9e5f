"""What looks like a secret: by the name of a file or a variable, and by what is in it. Refused, unless forced."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..credentials import OTHER_VARIABLE, SERVICE_VARIABLE
from ..errors import InputError

__all__ = ["own_keys", "refuse_secret_content", "refuse_secret_file", "refuse_secret_variable"]

# Where the usual tools keep keys and passwords, by their own documentation; compared in lower case, from the right.
FILES = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pgpass", ".my.cnf", ".pypirc", ".npmrc"),
    *(".git-credentials", ".htpasswd", ".s3cfg", ".boto", ".dockercfg", ".vault-token", "kubeconfig", "*.kubeconfig"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_*_sk", "*.ppk", "*.p12", "*.pfx", "*.jks", "*.keystore"),
    *("*.kdbx", "credentials.json", "client_secret*.json", "service-account*.json", "service_account*.json"),
    *("application_default_credentials.json", "secrets.toml", "secrets.yaml", "secrets.yml", "secrets.json"),
    *(".ssh/*", ".gnupg/*", ".aws/*", ".azure/*", ".kube/*", ".dashscope/*", ".docker/config.json", "gh/hosts.yml"),
    *(".cargo/credentials*", ".huggingface/token", "huggingface/token", "etc/shadow", "etc/gshadow"),
)
# Named like the others, and made to be shown.
HARMLESS = ("*.pub", "*.example", "*.sample", "*.template", "*.dist", ".ssh/known_hosts*", ".ssh/authorized_keys")

PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|^PuTTY-User-Key-File-", re.MULTILINE)
ACCOUNT = re.compile(r'"type"\s*:\s*"(?:service_account|authorized_user)"')
KUBECONFIG = re.compile(r"^kind:\s*Config\b(?=.*^\s*(?:client-key-data|token):)", re.MULTILINE | re.DOTALL)

# The forms of keys: this service's, Alibaba Cloud's, and those of the services that a notebook most often uses.
KEYS = re.compile(
    r"\bsk-(?:\w+-){0,3}[A-Za-z0-9_]{20,}|\bLTAI[A-Za-z0-9]{12,}|\bAKIA[A-Z0-9]{16}\b|\bgh[opsu]_[A-Za-z0-9]{36}"
    r"|\bgithub_pat_\w{22,}|\bhf_[A-Za-z0-9]{30,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}"
)
NAMES = re.compile(
    r"(?:^|_)(?:passw(?:or)?ds?|passphrase|secrets?|credentials?|(?:api|access|private|secret)_?keys?"
    r"|(?:(?:api|auth|access|refresh|bearer|session|secret)_?)?token)$",
    re.IGNORECASE,
)
# In a table this is a column of words; elsewhere it is what lets somebody in.
WORD = "token"
# A shorter "key" may stand anywhere by chance.
SHORTEST_KEY = 12

FORCE = "Attach it with --force if it may leave this machine."


def own_keys(more: Iterable[str] = ()) -> tuple[str, ...]:
    """The keys that this package asks with: those of the environment, and `more`."""
    known = (*(os.environ.get(name, "") for name in (SERVICE_VARIABLE, OTHER_VARIABLE)), *more)
    return tuple(key for key in known if len(key) >= SHORTEST_KEY)


def refuse_secret_file(path: Path, name: str) -> None:
    """Raises `InputError` for a file that, by its name or by that of the file it links to, keeps a secret."""
    for each in (Path(os.path.abspath(path)), Path(os.path.realpath(path))):
        lowered = PurePosixPath(each.as_posix().lower())
        if any(map(lowered.match, FILES)) and not any(map(lowered.match, HARMLESS)):
            raise InputError(f"{name} looks like a file that keeps secrets.", FORCE)


def refuse_secret_content(text: str, name: str, keys: Iterable[str]) -> None:
    """Raises `InputError` for a private key, an account's credentials, or one of `keys`."""
    if PRIVATE_KEY.search(text):
        raise InputError(f"{name} holds a private key.", FORCE)
    if any(key in text for key in keys):
        raise InputError(f"{name} holds the key that you ask with.", FORCE)
    if ACCOUNT.search(text) or KUBECONFIG.search(text):
        raise InputError(f"{name} holds the credentials of an account.", FORCE)


def refuse_secret_variable(name: str, value: Any, text: str, keys: Iterable[str]) -> None:
    """Raises `InputError` for a variable that is called like a secret, has a field called so, or shows a key."""
    refuse_secret_content(text, name, keys)
    if KEYS.search(text):
        raise InputError(f"{name} holds what looks like a key.", FORCE)
    if NAMES.search(name) and isinstance(value, str | bytes | list | tuple | dict):
        raise InputError(f"{name} is called like a secret.", FORCE)
    named = next(filter(NAMES.search, fields(value)), None)
    if named is not None:
        raise InputError(f"{name} has a field called {named}, which looks like a secret.", FORCE)


def fields(value: Any) -> Iterator[str]:
    """The names of what is in a mapping or a table."""
    if isinstance(value, Mapping):
        yield from map(str, value)
    elif all(hasattr(type(value), each) for each in ("columns", "dtypes", "shape")):
        yield from (each for each in map(str, value.columns) if each.casefold() != WORD)
