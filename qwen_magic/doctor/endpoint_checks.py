"""Checks of the endpoint: which server answers, and whether it accepts the key, has the model and streams."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

from ..core.errors import AccessDenied, KeyRejected, QwenError
from ..core.events import ReasoningDelta, Retrying, TextDelta
from ..core.messages import ChatRequest, Message
from ..core.translatable import _, sentences
from ..protocols.error_mapping import refusal
from ..provider.model_listing import TEXT_MODEL
from ..service.client import Client
from ..service.credentials import KEY_PAGE, SERVICE, FoundKey
from ..service.endpoints import REGIONS, Endpoint, endpoint
from ..service.timeouts import Timeouts
from ..service.transport import Transport
from .findings import Case, Dead, Finding, fine, note, problem

__all__ = ["large_requests", "model", "regions", "stream", "who_answers"]

LARGEST = 4 * 1024 * 1024
# Seconds by which a clock may be wrong before signatures and certificates suffer.
SKEW = 120
# Long enough to take a second or two; at its usual pace the sandbox would be too fast to measure.
QUESTION = "Count from 1 to 40, one number a line, and say nothing else.\nsandbox: rate 30"
FEW = 5
# A photograph, in bytes; nginx takes 1 MB by default.
PICTURE = 2 * 1024 * 1024
JSON = {"Content-Type": "application/json"}
# Of the whole time until the last piece, a stream that streams spends more than this part on its pieces.
ALIVE = 0.05
# A buffer that fills and empties: silences of at least so many seconds make up most of the time between the pieces,
# and there are few of them. (nginx's default buffer is 4 kB: a dozen events.)
SILENCE, MOSTLY, PIECES_PER_BURST = 0.1, 0.8, 5
# Below this interval, in seconds, streaming and buffering cannot be told apart.
BLINK = 0.3


@dataclass(frozen=True, slots=True)
class _ProbeResponse:
    """The response to a request for the list of models."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    began: float
    ended: float

    @property
    def html(self) -> bool:
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"

    @property
    def title(self) -> str:
        found = re.search(rb"<title[^<>]*>([^<]*)</title>", self.body, re.IGNORECASE)
        return " ".join(found[1].decode("utf-8", "replace").split())[:80] if found else _("without a title")

    @property
    def names(self) -> tuple[str, ...]:
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            return tuple(str(row["id"]) for row in json.loads(self.body)["data"])
        return ()


def _ask_for_models(here: Endpoint, key: FoundKey | None, timeouts: Timeouts) -> _ProbeResponse:
    transport = Transport(timeouts)
    began = time.time()
    try:
        url = here.url("models")
        with (
            transport.connection(url) as connection,
            connection.send("GET", url, key.secret if key else None) as response,
        ):
            return _ProbeResponse(response.status, response.headers, response.read(LARGEST), began, time.time())
    finally:
        transport.close()


def who_answers(case: Case) -> Iterator[Finding]:
    """Which server answers: the service, a relay, a local server, or a page in their place. Also compares its clock."""
    reply = _ask_for_models(case.endpoint.compatible, case.key, case.timeouts)
    case.server = _between(reply.headers)
    who = _named(reply, case.endpoint)
    if location := reply.headers.get("location"):
        yield problem(
            "answer",
            _("it sends us to {location} instead", location=location),
            _("A network that wants a login, or a URL that has moved."),
        )
        raise Dead
    if reply.html:
        yield problem(
            "answer",
            _(
                "a web page came back (HTTP {status}, {title!r}, from {server})",
                status=reply.status,
                title=reply.title,
                server=case.server,
            )
            if case.server
            else _("a web page came back (HTTP {status}, {title!r})", status=reply.status, title=reply.title),
            _("A login page or a proxy's error: open the endpoint's URL in a browser."),
        )
        raise Dead
    facts = {"status": reply.status, "who": who, "server": case.server}
    yield fine(
        "answer",
        _("{who} (HTTP {status}{server})", who=who, status=reply.status, server=case.server and f", {case.server}"),
        **facts,
    )
    yield from _clock(reply)
    case.models = reply.names
    if reply.status in (401, 403):
        case.refused = True
    elif reply.status == 404:
        yield note("models", _("there is no list of models here"))
    elif reply.status >= 400:
        error = refusal(reply.status, reply.headers, reply.body)
        yield problem("answer", error.happened, error.remedy)
        raise Dead
    else:
        yield fine("key accepted", _("yes") if case.key else _("it was not asked for"))


