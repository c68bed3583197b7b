"""OAuth: access tokens that live half an hour, from refresh tokens that serve once.

The answer to a refresh brings the next refresh token, and the one that was used is dead.
So the next one is on disk, owner-only and synced, before anything is done with the access
token that came with it, and the one used is kept beside it until the next has proved
itself: if a crash or a vendor's rollback falls between the two, either may be the live one.
A lock file keeps two workers from spending one token.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from pydantic import SecretStr

from connectors import secrets
from connectors.errors import ConfigError, CredentialsError
from connectors.http import ApiClient
from connectors.sources.hubspot.settings import Settings

OWNER_ONLY = 0o600
MARGIN = timedelta(seconds=60)  # a token this close to its end is not worth starting with
REFUSED = (400, 401)
AUTHORISE = (
    "Authorise the app again, then set HUBSPOT_REFRESH_TOKEN to the new token (HUBSPOT_TOKEN_FILE"
    " is replaced by itself)"
)


class Granted(msgspec.Struct):
    """The answer of the token endpoint; `expires_in` in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str | None = None


class Kept(msgspec.Struct, kw_only=True):
    """What the token file holds."""

    refresh_token: str
    previous: str | None = None  # the one that `refresh_token` came from
    access_token: str | None = None
    expires_at: datetime | None = None
    origin: str  # digest of the configured token it all began with


class OAuth:
    """Gives headers with a living access token."""

    def __init__(
        self, client: ApiClient, path: str, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        """`client` asks without credentials; `path` is the token endpoint's."""
        if settings.token_file is None:
            raise ConfigError("set HUBSPOT_TOKEN_FILE: each OAuth refresh token serves only once")
        self._client = client
        self._path = path
        self._file = settings.token_file
        self._client_id = settings.client_id or ""
        self._client_secret = _plain(settings.client_secret)
        self._first = _plain(settings.refresh_token)
        self._clock = clock
        self._access: str | None = None

    def headers(self) -> dict[str, str]:
        """Return headers, refreshing when the kept token is spent, or was refused just now.

        Called anew after a 401. Raises `CredentialsError` when no refresh token is
        accepted, `ConfigError` when the token file cannot be read or written.
        """
        with self._locked():
            kept = self._load()
            ends = kept.expires_at
            alive = ends is not None and ends > self._clock() + MARGIN
            if not alive or kept.access_token in {None, self._access}:
                kept = self._refreshed(kept)
        self._access = kept.access_token
        return {"Authorization": f"Bearer {kept.access_token}"}

    def _refreshed(self, kept: Kept) -> Kept:
        self._save(kept)  # a file that cannot be written must be found out before a token is spent
        for token in (kept.refresh_token, kept.previous):
            granted = self._ask(token) if token else None
            if token and granted:
                fresh = Kept(
                    refresh_token=granted.refresh_token or token,
                    previous=token,
                    access_token=granted.access_token,
                    expires_at=self._clock() + timedelta(seconds=granted.expires_in),
                    origin=kept.origin,
                )
                self._save(fresh)
                return fresh
        raise CredentialsError(f"HubSpot refused the refresh token. {AUTHORISE}")

    def _ask(self, refresh_token: str) -> Granted | None:
        """Return what a refresh token brings; None when it is refused."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "refresh_token": refresh_token,
        }
        answer = self._client.post(self._path, form=form, accept=(200, *REFUSED), shape=Granted)
        if answer.status in REFUSED:
            return None
        granted = answer.decode(Granted)
        secrets.register(granted.access_token)
        secrets.register(granted.refresh_token or "")
        return granted

    def _load(self) -> Kept:
        """Return what is kept; the configured token where it is newer than that."""
        origin = hashlib.sha256(self._first.encode()).hexdigest()
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=Kept)
        except FileNotFoundError:
            return Kept(refresh_token=self._first, origin=origin)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(
                f"HUBSPOT_TOKEN_FILE cannot be read ({type(error).__name__}). Restore it, or"
                f" remove it. {AUTHORISE}"
            ) from None
        for token in (kept.refresh_token, kept.previous, kept.access_token):
            secrets.register(token or "")
        return kept if kept.origin == origin else Kept(refresh_token=self._first, origin=origin)

    def _save(self, kept: Kept) -> None:
        """Replace the file as a whole, so that a crash leaves the old one or the new one."""
        draft = _beside(self._file, ".new")
        try:
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(handle)
            draft.replace(self._file)
            folder = os.open(self._file.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise ConfigError(
                f"HUBSPOT_TOKEN_FILE cannot be written ({error.strerror}): refresh tokens would"
                " be lost"
            ) from None

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Keep other workers out while a token is looked up and, if need be, spent."""
        try:
            handle = os.open(_beside(self._file, ".lock"), os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        except OSError as error:
            raise ConfigError(
                f"HUBSPOT_TOKEN_FILE's folder cannot be written ({error.strerror})"
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
