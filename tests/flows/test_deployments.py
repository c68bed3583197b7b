from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from connectors.registry import SOURCES

ROOT = Path(__file__).parents[2]


def deployments() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    return rows


def test_every_registered_source_has_its_deployment_and_no_other() -> None:
    deployed = {row["parameters"]["source"]: row for row in deployments() if "crm" in row["tags"]}

    assert deployed.keys() == SOURCES.keys()
    for name, row in deployed.items():
        assert row["name"] == name
        slugs = {schedule["slug"]: schedule for schedule in row["schedules"]}
        assert slugs.keys() == {"incremental", "full"}
        assert slugs["full"]["parameters"] == {"source": name, "mode": "full"}
        on = [schedule.get("active", True) for schedule in row["schedules"]]
        assert on == [SOURCES[name].enabled_by_default] * 2


def test_no_two_sources_start_in_the_same_minute() -> None:
    crons = [s["cron"] for row in deployments() if "crm" in row["tags"] for s in row["schedules"]]

    assert len(set(crons)) == len(crons)


@pytest.mark.parametrize("row", deployments(), ids=lambda row: row["name"])
def test_an_entrypoint_names_a_flow_that_takes_its_parameters(row: dict[str, Any]) -> None:
    """Defects 1 and 2 of the old platform: no scheduled task could be started."""
    module, _, name = row["entrypoint"].rpartition(".")
    flow = getattr(import_module(module), name)

    for schedule in row["schedules"]:
        parameters = row.get("parameters", {}) | schedule.get("parameters", {})
        assert flow.validate_parameters(parameters) is not None


def test_the_care_of_the_runs_is_deployed_and_described() -> None:
    care = {row["name"]: row for row in deployments() if "crm" not in row["tags"]}

    assert care.keys() == {
        "sweep-stale-runs",
        "prune-history",
        "replay-rejects",
        "backfill",
        "notify",
        "health-report",
    }
    for name, row in care.items():
        assert row["description"], name
        assert row["work_pool"]["name"] == "crm-sync"


def test_deployments_registry_limits_and_example_say_the_same() -> None:
    from deployments.bootstrap import POOL, limits

    example = dotenv_values(ROOT / ".env.example", interpolate=False)
    active = {
        row["name"]: all(schedule.get("active", True) for schedule in row["schedules"])
        for row in deployments()
        if "crm" in row["tags"]
    }

    assert active == {name: example[f"ENABLE_{name.upper()}"] == "true" for name in SOURCES}
    assert {row["work_pool"]["name"] for row in deployments()} == {POOL}
    for limit in limits():
        assert limit.setting is None or example[limit.setting] == str(limit.slots)


def test_the_limit_of_the_flow_is_listed() -> None:
    from deployments.bootstrap import limits
    from flows.limits import LIMIT

    assert [limit.name for limit in limits()] == [LIMIT]


@pytest.mark.prefect
def test_bootstrap_run_twice_changes_nothing() -> None:
    from prefect import get_client

    from deployments.bootstrap import POOL, bootstrap

    list(bootstrap())
    with get_client(sync_client=True) as client:
        before = client.read_work_pool(POOL)
        again = list(bootstrap())
        after = client.read_work_pool(POOL)

    assert again[0] == f"work pool {POOL}: there already"
    assert after.base_job_template == before.base_job_template


@pytest.mark.prefect
def test_the_server_plans_the_runs_of_a_schedule() -> None:
    """Prefect 3.8.8 plans none under SQLAlchemy 2.1; only its server's log says so."""
    from prefect import get_client
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
    from prefect.client.schemas.schedules import CronSchedule

    from flows.maintenance import prune_history
    from tests.flows.prefect_stack import eventually

    with get_client(sync_client=True) as client:
        hourly = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 * * * *"), active=True)
        made = client.create_deployment(
            client.create_flow(prune_history), "planned", schedules=[hourly]
        )
        only = DeploymentFilter(id=DeploymentFilterId(any_=[made]))
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": made}, json={})

        assert eventually(lambda: client.read_flow_runs(deployment_filter=only), "a planned run")
        client.delete_deployment(made)
