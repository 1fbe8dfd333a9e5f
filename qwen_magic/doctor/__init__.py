"""The doctor: goes from the notebook to the first token, step by step, and says what it finds and what to do.

    for finding in doctor(provider):
        print(finding)

Each step is a small function that yields findings; the first that makes the later ones pointless ends the round. The
key itself is in no finding, only its last 4 characters. One short question is asked at the end, which costs what a
hundred tokens cost. Not for repairing anything.
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
# An answer that has not begun after so many seconds is not worth waiting for here.
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
    """Examine the way to `endpoint` (by default the one in use); findings come as they are found.

    `origin` says who chose the endpoint, where that is not the configuration. `try_regions` allows sending the key to
    the service's other regions when this one refuses it. Raises nothing but the person's interrupt: whatever is wrong
    is a finding.
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
