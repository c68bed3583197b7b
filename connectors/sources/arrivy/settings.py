"""What Arrivy's connection and its choices are set by."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where Arrivy is, who we are there, and which part of the schedule each run reads again."""

    model_config = SettingsConfigDict(env_prefix="ARRIVY_")

    base_url: str = Field(default="https://app.arrivy.com/api", description="Base of the API")
    api_key: SecretStr = Field(description="Token of the account, sent as X-Auth-Token")
    auth_key: SecretStr = Field(description="Key of the account, sent as X-Auth-Key")
    budget: int = Field(default=30, ge=1, description="Requests per minute, one at a time")
    days_back: int = Field(
        default=30, ge=1, description="Days before today whose tasks are read again each run"
    )
    days_ahead: int = Field(
        default=180, ge=1, description="Days of the schedule to come that are read by windows"
    )
    window_days: int = Field(default=7, ge=1, description="Days of the schedule per first window")
    details: Literal["inline", "calls"] = Field(
        default="inline",
        description="Status history and ratings inside the task list, or by a request per task",
    )
    lists_every_hours: int = Field(
        default=20,
        ge=0,
        description="Hours between reads of a list longer than ten pages; 0: each run reads it",
    )
