"""Refuses what looks like a secret, by the name of a file or a variable, or by its content; `--force` overrides it.

One scanner for everything that is sent: files, the text of documents, variables, values in a prompt, the prompt itself
and URLs. The patterns are in `secret_patterns`. Errors name the item, and never the secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from ..core.errors import InputError
from ..core.translatable import _
from ..service.credentials import OTHER_VARIABLE, SERVICE_VARIABLE
from .attachment import Attachment, Extracted
from .secret_patterns import secret_in
from .table_summary import filled_columns

__all__ = [
    "own_keys",
    "refuse_secret_file",
    "refuse_secret_text",
    "refuse_secret_variable",
    "refuse_secrets",
    "unsearched",
]

# Where the usual tools keep keys and passwords, by their own documentation; compared in lower case, from the right.
FILES = (
    *(".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf"),
    *(".pypirc", ".npmrc", ".git-credentials", ".htpasswd", ".s3cfg", ".boto", ".dockercfg", "*_history"),
    *("kubeconfig", "*.kubeconfig", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_*_sk", "*.key", "*.ppk", "*.p12"),
    *(
        "*.pfx",
        "*.jks",
        "*.keystore",
        "*.kdbx",
        ".vault-token",
        "credentials",
        "credentials.json",
        "client_secret*.json",
    ),
    *("service-account*.json", "service_account*.json", "application_default_credentials.json", "kaggle.json"),
    *("secrets.toml", "secrets.yaml", "secrets.yml", "secrets.json", "gh/hosts.yml", "rclone.conf", ".databrickscfg"),
    *(".terraformrc", "*.tfstate", "*.tfvars", ".ossutilconfig", ".renviron", "etc/shadow", "etc/gshadow"),
    *(".docker/config.json", ".store/credentials*", "huggingface/token", ".huggingface/token", "stored_tokens"),
    # Jupyter's: running servers and kernels with their keys, and what cookies are signed with.
    *("jpserver-*.json", "nbserver-*.json", "kernel-*.json", "*_cookie_secret", "jupyter_server_config.json"),
    # This package's: the record of a local engine.
    "qwen_magic/engines/*.json",
)
# Every file in these folders, at any depth.
FOLDERS = {".ssh", ".gnupg", ".aws", ".azure", ".kube", ".dashscope", ".aliyun", ".alibabacloud", ".oci", ".kaggle"}
# Named like the others, and made to be shown.
HARMLESS = ("*.pub", "*.example", "*.sample", "*.template", "*.dist", ".ssh/known_hosts*", ".ssh/authorized_keys")

NAMES = re.compile(
    r"(?:^|[\W_])(?:passw(?:or)?ds?|passwd|passphrase|secrets?|credentials?|(?:api|access|private|secret)_?keys?"
    r"|(?:(?:api|auth|access|refresh|bearer|session|secret)_?)?token)$",
    re.IGNORECASE,
)
# What ends an expression behind the name of a thing: `config["password"]`, `settings.token()`.
ENDING = "\"')]} ("
# In a table this is a column of words; elsewhere it is what lets somebody in.
WORD = "token"
# A shorter "key" may stand anywhere by chance.
SHORTEST_KEY = 12

FORCE = _("If it may leave this machine, ask in a cell with --force.")


def own_keys(more: Iterable[str] = ()) -> tuple[str, ...]:
    """The keys that this package asks with: those of the environment, and `more`."""
    known = (*(os.environ.get(name, "") for name in (SERVICE_VARIABLE, OTHER_VARIABLE)), *more)
    return tuple(key for key in known if len(key) >= SHORTEST_KEY)


def refuse_secret_file(path: Path, name: str) -> None:
    """Raises `InputError` for a file that, by its name or by that of the file it links to, keeps a secret."""
    for each in (Path(os.path.abspath(path)), Path(os.path.realpath(path))):
        lowered = PurePosixPath(each.as_posix().lower())
        named = any(map(lowered.match, FILES)) or not FOLDERS.isdisjoint(lowered.parts[:-1])
        if named and not any(map(lowered.match, HARMLESS)):
            raise InputError(_("{name} looks like a file that keeps secrets.", name=name), FORCE)


def refuse_secrets(attachment: Attachment, keys: Iterable[str]) -> None:
    """Raises `InputError` for an attachment with a secret in it, in its text or among the columns of a table.

    Of a document, the extracted text is searched.
    """
    keys = tuple(keys)
    if attachment.form == "document":
        refuse_secret_text(_text_of(attachment), attachment.name, keys)
    elif attachment.form != "image":
        refuse_secret_text(attachment.data, attachment.name, keys)
    else:
        refuse_secret_text(b"", attachment.name, keys)
    named = next(filter(_is_secret_column, _columns_of(attachment)), None)
    if named is not None:
        raise InputError(
            _("{name} has a column called {named}, which looks like a secret.", name=attachment.name, named=named),
            FORCE,
        )


def refuse_secret_text(text: bytes | str, name: str, keys: Iterable[str]) -> None:
    """Raises `InputError` for a text with a secret in it, or one of `keys`. `name` is what the text is called."""
    keys = tuple(keys)
    found = secret_in(name.encode("utf-8", "replace"), keys)
    if found is not None:
        raise InputError(_("The name of what you attach holds what looks like a secret."), FORCE)
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    found = secret_in(data, keys)
    if found is None:
        return
    line = data.count(b"\n", 0, found.position) + 1
    match found.kind:
        case "private":
            raise InputError(_("{name} holds a private key, in line {line}.", name=name, line=line), FORCE)
        case "own":
            raise InputError(_("{name} holds the key that you ask with, in line {line}.", name=name, line=line), FORCE)
        case "account":
            raise InputError(
                _("{name} holds the credentials of an account, in line {line}.", name=name, line=line), FORCE
            )
        case "url":
            raise InputError(
                _("{name} holds a URL with a password or a signature in it, in line {line}.", name=name, line=line),
                FORCE,
            )
        case "name":
            raise InputError(
                _(
                    "{name} gives a value to {found}, which looks like a secret, in line {line}.",
                    name=name,
                    found=found.name,
                    line=line,
                ),
                FORCE,
            )
    raise InputError(
        _("{name} holds what looks like a key of {found}, in line {line}.", name=name, found=found.name, line=line),
        FORCE,
    )


def refuse_secret_variable(name: str, value: Any) -> None:
    """Raises `InputError` for a variable, or the value of an expression, that is called like a secret and has one."""
    if NAMES.search(name.rstrip(ENDING)) and value and isinstance(value, str | bytes | list | tuple | dict):
        raise InputError(_("{name} is called like a secret.", name=name), FORCE)


def _columns_of(attachment: Attachment) -> Iterable[str]:
    """The names of a table's columns of which values are sent."""
    if attachment.form == "description":
        return filled_columns(attachment.text)
    if attachment.language == "csv":
        from .csv_files import filled_columns as filled

        return filled(attachment.text)
    return ()


def _is_secret_column(name: str) -> bool:
    return bool(NAMES.search(name)) and name.casefold() != WORD


def _text_of(document: Attachment) -> bytes:
    """The text that was extracted from a document; a notebook's as it is in the file, too."""
    raw = document.data if _is_json(document) else b""
    if not isinstance(document.extracted, Extracted):  # a scan, a missing extra: whoever needs the text says so
        return raw
    return document.extracted.text.encode("utf-8", "replace") + b"\n" + raw


def unsearched(attachment: Attachment) -> str:
    """A note on the part of a document that `refuse_secrets` could not search; "" if it searched everything."""
    if attachment.form != "document" or _is_json(attachment):
        return ""
    if not isinstance(attachment.extracted, Extracted):
        return _("not searched for secrets")
    if not attachment.extracted.more:
        return ""
    return _("searched for secrets in its first {count:,} characters", count=len(attachment.extracted.text))


def _is_json(document: Attachment) -> bool:
    return document.mime.endswith("json")
