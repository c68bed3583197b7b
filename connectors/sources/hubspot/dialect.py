"""Where each endpoint is, in both of HubSpot's dialects.

Since March 2026 versions are dates that stand after the API's name. The older v3 (v4 for
associations) answers beside them with the same bodies until 2027.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """Paths for one value of the setting `api_version`: `v3`, or a date such as `2026-09`."""

    version: str

    def objects(self, kind: str, action: str = "") -> str:
        """List of objects, or with `action` their `/search` or `/batch/read`."""
        return f"{self._crm('objects')}/{kind}{action}"

    def properties(self, kind: str) -> str:
        """Properties of an object type."""
        return f"{self._crm('properties')}/{kind}"

    def pipelines(self, kind: str) -> str:
        """Pipelines of an object type, their stages inside."""
        return f"{self._crm('pipelines')}/{kind}"

    @property
    def owners(self) -> str:
        """Owners, or with `archived=true` those who left."""
        return self._crm("owners")

    @property
    def schemas(self) -> str:
        """Custom object types."""
        return "/crm/v3/schemas" if self._old else f"/crm-object-schemas/{self.version}/schemas"

    @property
    def lists(self) -> str:
        """Search for lists (POST)."""
        return f"{self._crm('lists')}/search"

    def memberships(self, list_id: str) -> str:
        """Members of one list."""
        return f"{self._crm('lists')}/{list_id}/memberships"

    def associations(self, from_kind: str, to_kind: str) -> str:
        """Batch read of associations between two types (POST)."""
        version = "v4/associations" if self._old else f"associations/{self.version}"
        return f"/crm/{version}/{from_kind}/{to_kind}/batch/read"

    @property
    def token(self) -> str:
        """OAuth tokens (POST, form)."""
        return "/oauth/v1/token" if self._old else f"/oauth/{self.version}/token"

    @property
    def _old(self) -> bool:
        return self.version == "v3"

    def _crm(self, api: str) -> str:
        return f"/crm/v3/{api}" if self._old else f"/crm/{api}/{self.version}"
