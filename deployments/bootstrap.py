"""Prepare a Prefect server: work pool, limits, block types, `warehouse` block, automations.

    python -m deployments.bootstrap

What is there already stays as it is, sizes apart; running it twice changes nothing.
`prefect.yaml` then needs no more than `prefect deploy --all`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from connectors import settings
from connectors.errors import ConfigError
from connectors.settings import CoreSettings
from deployments import automations

POOL = "crm-sync"
SERVER_RETRIES = 8  # the eighth pause of a run's client ends some eight minutes after the first
LIMITS = Path(__file__).with_name("limits.yaml")
DEPLOYMENTS = (Path(__file__).parents[1] / "prefect.yaml", Path(__file__).with_name("prefect.yaml"))
"""In a checkout, and where the project is installed as a package."""


class Limit(BaseModel):
    """One line of `limits.yaml`."""

    name: str
    slots: int = Field(ge=1)
    setting: str | None = None

    @property
    def size(self) -> int:
        """Slots to have: the environment's number where it names one."""
        given = os.environ.get(self.setting, "") if self.setting else ""
        return int(given or self.slots)


def limits() -> list[Limit]:
    """Read `limits.yaml`."""
    return [Limit.model_validate(row) for row in yaml.safe_load(LIMITS.read_text())["limits"]]


def bootstrap() -> Iterator[str]:
    """Prepare the server that `PREFECT_API_URL` names; yield a line per thing prepared."""
    with get_client(sync_client=True) as client:
        yield _pool(client)
        for limit in limits():
            client.upsert_global_concurrency_limit_by_name(limit.name, limit.size)
            yield f"limit {limit.name}: {limit.size} slots"
        # Not before the server has answered: this imports every source, and takes a second.
        from flows.credentials import BLOCK_TYPES  # noqa: PLC0415
        from flows.settings import FlowSettings  # noqa: PLC0415

        for kind in BLOCK_TYPES.values():
            kind.register_type_and_schema()
            yield f"block type {kind.get_block_type_slug()}"
        yield _warehouse()
        _place_for_notify(client)
        stale_after = timedelta(seconds=settings.load(FlowSettings).stale_after_seconds)
        yield from automations.ensure(client, stale_after)


def pool_template() -> dict[str, Any]:
    """Describe the pool's processes: Prefect's template, with two of its defaults changed.

    Their output is not piped to the worker: a pipe breaks when the worker dies, and the next
    line on it would end the run. And a run waits for a server that restarts, in pauses that
    double from two seconds: Prefect's five of them end after a minute, and the run with them.
    """
    template = ProcessWorker.get_default_base_job_template()
    variables = template["variables"]["properties"]
    variables["stream_output"]["default"] = False
    variables["env"]["default"] = {"PREFECT_CLIENT_MAX_RETRIES": f"{SERVER_RETRIES}"}
    return template


def _warehouse() -> str:
    """Keep WAREHOUSE_URL as the `warehouse` block, its password as a secret."""
    from prefect_sqlalchemy import ConnectionComponents, SqlAlchemyConnector  # noqa: PLC0415 - slow

    from flows.credentials import WAREHOUSE_BLOCK, warehouse_of_block  # noqa: PLC0415 - as above

    SqlAlchemyConnector.register_type_and_schema()
    core, kept = settings.load(CoreSettings), warehouse_of_block()
    if "warehouse_url" not in core.model_fields_set:
        return f"block {WAREHOUSE_BLOCK}: " + (
            "there already" if kept else "no WAREHOUSE_URL is set"
        )
    where = _location(core.warehouse_url)
    if kept is not None:
        same = make_url(kept) == where
        return f"block {WAREHOUSE_BLOCK}: there already" + (
            "" if same else ", for another database than WAREHOUSE_URL: delete it to have it remade"
        )
    block = SqlAlchemyConnector(
        connection_info=ConnectionComponents(
            driver=where.drivername,
            username=where.username,
            password=SecretStr(where.password) if where.password else None,
            host=where.host,
            port=where.port,
            database=where.database,
            query={name: value for name, value in where.query.items() if isinstance(value, str)},
        )
    )
    with block:
        _ = block.save(WAREHOUSE_BLOCK)
    return f"block {WAREHOUSE_BLOCK}: created from WAREHOUSE_URL"


def _location(url: SecretStr) -> URL:
    """Return the warehouse's URL with our driver, a file by its full path. Raises `ConfigError`."""
    try:
        where = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):  # its text may quote the password
        raise ConfigError("WAREHOUSE_URL is not a URL like postgresql://user@host/db") from None
    if where.drivername.startswith("postgres"):
        return where.set(drivername="postgresql+psycopg")
    return where.set(database=str(Path(where.database or "").resolve()))


def _place_for_notify(client: SyncPrefectClient) -> None:
    """Make the deployment that the automation starts, if it was not deployed yet.

    An automation names a deployment by id; `prefect deploy` keeps the id and adds the rest.
    """
    try:
        _ = client.read_deployment_by_name(automations.NOTIFY)
    except ObjectNotFound:
        row = next(row for row in deployed() if row["name"] == automations.NOTIFY.split("/")[1])
        _ = client.create_deployment(
            client.create_flow_from_name(automations.NOTIFY.split("/")[0]),
            row["name"],
            entrypoint=row["entrypoint"],
            description=row["description"],
            tags=row["tags"],
            work_pool_name=POOL,
        )


def deployed() -> list[dict[str, Any]]:
    """Read the deployments of `prefect.yaml`."""
    file = next(path for path in DEPLOYMENTS if path.is_file())
    rows: list[dict[str, Any]] = yaml.safe_load(file.read_text())["deployments"]
    return rows


def _pool(client: SyncPrefectClient) -> str:
    template = pool_template()
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        _ = client.create_work_pool(
            WorkPoolCreate(name=POOL, type="process", base_job_template=template)
        )
        return f"work pool {POOL}: created"
    if pool.base_job_template != template:
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
        return f"work pool {POOL}: brought up to date"
    return f"work pool {POOL}: there already"


def main() -> int:
    """Run from a shell; exit code 2 without a server to prepare."""
    if not PREFECT_API_URL.value():
        print("Set PREFECT_API_URL to the server to prepare.", file=sys.stderr)
        return 2
    for line in bootstrap():
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
