"""What Five9's connection is set by."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Which domain, who we are there, and what the domain does not say of itself."""

    model_config = SettingsConfigDict(env_prefix="FIVE9_")

    username: str = Field(description="Administrator user with web services, used by nothing else")
    password: SecretStr = Field(description="Password of that user")
    base_url: str = Field(default="https://api.five9.com", description="Origin of the API")
    api_version: str = Field(
        default="v13", pattern=r"^v\d+(_\d+)?$", description="Version of the web services"
    )
    budget: int | None = Field(
        default=None, ge=1, description="Queries per minute, instead of the documented 450"
    )
    contact_key: str = Field(
        default="auto",
        description=(
            "What tells contacts apart: auto (the internal record id where the domain gives it, "
            "else number1, first_name and last_name), or contact fields, comma separated"
        ),
    )
    contact_zone: str = Field(
        default="UTC", description="IANA zone of DATE_TIME values in contact fields"
    )
    report_zone: str = Field(
        default="America/Los_Angeles",
        description="IANA zone of the data centre: of report times and of the hours of its quotas",
    )
    report_days: int = Field(
        default=30, ge=1, le=3650, description="Days of calls and logins that a full read goes back"
    )
    refusals_file: Path = Field(
        default=Path(".five9-refusals.json"),
        description="Where refused credentials are noted (hashed), so that no account gets locked",
    )

    @field_validator("contact_zone", "report_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("not the name of a time zone, such as America/Los_Angeles") from error
        return value

    @field_validator("contact_key")
    @classmethod
    def _named(cls, value: str) -> str:
        if not all(name.strip() for name in value.split(",")):
            raise ValueError("auto, or names of contact fields with commas between")
        return value

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The contact fields that identify a contact; empty for `auto`."""
        if self.contact_key == "auto":
            return ()
        return tuple(name.strip() for name in self.contact_key.split(","))
