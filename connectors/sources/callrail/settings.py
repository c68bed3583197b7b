"""What CallRail's connection and its choices are set by."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors.sources.callrail.streams import CALL_FIELDS

Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Where CallRail is, who we are there, and how far back its changes are looked for."""

    model_config = SettingsConfigDict(env_prefix="CALLRAIL_")

    base_url: str = Field(default="https://api.callrail.com/v3", description="Base of the API")
    api_key: SecretStr = Field(description="Key of the v3 API; it sees what its user sees")
    budget: int | None = Field(
        default=None,
        ge=1,
        description="Requests per hour, instead of 1,000; a day allows ten times as many",
    )
    lookback_days: int = Field(
        default=30,
        ge=1,
        description="Days read again each run, since edits and spam marks move no date",
    )
    history_months: int = Field(
        default=25, ge=1, description="Months that CallRail lets one look back"
    )
    messages: Literal["full", "recent"] = Field(
        default="full",
        description="Whole conversations (a request for each that may have unseen messages),"
        " or only the recent messages that the list shows",
    )
    call_fields: Names = Field(
        default=CALL_FIELDS, description="Fields of calls beyond the standard ones, comma separated"
    )

    @field_validator("call_fields", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
