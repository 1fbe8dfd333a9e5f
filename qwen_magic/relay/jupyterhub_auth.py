"""Authentication on a hub: the hub resolves each token to a user, and to whether it may use this service.

Tokens only. Cookies would need a login page, and browsers do not use the relay.
"""

from __future__ import annotations

from typing import Any

from jupyter_server.auth import Authorizer, IdentityProvider, User
from jupyterhub.services.auth import HubAuth  # type: ignore  # has no types, and is on hubs only
from tornado.web import RequestHandler

from .error_responses import Refused

__all__ = ["HubAuthorizer", "HubIdentity"]


class HubIdentity(IdentityProvider):
    """The hub's users. A token counts for five minutes before the hub is asked again, as with all of its services."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(token="", **settings)
        self.hub = HubAuth(parent=self)

    async def get_user(self, handler: RequestHandler) -> User | None:
        model = await self.hub.get_user(handler, sync=False)
        return _HubUser(model) if model else None


class _HubUser(User):
    """A user, or one of the hub's services, and what its token may do."""

    def __init__(self, model: dict[str, Any]) -> None:
        super().__init__(username=model["name"])
        self.model = model


class HubAuthorizer(Authorizer):
    """Authorises users and services that have the scope of this service."""

    def is_authorized(self, handler: RequestHandler, user: User, action: str, resource: str) -> bool:
        hub = handler.settings["identity_provider"].hub
        if isinstance(user, _HubUser) and hub.check_scopes(hub.access_scopes, user.model):
            return True
        wanted = " or ".join(sorted(hub.access_scopes))
        raise Refused(403, f"This token of {user.username} may not ask here: it lacks the hub's scope {wanted}.")
