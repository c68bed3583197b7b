"""A service account's access tokens: a signed statement of who we are, exchanged for one.

google-auth signs; the request goes through our own client, with its retries and its limits.
A token lives an hour and there is nothing to refresh: a new statement gets a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from google.auth import crypt, jwt

from connectors.answers import Answer
from connectors.errors import ConfigError, CredentialsError, SyncError
from connectors.http import ApiClient
from connectors.sources.gsheet.settings import ServiceAccount

SCOPES = " ".join(
    f"https://www.googleapis.com/auth/{name}"
    for name in ("spreadsheets.readonly", "drive.metadata.readonly")
)
AUDIENCE = "https://oauth2.googleapis.com/token"  # Google's, whatever `token_uri` says
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600  # seconds; Google refuses more
TOKEN = "token"  # noqa: S105 - the class of these requests in our budget
REFUSED = (400, 401, 403)


class Granted(msgspec.Struct):
    """The answer of the token endpoint."""

    access_token: str


class Tokens:
    """Gives headers with a living access token."""

    def __init__(
        self, client: ApiClient, account: ServiceAccount, clock: Callable[[], datetime]
    ) -> None:
        """`client` asks the origin of `account.token_uri`, without credentials."""
        self._client = client
        self._account = account
        self._clock = clock
        try:
            self._signer: Any = cast("Any", crypt).RSASigner.from_string(
                account.private_key, account.private_key_id
            )
        except ValueError:  # its text may quote the key
            raise ConfigError("the private_key in GSHEET_CREDENTIALS is not an RSA key") from None

    def headers(self) -> dict[str, str]:
        """Return headers with a new token; called again after a 401.

        Raises `CredentialsError` when Google does not accept the service account.
        """
        answer = self._client.post(
            urlsplit(self._account.token_uri).path,
            form={"grant_type": GRANT, "assertion": self._assertion()},
            cost_class=TOKEN,
        )
        return {"Authorization": f"Bearer {answer.decode(Granted).access_token}"}

    def _assertion(self) -> str:
        issued = int(self._clock().timestamp())
        claims = {
            "iss": self._account.client_email,
            "scope": SCOPES,
            "aud": AUDIENCE,
            "iat": issued,
            "exp": issued + LIFETIME,
        }
        signed: bytes = cast("Any", jwt).encode(self._signer, claims)
        return signed.decode()


def refusal(answer: Answer) -> SyncError | None:
    """Return the error for an answer of the token endpoint that no retry would change."""
    if answer.status not in REFUSED:
        return None
    said = answer.vendor_message()
    hint = "Check that the key was not deleted, and this machine's clock"
    return CredentialsError(f'{answer.where}: {answer.status} ("{said}"). {hint}')
