"""Finds secrets in a text: keys of known services, private keys, passwords in assignments and in URLs.

The table is ours. detect-secrets 1.5 takes over 5 seconds for a megabyte (line by line, all plugins without the entropy
ones), and has no form for the keys of this service, Alibaba Cloud or Hugging Face. Here every pattern begins with
fixed bytes that `bytes.find` looks for, and is bounded in length: the time is linear in the text, some 60 ms for a
megabyte. Not for the names of files and variables: see `secret_scanner`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.translatable import _

__all__ = ["FoundSecret", "secret_in"]


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A secret in a text: what it is, of which service or under which name, and where. Never the secret itself."""

    kind: str
    name: str = ""
    position: int = 0


@dataclass(frozen=True, slots=True)
class _SecretForm:
    """The keys of a service: they begin with one of `marks`, and have the form of `pattern`."""

    service: str
    marks: tuple[bytes, ...]
    pattern: re.Pattern[bytes]


def _form(service: str, marks: str, rest: str) -> _SecretForm:
    """Keys that begin with one of the words of `marks`, not in the middle of a word, and go on with `rest`."""
    words = tuple(marks.split())
    beginning = "|".join(map(re.escape, words))
    return _SecretForm(
        service,
        tuple(map(str.encode, words)),
        re.compile(rf"(?<![A-Za-z0-9_])(?:{beginning}){rest}(?![A-Za-z0-9])".encode()),
    )


# Each form by its service's own documentation, as of Oct 2026; where that shows a prefix only, the length is one that
# no word of a language reaches.
FORMS = (
    # "Base URL and API key": sk-…, sk-ws-…, sk-sp-…. OpenAI, Anthropic, DeepSeek and OpenRouter begin theirs like that.
    _form(_("a model service"), "sk-", r"[A-Za-z0-9_\-]{20,250}"),
    _form("Alibaba Cloud", "LTAI", r"[A-Za-z0-9]{12,26}"),  # "Create an AccessKey pair"
    _form("ModelScope", "ms-", r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),  # "Access tokens"
    _form("AWS", "AKIA ASIA", r"[A-Z0-9]{16}"),  # "IAM identifiers"
    _form("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{36}"),  # "Behind GitHub's new token formats"
    _form("GitHub", "github_pat_", r"\w{22,255}"),
    _form("GitLab", "glpat- gldt- glrt- glptt- glcbt-", r"[\w\-]{20,128}"),  # "Token overview", prefixes
    _form("Hugging Face", "hf_", r"[A-Za-z0-9]{30,64}"),  # "User access tokens"
    _form("Google", "AIza", r"[\w\-]{35}"),  # "API keys"
    _form("Google", "GOCSPX- ya29.", r"[\w\-.]{20,255}"),  # "Using OAuth 2.0"
    _form("Slack", "xoxb- xoxp- xoxa- xoxr- xoxs- xoxe- xapp-", r"[\w\-]{10,255}"),  # "Token types"
    _form("Slack", "hooks.slack.com/services/", r"[\w/]{20,100}"),  # "Sending messages using incoming webhooks"
    _form("Stripe", "sk_live_ rk_live_ sk_test_ rk_test_", r"[A-Za-z0-9]{16,255}"),  # "API keys"
    _form("PyPI", "pypi-AgE", r"[\w\-]{30,255}"),  # "API tokens": a macaroon in base64
    _form("npm", "npm_", r"[A-Za-z0-9]{36}"),  # "About access tokens"
    _form("Kaggle", "KGAT_", r"[A-Za-z0-9]{20,64}"),  # "API tokens"
    _form("Groq", "gsk_", r"[A-Za-z0-9]{40,80}"),
    _form("Replicate", "r8_", r"[A-Za-z0-9]{37,40}"),
    _form("xAI", "xai-", r"[A-Za-z0-9]{60,100}"),
    _form("Perplexity", "pplx-", r"[A-Za-z0-9]{32,64}"),
    _form("NVIDIA", "nvapi-", r"[\w\-]{40,100}"),
    _form("Databricks", "dapi", r"[0-9a-f]{32}(?:-\d)?"),  # "Personal access tokens"
    _form("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", r"[0-9a-f]{64}"),
    _form("Docker", "dckr_pat_", r"[\w\-]{20,64}"),
    _form("SendGrid", "SG.", r"[\w\-]{22}\.[\w\-]{43}"),
    _form("Shopify", "shpat_ shpss_ shpca_", r"[0-9a-fA-F]{32}"),
    _form("Vault", "hvs. hvb.", r"[\w\-]{24,255}"),  # "Tokens", prefixes
    _form("Grafana", "glsa_ glc_", r"[\w=+/]{32,400}"),
    _form("age", "AGE-SECRET-KEY-1", r"[A-Z0-9]{58}"),
    _form(_("a login (a JSON Web Token)"), "eyJ", r"[\w\-]{10,2000}\.eyJ[\w\-]{10,4000}\.[\w\-]{10,1000}"),  # RFC 7519
)