def _named(reply: _ProbeResponse, here: Endpoint) -> str:
    """The server's name, by its headers."""
    relay = reply.headers.get("x-qwen-relay")
    if relay:
        return _("the relay of a Jupyter server (qwen_magic {relay})", relay=relay)
    if any(name.startswith("x-dashscope-") for name in reply.headers) or here.dialect.service:
        return _("the sandbox, a simulator") if here.name == "sandbox" else _("the service, or something just like it")
    return _("an OpenAI-compatible server ({name})", name=reply.headers.get("server", "unnamed"))


def _between(headers: Mapping[str, str]) -> str:
    """The proxies before the server, as far as its headers name them."""
    return " ".join(headers[name] for name in ("via", "server") if headers.get(name))[:80]


def _clock(reply: _ProbeResponse) -> Iterator[Finding]:
    date = reply.headers.get("date")
    if not date:
        return
    with suppress(ValueError):
        skew = (reply.began + reply.ended) / 2 - parsedate_to_datetime(date).timestamp()
        if abs(skew) > SKEW:
            ahead = skew > 0
            yield problem(
                "clock",
                _("this machine is {seconds:.0f} s ahead of the other side", seconds=skew)
                if ahead
                else _("this machine is {seconds:.0f} s behind the other side", seconds=-skew),
                _("Set the clock."),
                skew=skew,
            )
        else:
            yield fine(
                "clock", _("agrees with the other side's within {seconds:.0f} s", seconds=max(1, abs(skew))), skew=skew
            )


def regions(case: Case) -> Iterator[Finding]:
    """When the key was refused: whether it is good in another region."""
    if not case.refused:
        return
    if case.key is None:
        if not case.endpoint.needs_key:
            yield problem(
                "key accepted", _("it wants a key, and there is none"), _("%qwen login keeps one for this host.")
            )
        raise Dead
    if case.endpoint.account != SERVICE or case.endpoint.name not in REGIONS:
        yield problem(
            "key accepted", _("no"), _("%qwen login stores another; a relay's token is its Jupyter server's.")
        )
        raise Dead
    if not case.try_regions:
        yield problem(
            "key accepted",
            _("no: it is wrong, or of another region than {name}", name=case.endpoint.name),
            _("With --try-regions the doctor asks the others, which sends the key there."),
        )
        raise Dead
    good = [name for name in REGIONS if name != case.endpoint.name and _accepts(name, case)]
    remedy = (
        _("%qwen use {good}", good=good[0])
        if good
        else _("Copy it again from {key_page}: %qwen login.", key_page=KEY_PAGE)
    )
    found = (
        _("not by {name}, but by {good}", name=case.endpoint.name, good=", ".join(good))
        if good
        else _("no, by no region")
    )
    yield problem("key accepted", found, remedy, regions=good)
    raise Dead


def _accepts(region: str, case: Case) -> bool:
    with suppress(QwenError):
        return _ask_for_models(endpoint(region), case.key, case.timeouts).status == 200
    return False


