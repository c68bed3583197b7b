"""What SalesPro's export, and our way to it, is set by."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the export is, who we are there, and where the CSV exports lie."""

    model_config = SettingsConfigDict(env_prefix="SALESPRO_")

    base_url: str | None = Field(
        default=None, description="Endpoint of Athena; AWS's own of the region when unset"
    )
    access_key_id: str | None = Field(
        default=None, description="Access key; unset: the machine's own AWS identity"
    )
    secret_access_key: SecretStr | None = Field(
        default=None,
        # the system before this one misspelt the name in its schedule: both are read
        validation_alias=AliasChoices("salespro_secret_access_key", "salespro_secrete_access_key"),
        description="Secret of that key",
    )
    session_token: SecretStr | None = Field(
        default=None, description="Session token, where the key is a temporary one"
    )
    s3_location: str = Field(
        pattern=r"^s3://[^/]+", description="Where Athena leaves results: s3://bucket/folder/"
    )
    server_region: str = Field(default="us-east-1", description="AWS region of the export")
    database: str = Field(default="home_genius_db", description="Athena database of the export")
    workgroup: str = Field(default="primary", description="Athena workgroup that queries run in")
    zone: str = Field(
        default="UTC", description="IANA zone of the export's times, which do not say theirs"
    )
    lookback_hours: float = Field(
        default=48, ge=0, description="Hours read again each run: the nightly export can be late"
    )
    query_minutes: float = Field(
        default=35, gt=0, description="Minutes after which a query is stopped; AWS ends it at 30"
    )
    budget: int | None = Field(
        default=None, ge=1, description="Queries started per second, instead of 20"
    )
    offices_csv: Path | None = Field(
        default=None, description="CSV export of offices, or the folder it is dropped into"
    )
    users_csv: Path | None = Field(
        default=None, description="CSV export of users, or the folder it is dropped into"
    )

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("no such zone; use a name such as America/New_York") from error
        return value

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError(
                "set both SALESPRO_ACCESS_KEY_ID and SALESPRO_SECRET_ACCESS_KEY, or neither to"
                " use the machine's own AWS identity"
            )
        return self
