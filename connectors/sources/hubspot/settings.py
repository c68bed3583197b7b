"""What HubSpot's connection and its choices are set by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Names = Annotated[tuple[str, ...], NoDecode]  # in the environment a comma list, not JSON
PAIR = re.compile(r"[a-z0-9_]+:[a-z0-9_]+")

PAIRS = (
    "contacts:companies",
    "contacts:appointments",
    "contacts:divisions",  # a custom object: read where the portal has it
    "deals:contacts",
    "deals:companies",
    "tickets:contacts",
)


class Settings(BaseSettings):
    """Where HubSpot is, who we are there, and what of it is read beyond the records."""

    model_config = SettingsConfigDict(env_prefix="HUBSPOT_")

    base_url: str = Field(default="https://api.hubapi.com", description="Origin of the API")
    api_version: Literal["2026-09", "2026-03", "v3"] = Field(
        default="2026-09",
        description="Dialect: a dated version, or v3 (with v4 for associations) until 2027",
    )
    api_token: SecretStr | None = Field(
        default=None, description="Private-app token or service key; or set the OAuth four"
    )
    client_id: str | None = Field(default=None, description="OAuth: the app's client id")
    client_secret: SecretStr | None = Field(default=None, description="OAuth: the app's secret")
    refresh_token: SecretStr | None = Field(
        default=None, description="OAuth: the refresh token of the installation, used once"
    )
    token_file: Path | None = Field(
        default=None,
        description="OAuth: where later refresh tokens are kept (mode 0600); each serves once",
    )
    tier: Literal["free", "pro", "enterprise"] = Field(
        default="free", description="Subscription, which sets the documented request limits"
    )
    budget: int | None = Field(
        default=None, ge=1, description="Requests per 10 seconds, instead of the tier's"
    )
    associations: Names = Field(
        default=PAIRS, description="Names from:to whose associations are read, comma separated"
    )
    history: Names = Field(
        default=(),
        description="Properties object:property whose history is read, comma separated",
    )
    lists: Names = Field(
        default=(), description="Ids of the lists whose members are read; empty: all lists"
    )
    archived_every_hours: float = Field(
        default=0,
        ge=0,
        description="Hours between looks at the archive by incremental runs; 0: every run looks",
    )

    relink_every_hours: float = Field(
        default=24,
        ge=0,
        description="Hours between re-readings of all associations by incremental runs; 0: every",
    )

    @field_validator("associations", "history", "lists", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("associations", "history")
    @classmethod
    def _paired(cls, value: Names) -> Names:
        if not all(PAIR.fullmatch(part) for part in value):
            raise ValueError("each part must be two names with a colon between, such as a:b")
        return value

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        oauth = (self.client_id, self.client_secret, self.refresh_token, self.token_file)
        if self.api_token is None and not all(oauth):
            raise ValueError(
                "set HUBSPOT_API_TOKEN, or for OAuth all of HUBSPOT_CLIENT_ID, "
                "HUBSPOT_CLIENT_SECRET, HUBSPOT_REFRESH_TOKEN and HUBSPOT_TOKEN_FILE"
            )
        return self
