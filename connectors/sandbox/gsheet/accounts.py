"""The pretend service account and the token endpoint, which checks every signature.

The key is made when the process first needs one and is never written anywhere.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.sandbox.messages import Request, Response, json_answer

EMAIL = "crm-sync@sandbox.iam.gserviceaccount.com"
KEY_ID = "5a6d3b0c" * 5
GOOGLE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
READS_SHEETS = {"spreadsheets.readonly", "spreadsheets", "drive.readonly", "drive", "drive.file"}
READS_DRIVE = {"drive.metadata.readonly", "drive.readonly", "drive", "drive.file"}
SCOPE = "https://www.googleapis.com/auth/"
LIFETIME = timedelta(hours=1)
SKEW = timedelta(minutes=5)


@lru_cache(maxsize=1)
def private_key() -> rsa.RSAPrivateKey:
    """The one key of this process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class TokenError(Exception):
    """Why no token is given."""


class Accounts:
    """Gives tokens and knows what each may read. `refuses`: the account was deleted."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.refuses = False
        self.issued = 0
        self._now = now
        self._tokens: dict[str, tuple[datetime, frozenset[str]]] = {}

    def key_file(self, token_uri: str) -> str:
        """The service account's key, as Google's console lets one download it."""
        pem = private_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "sandbox",
                "private_key_id": KEY_ID,
                "private_key": pem.decode(),
                "client_email": EMAIL,
                "client_id": "100000000000000000001",
                "token_uri": token_uri,
            }
        )

    def token(self, request: Request) -> Response:
        """Exchange a signed statement for a token."""
        try:
            scopes = self._checked(request.form)
        except TokenError as error:
            name, said = error.args
            return json_answer({"error": name, "error_description": said}, 400)
        self.issued += 1
        token = f"ya29.sandbox-{self.issued:06d}"
        self._tokens[token] = self._now() + LIFETIME, scopes
        answer = {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}
        return json_answer(answer)

    def scopes(self, token: str) -> frozenset[str] | None:
        """What a living token may read; None for any other."""
        until, scopes = self._tokens.get(token, (self._now(), frozenset[str]()))
        return scopes if until > self._now() else None

    def revoke(self) -> None:
        """Every token given so far is dead."""
        self._tokens.clear()

    def _checked(self, form: Mapping[str, str]) -> frozenset[str]:
        if form.get("grant_type") != GRANT:
            raise TokenError("unsupported_grant_type", "Invalid grant_type")
        parts = form.get("assertion", "").split(".")
        if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
            raise TokenError("invalid_request", "Bad Request")
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signed = ".".join(parts[:2]).encode()
        try:
            private_key().public_key().verify(
                _decoded(parts[2]), signed, padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature as error:
            raise TokenError("invalid_grant", "Invalid JWT Signature.") from error
        if header.get("kid") != KEY_ID or header.get("alg") != "RS256":
            raise TokenError("invalid_grant", "Invalid JWT Signature.")
        if self.refuses or claims.get("iss") != EMAIL:
            raise TokenError("invalid_grant", "Invalid grant: account not found")
        issued, expires, now = int(claims["iat"]), int(claims["exp"]), self._now().timestamp()
        skew = SKEW.total_seconds()
        if expires - issued > LIFETIME.total_seconds() or not issued - skew <= now < expires:
            raise TokenError(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable"
                " timeframe. Check your iat and exp values in the JWT claim.",
            )
        if claims.get("aud") != GOOGLE:
            raise TokenError("invalid_grant", "Invalid JWT: aud is not the token endpoint")
        scopes = frozenset(part.removeprefix(SCOPE) for part in str(claims["scope"]).split())
        if not scopes:
            raise TokenError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return scopes


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