# A key is made at random: a long run of it has letters and digits, which words and file names do not have.
RUN = re.compile(rb"(?=[A-Za-z]{0,60}\d)(?=\d{0,60}[A-Za-z])[A-Za-z0-9_]{12}")
# What stands in documentation in the place of a key.
SHOWN = re.compile(rb"x{6}|\*{3}|your|example|([A-Za-z0-9])\1{9}", re.IGNORECASE)

PRIVATE_KEY = re.compile(
    # Behind the first line: line ends, also as a string of a program or of JSON has them, and the headers of RFC 1421.
    rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    rb"(?>\\+[nr]|\s|[\"'+()]|[A-Z][A-Za-z-]{1,20}: [^\n\\]{0,80}){0,60}+[A-Za-z0-9+/=]{16}"
)
PUTTY_KEY = re.compile(rb"PuTTY-User-Key-File-\d: ")
ACCOUNT = re.compile(rb'"type"\s{0,9}:\s{0,9}"(?:service_account|authorized_user)"')
KUBECONFIG = re.compile(rb"^kind:[ \t]{0,9}Config\b", re.MULTILINE)
KUBECONFIG_KEY = re.compile(rb"^[ \t-]{0,40}(?:client-key-data|token):", re.MULTILINE)
NETRC = re.compile(rb"machine\s{1,9}\S{1,200}\s{1,9}login\s{1,9}\S{1,200}\s{1,9}password\s{1,9}\S")
BEARER = re.compile(
    rb"authorization\\?[\"']?\s{0,4}[:=,]\s{0,4}\\?[\"']?(?:bearer|basic|token)\s{1,4}(?P<value>[\w.~+/=\-]{12,4000})",
    re.IGNORECASE,
)

# RFC 3986, 3.2.1: user information in front of a host. A dot or a colon alone is no password.
URL_PASSWORD = re.compile(
    rb"://(?P<user>[^\s/?#@:\"'<>\[\]]{0,64}):(?P<value>[^\s/?#@\"'<>\[\]]{3,200})@[A-Za-z0-9\[$]"
)
# The signatures of links that let anybody in: AWS's and Google's query parameters, and Azure's.
URL_SIGNATURE = re.compile(
    rb"[?&;](?P<name>x-amz-signature|x-amz-security-token|x-goog-signature|sig|signature)=(?P<value>[\w%+/=\-]{20,400})",
    re.IGNORECASE,
)

