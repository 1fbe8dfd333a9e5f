"""The doctor: checks each step from the notebook to the first token, and reports findings with remedies.

    for finding in doctor(provider):
        print(finding)

Each step is a small function that yields findings; one that makes the later steps pointless ends the examination. No
finding has the key, only its last 4 characters. The last step asks one short question, which costs about a hundred
tokens. Not for repairing anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import QwenError
from ..provider.provider import Provider
from ..service.endpoints import Endpoint
from ..service.timeouts import Timeouts
from .endpoint_checks import large_requests, model, regions, stream, who_answers
from .environment import configuration, key, versions
from .findings import Case, Dead, Finding, problem
from .network import certificate, connection, name, proxies

__all__ = ["Finding", "doctor"]

STEPS = (
    versions,
    configuration,
    key,
    proxies,
    name,
    connection,
    certificate,
    who_answers,
    regions,
    large_requests,
    model,
    stream,
)
# The seconds to wait for the beginning of an answer. Ours.
TIMEOUTS = Timeouts(connect=10.0, idle=60.0)


def doctor(
    provider: Provider,
    endpoint: Endpoint | None = None,
    *,
    model: str = "",
    origin: str = "",
    try_regions: bool = False,
    timeouts: Timeouts = TIMEOUTS,
) -> Iterator[Finding]:
    """Examine an endpoint; yield findings as they are made.

    Args:
        provider: resolves the endpoint and its key.
        endpoint: by default the one in use.
        model: the model to ask; by default the configured one.
        origin: what chose the endpoint, if not the configuration.
        try_regions: may send the key to the service's other regions if this one refuses it.
        timeouts: for each request.

    Raises nothing but the user's interrupt: every error is a finding.
    """
    try:
        case = Case(provider, endpoint or provider.resolve(), model, origin, try_regions, timeouts)
    except QwenError as error:
        yield problem("configuration", error.happened, error.remedy)
        return
    for step in STEPS:
        try:
            yield from step(case)
        except Dead:
            return
        except QwenError as error:
            yield problem(step.__name__.replace("_", " "), error.happened, error.remedy)
            return
