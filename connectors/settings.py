"""Settings: where they come from, and how a wrong one is reported.

Every settings class is read the same way: the environment first, then a `.env` file in the
working directory; an empty variable counts as not set, a foreign one is nobody's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import Field, SecretStr, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from connectors import secrets
from connectors.errors import ConfigError

T = TypeVar("T", bound=BaseSettings)


class CoreSettings(BaseSettings):
    """What belongs to no vendor: the warehouse, the shared budget, sizes."""

    warehouse_url: SecretStr = Field(
        default=SecretStr("sqlite:///crm-sync.db"), description="SQLAlchemy URL of the warehouse"
    )
    warehouse_schema: str | None = Field(
        default=None, description="Schema of our tables; the database's default when unset"
    )
    redis_url: SecretStr | None = Field(
        default=None, description="Redis where workers share vendor budgets; unset: one process"
    )
    ingest_page_size: int = Field(
        default=200, ge=1, le=10_000, description="Records asked for per request"
    )
    db_bulk_batch_size: int = Field(
        default=1000, ge=1, le=50_000, description="Rows per warehouse transaction"
    )
    delete_guard_share: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Share of a table's rows that one comparison may soft-delete; 1: any",
    )
    throttle_max_wait_seconds: float = Field(
        default=120.0, ge=0, le=3600, description="Longest wait for one request's turn"
    )
    budget_reserve: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of hourly and longer vendor budgets left to other applications",
    )


def load(settings_class: type[T], overrides: Mapping[str, Any] | None = None) -> T:
    """Read `settings_class` and register its secrets for scrubbing.

    `overrides` (field name -> value) win over the environment. Raises `ConfigError` that
    names every variable at fault, and no value.
    """
    try:
        settings = _from_environment(settings_class)(**(overrides or {}))
    except ValidationError as error:
        raise ConfigError(_sentence(settings_class, error.errors())) from None
    except SettingsError as error:  # a list or mapping that is not JSON; names the field only
        raise ConfigError(
            f"a setting of {settings_class.__module__} is unreadable: {error}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f".env cannot be read: {type(error).__name__}") from None
    secrets.register_settings(settings)
    return cast("T", settings)


def enabled(source_name: str, *, default: bool) -> bool:
    """Whether the gate `ENABLE_<SOURCE>` is open. Raises `ConfigError` for a non-boolean."""
    gate = f"enable_{source_name}"
    definition: dict[str, Any] = {gate: (bool, default)}
    gates: type[BaseSettings] = create_model("Gates", __base__=BaseSettings, **definition)
    return bool(getattr(load(gates), gate))


def variables(settings_class: type[BaseSettings]) -> dict[str, FieldInfo]:
    """Return the environment variables that `settings_class` reads, with their fields."""
    return {
        _variable(settings_class, name): field
        for name, field in settings_class.model_fields.items()
    }


@lru_cache(maxsize=64)
def _from_environment(settings_class: type[BaseSettings]) -> type[BaseSettings]:
    config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )
    return type(
        settings_class.__name__,
        (settings_class,),
        {"model_config": config, "__module__": settings_class.__module__},
    )


def _variable(settings_class: type[BaseSettings], name: str) -> str:
    alias = settings_class.model_fields[name].validation_alias
    if isinstance(alias, str):
        return alias.upper()
    return f"{settings_class.model_config.get('env_prefix', '')}{name}".upper()


def _sentence(settings_class: type[BaseSettings], faults: list[ErrorDetails]) -> str:
    """One sentence for all faults: what to set, then what to correct."""
    missing: list[str] = []
    wrong: list[str] = []
    for fault in faults:
        if not fault["loc"]:  # a rule over several fields, worded by us
            wrong.append(fault["msg"].removeprefix("Value error, "))
            continue
        name = str(fault["loc"][0])
        known = name in settings_class.model_fields
        variable = _variable(settings_class, name) if known else name.upper()
        if fault["type"] == "missing":
            missing.append(variable)
        else:
            wrong.append(f"{variable} is not valid: {fault['msg'].removeprefix('Value error, ')}")
    parts = [f"set {' and '.join(missing)}"] if missing else []
    return "; ".join(parts + wrong) + " (in the environment or in .env)"
