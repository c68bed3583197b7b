"""A note of refused credentials that outlives the run, because Five9 locks accounts.

A run tries credentials once. The next run may try them once more, since a refusal can be a
passing fault of theirs; after two refusals in a row the same credentials are not sent again
until they are changed, or the note is removed. Locks elsewhere begin at three.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import cast

from connectors.errors import ConfigError, CredentialsError
from connectors.sources.five9.settings import Settings

BORNE = 2  # refusals in a row


class Refusals:
    """The note about one set of credentials, in a file that several may share."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.refusals_file
        who = f"{settings.base_url} {settings.username}"
        slow = hashlib.scrypt(  # the file must not help anybody to guess the password
            settings.password.get_secret_value().encode(), salt=who.encode(), n=2**14, r=8, p=1
        )
        self._key = slow.hex()[:32]

    def check(self) -> None:
        """Raise `CredentialsError` when these credentials were refused often enough."""
        count = self._read().get(self._key, 0)
        if count >= BORNE:
            raise CredentialsError(
                f"Five9 refused these credentials {count} times and was not asked again, since it "
                f"locks accounts. Correct FIVE9_USERNAME and FIVE9_PASSWORD; if the account was "
                f"unlocked with the same password, remove {self._path}"
            )

    def note(self) -> None:
        """Count a refusal. Raises `ConfigError` when it cannot be written down."""
        noted = self._read()
        noted[self._key] = noted.get(self._key, 0) + 1
        self._write(noted)

    def clear(self) -> None:
        """Forget earlier refusals: the credentials were accepted."""
        noted = self._read()
        if noted.pop(self._key, None) is not None:
            self._write(noted)

    def _read(self) -> dict[str, int]:
        try:
            noted: object = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error
        return cast("dict[str, int]", noted) if isinstance(noted, dict) else {}

    def _write(self, noted: dict[str, int]) -> None:
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            draft.write_text(json.dumps(noted), "utf-8")
            draft.chmod(0o600)
            draft.replace(self._path)  # whole or not at all
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ConfigError:
        return ConfigError(
            f"{self._path} cannot be used ({type(error).__name__}): without it refused credentials "
            f"would be tried again. Set FIVE9_REFUSALS_FILE to a file we may write"
        )
