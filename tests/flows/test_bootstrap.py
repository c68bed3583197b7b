"""Bootstrap: what it leaves on a Prefect server, and that doing it twice changes nothing."""

from __future__ import annotations

import asyncio
from importlib.metadata import entry_points
from typing import Any

import pytest

URL = "postgresql://loader:pa%40ss-very-secret@db.example.com:5433/crm?sslmode=require"


@pytest.mark.prefect
def test_run_twice_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from deployments.bootstrap import bootstrap

    monkeypatch.setenv("WAREHOUSE_URL", URL)
    forget_block()

    first = list(bootstrap())
    before = kept()
    second = list(bootstrap())

    assert "block warehouse: created from WAREHOUSE_URL" in first
    assert kept() == before
    assert not [line for line in second if "created" in line or "brought up" in line]
    assert [line for line in second if line.startswith("automation")] == [
        "automation crm-sync: runs without a beat are crashed: there already",
        "automation crm-sync: tell of runs that ended ill: there already",
    ]


@pytest.mark.prefect
def test_a_changed_automation_is_put_right_a_paused_one_stays_paused_a_double_goes() -> None:
    from prefect import get_client
    from prefect.automations import AutomationCore

    from deployments.bootstrap import bootstrap

    list(bootstrap())
    with get_client(sync_client=True) as client:
        name = "crm-sync: runs without a beat are crashed"
        (found,) = client.read_automations_by_name(name)
        content = found.model_dump(exclude={"id", "owner_resource"})
        changed = AutomationCore.model_validate(
            content | {"description": "by hand", "enabled": False}
        )
        client.update_automation(found.id, changed)
        client.create_automation(changed)

        lines = list(bootstrap())

        (after,) = client.read_automations_by_name(name)
    assert f"automation {name}: brought up to date" in lines
    assert not after.enabled
    assert "STALE_AFTER_SECONDS" in after.description


@pytest.mark.prefect
def test_the_warehouse_block_shows_no_password_and_serves_where_no_url_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from prefect import get_client

    from deployments.bootstrap import bootstrap
    from flows import credentials

    forget_block()
    monkeypatch.setenv("WAREHOUSE_URL", URL)
    list(bootstrap())
    with get_client(sync_client=True) as client:
        shown = client.read_block_document_by_name(
            "warehouse", "sqlalchemy-connector", include_secrets=False
        )

    monkeypatch.delenv("WAREHOUSE_URL")
    by_block = credentials.core_settings().warehouse_url.get_secret_value()
    monkeypatch.setenv("WAREHOUSE_URL", "sqlite:///mine.sqlite3")
    by_environment = credentials.core_settings().warehouse_url.get_secret_value()
    said = list(bootstrap())
    forget_block()

    assert "very-secret" not in str(shown.data)
    assert "db.example.com" in str(shown.data)
    assert by_block == URL.replace("postgresql:", "postgresql+psycopg:")
    assert by_environment == "sqlite:///mine.sqlite3"
    assert any("for another database than WAREHOUSE_URL" in line for line in said)


def test_the_package_is_a_prefect_collection_with_a_block_type_per_source() -> None:
    from connectors.registry import SOURCES
    from flows.credentials import BLOCK_TYPES

    (entry,) = entry_points(group="prefect.collections", name="crm_sync")

    assert entry.value == "flows.credentials"
    assert entry.load().BLOCK_TYPES is BLOCK_TYPES
    assert BLOCK_TYPES.keys() == SOURCES.keys()
    assert BLOCK_TYPES["hubspot"].get_block_type_slug() == "hubspot-credentials"


async def resolved(**job_variables: Any) -> dict[str, str | None]:
    """The environment that a worker makes of the pool's template for one run."""
    from prefect.workers.process import ProcessJobConfiguration

    from deployments.bootstrap import pool_template

    made = await ProcessJobConfiguration.from_template_and_values(pool_template(), job_variables)
    return made.env


@pytest.mark.prefect
def test_a_run_waits_for_minutes_for_a_server_that_restarts_whatever_else_is_set() -> None:
    """Prefect's own five attempts end after a minute (2 + 4 + ... + 32 s), and the run fails."""
    environment = asyncio.run(resolved(env={"ENABLE_SALESPRO": "true"}))

    attempts = int(environment["PREFECT_CLIENT_MAX_RETRIES"] or 0)
    assert environment["ENABLE_SALESPRO"] == "true"
    assert sum(2**attempt for attempt in range(1, attempts + 1)) > 5 * 60


def kept() -> dict[str, Any]:
    """Everything that bootstrap may have left on the server."""
    from prefect import get_client

    from deployments.bootstrap import POOL

    with get_client(sync_client=True) as client:
        pool = client.read_work_pool(POOL)
        limits = client.read_global_concurrency_limits()
        automations = client.read_automations()
        documents = client.read_block_documents()
        types = client.read_block_types()
        notify = client.read_deployment_by_name("notify/notify")
    return {
        "pool": (pool.id, pool.base_job_template),
        "limits": sorted((limit.name, limit.id, limit.limit) for limit in limits),
        "automations": sorted((one.name, str(one.model_dump())) for one in automations),
        "blocks": sorted((str(one.id), str(one.data)) for one in documents),
        "types": sorted(one.slug for one in types),
        "notify": (notify.id, notify.entrypoint, notify.tags),
    }


def forget_block() -> None:
    from prefect import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            found = client.read_block_document_by_name("warehouse", "sqlalchemy-connector")
        except ObjectNotFound:
            return
        client.delete_block_document(found.id)