# The beginnings of the names that a secret is given to, in lower case.
NAMED = (b"passw", b"passphrase", b"pwd", b"secret", b"credential", b"token", b"key")
# Such a name, and what is given to it.
ASSIGNED = re.compile(
    rb"""(?P<word>(?P<password>passw(?:or)?ds?|passwd|passphrase|pwd)|(?P<token>tokens?)|(?P<key>keys?)
      |secrets?|credentials?)
    \\{0,3}["'`]?\]?[ \t]{0,8}
    (?::[ \t]{0,4}[\w\[\]|.]{1,30}[ \t]{0,4}(?==))?      # a type
    (?P<sign>=>|:=|=(?!=)|:(?!:))(?P<space>\s{0,8})
    (?:[\[(]\s{0,40})?
    (?:[bruf]{0,2}(?P<quote>\\{0,3}["'`])(?P<quoted>[^"'`\s\\]{3,200}+)(?P=quote)
      |(?P<bare>[^\s"'`,;&(){}\[\]<>\\]{4,200}+)(?![(\[{]))""",
    re.IGNORECASE | re.VERBOSE,
)
# What makes a secret of something that is called a key.
SECRET_KEY = re.compile(
    rb"(?:api|access|private|secret|account|storage|signing|encryption|auth|master|client|app|shared)[_-]?$", re.I
)
# What a name may be made of, how much of it is read, and what may stand before it in a file of settings.
NAME = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
LONGEST_NAME = 60
SETTING = (b"", b"export", b"set", b"env", b"ENV")

PLACEHOLDER = re.compile(
    rb"""your|my[_-]|example|sample|placeholder|change.?me|dummy|fake|mock|todo|insert|replace|redact|hidden|here$
      |x{3}|\*\*|\.\.\.|\xe2\x80\xa6|^[$%@~]|^0x|tiger|^(?=[a-z_]*\Z)[a-z_]*password|^\.{0,2}/|\$\{|\$\(|\{\{|^\{.*\}$|^<.*>$|://|^arn:|^env[:.]|^vault:
      |^(?:pass(?:word|wd|phrase)?s?|pwd|secrets?|tokens?|api[_-]?keys?|credentials?|str(?:ing)?|text|bytes|bool|int(?:eger)?
        |none|null|nil|true|false|undefined|empty|unset|required|optional|default|inherit|prompt|user(?:name)?|admin|test
        |postgres|root|guest|object|field|password[_-]?\d?)$""",
    re.IGNORECASE | re.VERBOSE,
)
# The name of a variable of the environment, in which the secret is.
ENVIRONMENT_NAME = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
# A name or an attribute in a program.
IDENTIFIER, ATTRIBUTE = re.compile(rb"[A-Za-z_]\w*"), re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def secret_in(data: bytes, keys: tuple[str, ...] = ()) -> FoundSecret | None:
    """The first secret in a UTF-8 text, the most certain kinds first; each of `keys` is a secret, whatever its form."""
    for look in (
        _private_key,
        lambda data: _known_key(data, keys),
        _account,
        _service_key,
        _in_url,
        _bearer,
        _assigned,
    ):
        finding = look(data)
        if finding is not None:
            return finding
    return None


def _private_key(data: bytes) -> FoundSecret | None:
    found = next(_matches(data, b"-----BEGIN ", PRIVATE_KEY), None) or next(_matches(data, b"PuTTY-", PUTTY_KEY), None)
    return FoundSecret("private", position=found.start()) if found else None


def _known_key(data: bytes, keys: tuple[str, ...]) -> FoundSecret | None:
    found = next((at for key in keys if (at := data.find(key.encode())) >= 0), None)
    return None if found is None else FoundSecret("own", position=found)


def _account(data: bytes) -> FoundSecret | None:
    found = next(_matches(data, b'"type"', ACCOUNT), None) or next(_matches(data, b"machine", NETRC), None)
    if not found and b"kind:" in data and KUBECONFIG_KEY.search(data):
        found = KUBECONFIG.search(data)
    return FoundSecret("account", position=found.start()) if found else None


def _service_key(data: bytes) -> FoundSecret | None:
    for each in FORMS:
        for mark in each.marks:
            if mark not in data:  # beginning a search takes twenty times as long, and there are many marks
                continue
            for found in _matches(data, mark, each.pattern):
                if RUN.search(found[0], len(mark)) and not SHOWN.search(found[0]):
                    return FoundSecret("key", each.service, found.start())
    return None


