"""What SalesRabbit's connection is set by."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where SalesRabbit is, who we are there, and what is not known for sure about it."""

    model_config = SettingsConfigDict(env_prefix="SALESRABBIT_")

    base_url: str = Field(default="https://api.salesrabbit.com", description="Base of the API")
    api_token: SecretStr = Field(description="API token of the account")
    budget: int = Field(
        default=60, ge=1, description="Requests per minute, spread evenly; no limit is documented"
    )
    overlap_minutes: int = Field(
        default=5,
        ge=1,
        description="Minutes read again each run, for clocks that differ and late writes",
    )
    activities_per_page: int = Field(
        default=500,
        ge=1,
        le=2000,
        description="Lines of the knock log per request; 100 where SalesRabbit refuses more",
    )
    custom_fields_path: str = Field(
        default="/leadCustomFields", description="Path of the custom fields; not confirmed"
    )
    org_units_path: str = Field(
        default="/orgUnits", description="Path of the organisation's units; not confirmed"
    )
    roles_path: str = Field(default="/roles", description="Path of the user roles; not confirmed")
