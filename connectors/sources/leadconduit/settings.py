"""What LeadConduit's connection and its choices are set by."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Names = Annotated[tuple[str, ...], NoDecode]
HEAVY = ("transactions", "request", "response", "mappings", "rule_set", "acceptance_criteria")
"""Whole HTTP conversations and rules, repeated in each event: most of its 5 to 50 KB."""


class Settings(BaseSettings):
    """Where LeadConduit is, who we are there, and how much of an event is read."""

    model_config = SettingsConfigDict(env_prefix="LEADCONDUIT_")

    base_url: str = Field(
        default="https://app.leadconduit.com", description="Origin of the application's API"
    )
    username: str = Field(default="API", description="User name beside the key; any is accepted")
    api_key: SecretStr = Field(description="Key of the account, the password of basic access")
    budget: int | None = Field(
        default=None, ge=1, description="Requests per second, instead of 2; no limit is documented"
    )
    overlap_minutes: int = Field(
        default=30,
        ge=1,
        description="Minutes read again each run: an event's id is as old as its lead's start",
    )
    retention_days: int = Field(
        default=90, ge=1, description="Days that the account keeps events (data retention)"
    )
    exclude: Names = Field(
        default=HEAVY, description="Fields of events that are not asked for, comma separated"
    )

    @field_validator("exclude", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
