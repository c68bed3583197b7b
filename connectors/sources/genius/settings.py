"""Where the Genius database is, who we are there, and how gently it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SQLITE = "sqlite:///"


class Settings(BaseSettings):
    """One host, never another one when it fails: `localhost` would be somebody else's data."""

    model_config = SettingsConfigDict(env_prefix="GENIUS_")

    db_host: str = Field(
        description="Host of the MySQL database, or sqlite:///path of a file with the same tables"
    )
    db_port: int = Field(default=3306, ge=1, le=65_535, description="Port of the MySQL database")
    db_name: str = Field(description="Name of the database")
    db_user: str = Field(description="A user that may only read")
    db_password: SecretStr = Field(description="Password of that user")
    db_zone: str = Field(
        default="UTC", description="IANA zone that the database's naive times are meant in"
    )
    db_tls: Literal["off", "preferred", "verify"] = Field(
        default="preferred",
        description="off; preferred: encrypt if the server can, unchecked; verify: or refuse",
    )
    db_tls_ca: Path | None = Field(
        default=None, description="PEM file that verifies the server; the system's when unset"
    )
    db_statement_seconds: int = Field(
        default=300, ge=1, le=3600, description="Longest time the server may work on one query"
    )
    budget: int | None = Field(
        default=None, ge=1, description="Queries per minute that we allow ourselves; unset: any"
    )

    @field_validator("db_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no such time zone; write it like America/Los_Angeles") from error
        return name

    @field_validator("db_host")
    @classmethod
    def _possible_host(cls, host: str) -> str:
        try:
            if not host.startswith(SQLITE):
                host.encode("idna")
        except UnicodeError as error:
            raise ValueError("no host has such a name: a part is empty or too long") from error
        return host

    @model_validator(mode="after")
    def _whole_file_name(self) -> Self:
        if self.db_host.startswith(SQLITE) and not self.sqlite_file:
            raise ValueError("GENIUS_DB_HOST names no file after sqlite:///")
        return self

    @property
    def sqlite_file(self) -> str | None:
        """Path of the SQLite file that stands in for the server; None for a real one."""
        found = self.db_host.removeprefix(SQLITE)
        return found if found != self.db_host else None
