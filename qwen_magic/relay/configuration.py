"""What an administrator sets (`c.QwenRelay.…`), and what follows from it: key, limits, the way to the service.

Not where the relay lives: in a Jupyter server that is `app`, on a hub `jupyterhub_service`.
"""

from __future__ import annotations

import asyncio
import os
import stat
from functools import cached_property
from pathlib import Path
from typing import Any

from traitlets import Float, Integer, List, TraitError, Unicode, default, validate
from traitlets.config import LoggingConfigurable

from ..service.credentials import Secret
from ..service.endpoints import COMPATIBLE_PATH, NATIVE_PATH, REGIONS
from .rate_limits import Places, Rates, Spools
from .routes import GROUPS

__all__ = ["QwenRelay"]

MB = 1024 * 1024


class QwenRelay(LoggingConfigurable):
    """Passes requests on to the service with a key that stays on this server.

    There is no trait for the key itself: configuration is read by many, and ends up in many places. A limit of 0 is
    none, as everywhere in Jupyter.
    """

    upstream_url = Unicode(help="The service: beijing, singapore, us, or the root URL of one.").tag(config=True)
    key_file = Unicode(help="A file that holds the key and nothing else. Read anew for every request.").tag(config=True)
    key_variable = Unicode(
        "QWEN_RELAY_API_KEY",
        help="The environment variable that holds the key where there is no key_file. The server takes it out of its "
        "environment, so that no kernel and no terminal inherits it.",
    ).tag(config=True)
    allow = List(Unicode(), list(GROUPS), help=f"What may be asked: {', '.join(GROUPS)}.").tag(config=True)
    # "Body up to 64 MB", a file for a batch up to 500 MB (the service's docs).
    largest_request = Integer(64 * MB, min=0, help="The largest request, in bytes.").tag(config=True)
    largest_upload = Integer(500 * MB, min=0, help="The largest file, in bytes.").tag(config=True)
    largest_spool = Integer(
        1024 * MB,
        min=0,
        help="How many bytes of one user's requests and answers may be kept at once, in memory or on disk, until they "
        "are sent on.",
    ).tag(config=True)
    concurrency = Integer(256, min=0, help="How many requests may be under way at once, of all users.").tag(config=True)
    requests_per_minute = Float(600.0, min=0, help="How many requests a user may send in the long run.").tag(
        config=True
    )
    burst = Integer(200, min=1, help="How many requests a user may send at once.").tag(config=True)
    connect_timeout = Float(10.0, min=0, help="Seconds to wait for a connection to the service.").tag(config=True)
    idle_timeout = Float(310.0, min=0, help="Seconds of the service's silence before it is given up.").tag(config=True)
    grace = Float(3.0, min=0, help="Seconds that answers have to end when the server stops; 0: none.").tag(config=True)

    base_url = "/"
    """The path under which the relay's own paths begin."""

    @default("upstream_url")
    def _upstream_of_environment(self) -> str:
        return os.environ.get("QWEN_RELAY_UPSTREAM", "beijing")

    @validate("upstream_url")
    def _as_root(self, proposal: Any) -> str:
        return _root_url(proposal["value"])

    @validate("allow")
    def _as_groups(self, proposal: Any) -> list[str]:
        unknown = set(proposal["value"]) - set(GROUPS)
        if unknown:
            raise TraitError(
                f"QwenRelay.allow: there is no {', '.join(sorted(unknown))}; known are {', '.join(GROUPS)}."
            )
        return list(proposal["value"])

    def take_key(self) -> None:
        """Take the key out of the environment, before anything inherits it, and look who can read the file with it."""
        self._taken = _secret(os.environ.pop(self.key_variable, ""))
        place = Path(self.key_file).expanduser()
        # Windows has no such bits: there a file of the person's own folder is not for others.
        if self.key_file and os.name == "posix" and place.exists() and place.stat().st_mode & stat.S_IROTH:
            self.log.warning("Everybody on this machine can read the key in %s: chmod 600 %s", place, place)

    def key(self) -> Secret | None:
        """The key for the service: of the file, else of the variable."""
        if not self.key_file:
            return self._taken
        try:
            return _secret(Path(self.key_file).expanduser().read_text(encoding="utf-8"))
        except OSError as error:
            self.log.error("QwenRelay.key_file cannot be read: %s", error.strerror)
            return None

    @cached_property
    def rates(self) -> Rates:
        return Rates(self.requests_per_minute, self.burst)

    @cached_property
    def places(self) -> Places:
        return Places(self.concurrency)

    @cached_property
    def spools(self) -> Spools:
        return Spools(self.largest_spool)

    @cached_property
    def running(self) -> set[asyncio.Future[None]]:
        """The requests that are under way."""
        return set()

    @cached_property
    def upstream(self) -> Any:
        """The connections to the service; made for the first request, so that other servers do not pay for them."""
        from .upstream import Upstream

        return Upstream(_root_url(self.upstream_url), self.connect_timeout or None, self.idle_timeout or None)

    async def end(self) -> None:
        """Let answers end, and break off those that do not."""
        if self.running:
            _, left = await asyncio.wait(self.running, timeout=self.grace)
            for work in left:
                work.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        if "upstream" in vars(self):
            await self.upstream.close()


def _secret(value: str) -> Secret | None:
    value = value.strip()
    return Secret(value) if value else None


def _root_url(name: str) -> str:
    """The root of the service that `name` names: a region, its root, or one of its base URLs."""
    url = REGIONS.get(name, name).rstrip("/")
    url = url.removesuffix(COMPATIBLE_PATH).removesuffix(NATIVE_PATH)
    if not url.startswith(("http://", "https://")):
        raise TraitError(f"QwenRelay.upstream_url: {name!r} is neither a region ({', '.join(REGIONS)}) nor a URL.")
    return url