def _in_url(data: bytes) -> FoundSecret | None:
    for found in _matches(data, b"://", URL_PASSWORD):
        if found["value"] != found["user"] and not _is_placeholder(found["value"]):
            return FoundSecret("url", position=found.start())
    for mark in (b"?", b"&", b";"):
        if mark + b"sig" in data or b"-Sig" in data or b"-sig" in data or b"-Sec" in data:
            for found in _matches(data, mark, URL_SIGNATURE):
                if RUN.search(found["value"]):
                    return FoundSecret("url", position=found.start())
    return None


def _bearer(data: bytes) -> FoundSecret | None:
    for found in BEARER.finditer(data):
        if RUN.search(found["value"]) and not _is_placeholder(found["value"]):
            return FoundSecret("name", "Authorization", found.start())
    return None


def _assigned(data: bytes) -> FoundSecret | None:
    """A name such as `password` or `api_key` with a value that is written out."""
    lowered = data.lower()
    found = (each for mark in NAMED for each in _matches(data, mark, ASSIGNED, within=lowered))
    return next(filter(None, map(_in_assignment, found)), None)


def _in_assignment(found: re.Match[bytes]) -> FoundSecret | None:
    value = found["quoted"] or found["bare"]
    line = found.string[max(0, found.start() - LONGEST_NAME) : found.start()].rpartition(b"\n")[2]
    before = line.rstrip(NAME)
    name = line[len(before) :] + found["word"]
    if found["key"] and not SECRET_KEY.search(line):
        return None
    is_setting = before.strip(b" \t\"'-") in SETTING and name.isupper() and not found["space"]
    if not _is_written_out(found, value, is_setting) or _is_placeholder(value):
        return None
    return FoundSecret("name", name.decode("ascii", "replace"), found.start())


def _is_written_out(found: re.Match[bytes], value: bytes, is_setting: bool) -> bool:
    """Whether the assigned value is a secret itself, and not an expression that reads one.

    `is_setting`: the line is one of a file of settings, `NAME=value`. Words are called tokens as well, hence they have
    to look like a key.
    """
    if not value.isascii() or (ATTRIBUTE.fullmatch(value) and not found["quoted"]):
        return False
    if found["token"]:
        return _is_random(value)
    digits = any(each in b"0123456789" for each in value)
    if found["password"] and (found["quoted"] or is_setting):
        return True
    if found["quoted"] or is_setting:
        return len(value) >= 8 and digits and not value.isdigit()
    if IDENTIFIER.fullmatch(value):
        return _is_random(value) or (bool(found["password"]) and digits and found["sign"] == b":")
    if found["password"]:
        return digits and len(value) >= 5
    return digits and len(value) >= 8 and not value.isdigit()


def _is_random(value: bytes) -> bool:
    """Whether it has a run that is longer, and has more digits, than a name."""
    runs = re.findall(rb"[A-Za-z0-9+/=]{16,}", value)
    return any(sum(48 <= each <= 57 for each in run) >= 2 and not run.isdigit() for run in runs)


def _is_placeholder(value: bytes) -> bool:
    """Whether this stands in the place of a secret: `changeme`, `<your key>`, `${TOKEN}`, `OPENAI_API_KEY`."""
    return bool(PLACEHOLDER.search(value) or ENVIRONMENT_NAME.fullmatch(value)) or len(set(value)) == 1


def _matches(
    data: bytes, mark: bytes, pattern: re.Pattern[bytes], within: bytes | None = None
) -> Iterator[re.Match[bytes]]:
    """The matches of `pattern`, which begins with `mark`: each is looked for by its mark, and none inside another.

    `within` is the text that the mark is looked for in: `data` in lower case, where that does not matter.
    """
    within = data if within is None else within
    at = within.find(mark)
    while at >= 0:
        found = pattern.match(data, at)
        if found:
            yield found
        at = within.find(mark, found.end() if found else at + 1)
