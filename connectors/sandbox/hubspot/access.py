"""Who may ask: private-app tokens, and OAuth with refresh tokens that serve once."""

import re
from datetime import datetime, timedelta

from connectors.sandbox.hubspot.answers import Refused, error_body, missing_scopes, refuse
from connectors.sandbox.hubspot.kinds import KINDS, PORTAL
from connectors.sandbox.messages import Request, Response, html_answer, json_answer
from connectors.sandbox.vendors import World

TOKEN = "pat-na1-sandbox-0000-4000-8000-000000000001"  # noqa: S105 - pretend
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - pretend
REFRESH_TOKEN = "sandbox-refresh-0"  # noqa: S105 - pretend
LIFETIME = timedelta(seconds=1800)
WELL_FORMED = re.compile(r"[A-Za-z0-9._~-]+")
OTHER_SCOPES = ("crm.objects.owners.read", "crm.schemas.custom.read", "crm.lists.read", "oauth")


class Access:
    """Tokens, and what they may read."""

    def __init__(self, world: World) -> None:
        self.scopes = {*(kind.scope for kind in KINDS), *OTHER_SCOPES}
        self.tokens: dict[str, datetime | None] = {TOKEN: None}  # with the end of their life
        self.refresh_tokens = {REFRESH_TOKEN}
        self.single_use = True  # a refresh token is dead once used, its answer brings the next
        self._world = world
        self._issued = 0

    def expire(self) -> None:
        """End the life of every OAuth access token now; private-app tokens have none."""
        now = self._world.clock.now()
        self.tokens = {token: end and min(end, now) for token, end in self.tokens.items()}

    def revoke(self, token: str = TOKEN) -> None:
        """Make a token unknown."""
        self.tokens.pop(token, None)

    def admit(self, request: Request) -> None:
        """Let a request pass, or raise `Refused`: 401, or 530 for a malformed token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise refuse(401, "Authentication credentials not found.", "INVALID_AUTHENTICATION")
        if not WELL_FORMED.fullmatch(token):
            raise Refused(html_answer(530, "Origin DNS error"))
        if token not in self.tokens:
            message = "Authentication credentials not found. This API supports OAuth 2.0."
            raise refuse(401, message, "INVALID_AUTHENTICATION")
        end = self.tokens[token]
        if end is not None and end <= self._world.clock.now():
            age = round((self._world.clock.now() - end).total_seconds())
            message = f"The OAuth token used to make this call expired {age} second(s) ago."
            raise refuse(401, message, "EXPIRED_AUTHENTICATION")

    def need(self, scope: str) -> None:
        """Raise `Refused` (403) unless the scope is granted."""
        if scope not in self.scopes:
            raise missing_scopes([scope])

    def issue(self, request: Request) -> Response:
        """Answer the OAuth token endpoint."""
        form = request.form
        known = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if form.get("grant_type") != "refresh_token" or not known:
            return json_answer(error_body("missing or unknown client", "BAD_CLIENT_ID"), 400)
        old = form.get("refresh_token", "")
        if old not in self.refresh_tokens:
            body = error_body("missing or unknown refresh token", "BAD_REFRESH_TOKEN")
            return json_answer(body, 400)
        self._issued += 1
        refresh = f"sandbox-refresh-{self._issued}" if self.single_use else old
        if self.single_use:
            self.refresh_tokens = {refresh}
        access = f"sandbox-access-{self._issued}-" + "x" * 240  # HubSpot allows 300 characters
        self.tokens[access] = self._world.clock.now() + LIFETIME
        return json_answer(
            {
                "access_token": access,
                "refresh_token": refresh,
                "expires_in": round(LIFETIME.total_seconds()),
                "token_type": "bearer",
                "hub_id": PORTAL,
                "scopes": sorted(self.scopes),
            }
        )
