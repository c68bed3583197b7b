"""Prepare a Prefect server: work pool, concurrency limits, block types.

    python -m deployments.bootstrap

What is there already stays as it is, sizes apart; running it twice changes nothing.
`prefect.yaml` then needs no more than `prefect deploy --all`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker
from pydantic import BaseModel, Field

POOL = "crm-sync"
LIMITS = Path(__file__).with_name("limits.yaml")


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
    from flows.credentials import BLOCK_TYPES  # noqa: PLC0415 - the server may be slow; say so first

    for kind in BLOCK_TYPES.values():
        kind.register_type_and_schema()
        yield f"block type {kind.get_block_type_slug()}"


def pool_template() -> dict[str, Any]:
    """Describe the pool's processes: Prefect's template, their output not piped to the worker.

    A pipe breaks when the worker dies, and the next line on it would end the run.
    """
    template = ProcessWorker.get_default_base_job_template()
    template["variables"]["properties"]["stream_output"]["default"] = False
    return template


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
