"""What Google Sheets' connection is set by, and which tabs are read as which streams."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors import secrets
from connectors.model import FieldType
from connectors.sources.gsheet.presets import PRESETS

SHEETS, DRIVE = "https://sheets.googleapis.com", "https://www.googleapis.com"
API_KEY = re.compile(r"[A-Za-z0-9_-]{20,}")
IN_A_LINK = re.compile(r"/d/([A-Za-z0-9_-]+)")
ROW_NUMBER, SPREADSHEET_ID = "_row_number", "_spreadsheet_id"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """What a header means; in the setting a type's name alone is enough."""

    name: str | None = Field(default=None, description="Field name; the header when unset")
    type: FieldType | None = Field(default=None, description="Type; inferred when unset")
    headers: tuple[str, ...] = Field(default=(), description="Other headers it may stand under")
    optional: bool = Field(default=False, description="The tab may lack it")


class Spreadsheet(_Strict):
    """A file; in the setting its id or its link alone is enough."""

    id: str = Field(description="Spreadsheet id, or the link that shows it")
    constants: dict[str, str | int] = Field(
        default_factory=dict[str, str | int], description="Fields that each of its rows gets"
    )

    @field_validator("id")
    @classmethod
    def _from_link(cls, value: str) -> str:
        found = IN_A_LINK.search(value)
        name = found[1] if found else value.strip()
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ValueError("a spreadsheet id has letters, digits, - and _ only")
        return name


class Tab(_Strict):
    """One tab, of one or several spreadsheets of the same layout, read as one stream."""

    stream: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the stream")
    spreadsheets: tuple[Spreadsheet, ...] = Field(min_length=1, description="Where the tab is")
    tab: str | int | None = Field(
        default=None,
        description="Title, or the number after `#gid=`; unset: every tab, a stream each",
    )
    header_row: int = Field(default=1, ge=1, description="Row of the headers, counted from 1")
    key: tuple[str, ...] = Field(
        default=(), description="Fields that tell rows apart; unset: the row's number"
    )
    zone: str | None = Field(
        default=None, description="IANA zone of its times; the spreadsheet's own when unset"
    )
    columns: dict[str, Column] = Field(
        default_factory=dict[str, Column], description="Columns by header"
    )
    day_first: bool | None = Field(
        default=None,
        description="Read 1/2/2026 as 1 February; by the spreadsheet's locale if unset",
    )
    without_key: Literal["refuse", "skip"] = Field(
        default="refuse", description="What happens to rows without a key, such as totals"
    )
    max_age_hours: float = Field(
        default=24,
        ge=0,
        description="An unchanged spreadsheet is read again after so long; 0: each time",
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        given = dict(cast("dict[str, Any]", value))
        preset = given.pop("preset", None)
        base: Mapping[str, Any] = {}
        if preset is not None:
            if preset not in PRESETS:
                raise ValueError(f"no preset {preset}; there are {' and '.join(PRESETS)}")
            base = PRESETS[preset]
        made = {**base, **given}
        columns = {**base.get("columns", {}), **given.get("columns", {})}
        made["columns"] = {
            header: {"type": column} if isinstance(column, str) else column
            for header, column in columns.items()
        }
        made["spreadsheets"] = [
            {"id": each} if isinstance(each, str) else each for each in made.get("spreadsheets", ())
        ]
        return made

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            _ = ZoneInfo(value or "UTC")
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone {value}") from error
        return value

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the stream's key."""
        return self.key or (SPREADSHEET_ID, ROW_NUMBER)


class ServiceAccount(BaseModel):
    """The members we use of a service account's key file."""

    client_email: str
    private_key: str = Field(repr=False)
    private_key_id: str
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address


class Settings(BaseSettings):
    """Where Google is, who we are there, and which tabs are read."""

    model_config = SettingsConfigDict(env_prefix="GSHEET_")

    base_url: str = Field(default=SHEETS, description="Origin of the Sheets API")
    credentials: SecretStr = Field(
        description="Service account's key (JSON, or the path of the file), or an API key"
    )
    spreadsheets: Annotated[tuple[Tab, ...], NoDecode] = Field(
        min_length=1, description="Tabs to read: a JSON list, or the path of a file with one"
    )
    budget: int = Field(default=60, ge=1, description="Read requests per minute and user")

    @field_validator("spreadsheets", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value if value.lstrip().startswith(("[", "{")) else _file(value)
        try:
            tabs: object = json.loads(text)
        except ValueError as error:
            raise ValueError("it is neither a JSON list nor the path of one") from error
        return cast("object", [tabs] if isinstance(tabs, dict) else tabs)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        names = [tab.stream for tab in self.spreadsheets]
        if len(set(names)) < len(names):
            raise ValueError(
                "GSHEET_SPREADSHEETS names a stream twice; list its spreadsheets in one"
            )
        _ = self.service_account()
        return self

    def service_account(self) -> ServiceAccount | None:
        """Return the service account; None where an API key is set.

        Raises `ValueError` when the key file is not readable or lacks a member.
        """
        value = self.credentials.get_secret_value().strip()
        if API_KEY.fullmatch(value) and not Path(value).is_file():
            return None
        text = value if value.startswith("{") else _file(value, "GSHEET_CREDENTIALS")
        try:
            account = ServiceAccount.model_validate_json(text)
        except ValueError:  # its text quotes the key
            raise ValueError(
                "GSHEET_CREDENTIALS is not a service account's key: it needs client_email,"
                " private_key and private_key_id"
            ) from None
        secrets.register(account.private_key)
        scheme, host = urlsplit(account.token_uri)[:2]
        if scheme != "https" and host != urlsplit(self.base_url).netloc:
            raise ValueError("token_uri in GSHEET_CREDENTIALS must begin with https://")
        return account

    @property
    def drive_url(self) -> str:
        """Return the origin of the Drive API: Google's own, else where the Sheets API is."""
        return DRIVE if self.base_url.rstrip("/") == SHEETS else self.base_url


def _file(path: str, what: str = "it") -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ValueError(f"{what} is neither JSON nor a file that can be read") from error