def large_requests(case: Case) -> Iterator[Finding]:
    """Whether a proxy passes a request of the size of a picture. Checked only behind a proxy; asks no model."""
    if "nginx" not in case.server.lower():
        return
    transport = Transport(case.timeouts)
    url = case.endpoint.compatible.url("chat/completions")
    key = case.key.secret if case.key else None
    try:
        with (
            transport.connection(url) as connection,
            connection.send("POST", url, key, JSON, content=b" " * PICTURE) as response,
        ):
            response.read(LARGEST)
            status = response.status
    finally:
        transport.close()
    if status == 413:
        yield problem(
            "large requests",
            _("{server} refuses {picture} MB: no pictures, no files", server=case.server, picture=PICTURE >> 20),
            ROOM,
        )
    else:
        yield fine("large requests", _("{picture} MB get through", picture=PICTURE >> 20))


def model(case: Case) -> Iterator[Finding]:
    """Whether the endpoint has the model that would be asked."""
    wanted = case.model or case.provider.settings.model
    if not wanted:
        qwen = next((name for name in case.models if "qwen" in name.lower()), "")
        wanted = TEXT_MODEL if case.endpoint.dialect.service else qwen or next(iter(case.models), "")
    case.model = wanted
    if not wanted:
        yield problem("model", _("there is none"), _("Load one there, or name it with -m."))
        raise Dead
    if not case.models or wanted in case.models:
        found = _("{wanted} is there", wanted=wanted) if case.models else wanted
        yield fine("model", found, model=wanted, models=len(case.models))
    else:
        yield problem(
            "model",
            _("{wanted} is not among the {count} that are there", wanted=wanted, count=len(case.models)),
            _("See %qwen models."),
        )


def stream(case: Case) -> Iterator[Finding]:
    """Whether an answer is streamed. Asks a short question."""
    client = Client(case.timeouts)
    request = ChatRequest(case.model, (Message.user(QUESTION),))
    began = time.monotonic()
    arrived: list[float] = []
    try:
        with client.stream(case.endpoint, request) as answer:
            for batch in answer.batches(0.0):
                for event in batch:
                    if isinstance(event, Retrying):
                        yield note("stream", sentences(event.reason, _("It is tried again.")))
                    elif isinstance(event, TextDelta | ReasoningDelta):
                        arrived.append(time.monotonic() - began)
    except (KeyRejected, AccessDenied) as error:
        yield problem("stream", error.happened, error.remedy)
        return
    except QwenError as error:
        happened = error.happened
        if arrived:
            happened = _("{happened} after {count} pieces", happened=happened, count=len(arrived))
        yield problem("stream", happened, error.remedy)
        return
    finally:
        client.close()
    yield _verdict(arrived, case)


def _verdict(arrived: list[float], case: Case) -> Finding:
    """The finding by the times of arrival, in seconds after the question."""
    if not arrived:
        return problem("stream", _("the answer was empty"), _("Try another model: see %qwen models."))
    first, last = arrived[0], arrived[-1]
    facts: dict[str, Any] = {"pieces": len(arrived), "first": first, "last": last}
    silences = [late - early for early, late in pairwise(arrived) if late - early >= SILENCE]
    bursts = facts["bursts"] = len(silences) + 1
    said = _(
        "{count} pieces, the first after {first:.2f} s, the last after {last:.2f} s",
        count=len(arrived),
        first=first,
        last=last,
    )
    if last < BLINK or len(arrived) < FEW:
        return note("stream", _("{said}: too short to tell whether it streams", said=said), **facts)
    collected = sum(silences) >= MOSTLY * (last - first) and bursts <= len(arrived) / PIECES_PER_BURST
    if collected or last - first < ALIVE * last:
        who = case.server or (_("the proxy") if case.proxy else _("a proxy on the way"))
        how = _("in {bursts} bursts", bursts=bursts) if bursts > 1 else _("all at once")
        return problem(
            "stream", _("{said}: {how}, so {who} collects it", said=said, how=how, who=who), UNBUFFERED, **facts
        )
    return fine("stream", said, **facts)


ROOM = _("In nginx: client_max_body_size 500m (README, “For administrators”).")
UNBUFFERED = _("In nginx: proxy_buffering off (README, “For administrators”); elsewhere switch off response buffering.")
