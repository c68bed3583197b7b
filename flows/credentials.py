"""Credentials pasted into Prefect's UI: one block type per source, the fields of its settings.

A block named `default` (`hubspot-credentials/default`) overrides the environment, field by
field: what it leaves empty is read from the environment as ever. For the warehouse it is the other
way round: the `warehouse` block (prefect-sqlalchemy, connection components only: a URL block
would show the password) serves where `WAREHOUSE_URL` is not set, so that a machine can always
be pointed elsewhere. Both are optional; this module is a Prefect collection, so that the
types appear in the UI wherever the project is installed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import new_class
from typing import Any

from prefect.blocks.core import Block
from prefect.context import SyncClientContext
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from connectors import settings
from connectors.model import Source
from connectors.registry import SOURCES
from connectors.secrets import SecretFilter
from connectors.settings import CoreSettings

BLOCK_NAME = "default"
WAREHOUSE_BLOCK = "warehouse"
WAREHOUSE_SLUG = "sqlalchemy-connector"


def block_type(source: Source) -> type[Block]:
    """Make the block type of `source`: its settings' fields, each optional, secrets masked."""
    fields = source.settings.model_fields
    title = f"{source.title} credentials"
    body: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": f"How crm-sync signs in to {source.title}; empty fields: from the environment.",
        "__annotations__": {name: _or_none(field.annotation) for name, field in fields.items()},
        "_block_type_name": title,
        "_block_type_slug": f"{source.name}-credentials",
        **{
            name: Field(default=None, description=field.description)
            for name, field in fields.items()
        },
    }
    return new_class(
        f"{source.name.title()}Credentials", (Block,), exec_body=lambda of: of.update(body)
    )


def _or_none(annotation: Any) -> Any:
    return annotation | None


BLOCK_TYPES: Mapping[str, type[Block]] = {
    name: block_type(source) for name, source in SOURCES.items()
}


def source_settings(source: Source) -> BaseSettings:
    """Read the settings of `source`: its block where there is one, else the environment.

    Raises `ConfigError` naming every variable at fault.
    """
    return settings.load(source.settings, _pasted(source))


def core_settings() -> CoreSettings:
    """Read the settings of warehouse and budgets.

    Where the warehouse is: `WAREHOUSE_URL`, else the `warehouse` block, else an SQLite file.
    Raises `ConfigError`.
    """
    chosen = settings.load(CoreSettings)
    if "warehouse_url" in chosen.model_fields_set:
        return chosen
    url = warehouse_of_block()
    return settings.load(CoreSettings, {"warehouse_url": SecretStr(url)}) if url else chosen


def warehouse_of_block() -> str | None:
    """Return the URL, with its password, that the `warehouse` block stands for; None without one.

    The block's own engine is not used: the loader needs settings of its own on each connection.
    """
    if not _exists(WAREHOUSE_SLUG, WAREHOUSE_BLOCK):
        return None
    from prefect_sqlalchemy import SqlAlchemyConnector  # noqa: PLC0415 - slow, and rarely needed

    block: SqlAlchemyConnector = SqlAlchemyConnector.load(WAREHOUSE_BLOCK)  # pyright: ignore[reportUnknownMemberType, reportAssignmentType]
    with block:
        return block.get_engine().url.render_as_string(hide_password=False)


def scrub_logs() -> None:
    """Put the secret filter on every log handler of this process. Twice is fine."""
    known = logging.root.manager.loggerDict.values()
    loggers = [logging.root, *(one for one in known if isinstance(one, logging.Logger))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if not any(isinstance(one, SecretFilter) for one in handler.filters):
            handler.addFilter(SecretFilter())


def _pasted(source: Source) -> dict[str, Any]:
    kind = BLOCK_TYPES.get(source.name)
    if kind is None or not _exists(kind.get_block_type_slug(), BLOCK_NAME):
        return {}
    block = kind.load(BLOCK_NAME)
    fields = source.settings.model_fields
    values = {name: getattr(block, name) for name in fields}
    return {name: value for name, value in values.items() if not _empty(value)}


def _empty(value: Any) -> bool:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return plain is None or plain == ""


def _exists(slug: str, name: str) -> bool:
    if not PREFECT_API_URL.value():
        return False  # blocks live on a server; starting one only to look takes many seconds
    # A run's own client is the one that waits for a server which restarts.
    with SyncClientContext.get_or_create() as open_here:
        try:
            _ = open_here.client.read_block_document_by_name(name, slug)
        except ObjectNotFound:
            return False
    return True
