"""The stack for more than one machine says the same in containers and as processes.

No container engine is needed: `make cluster` starts what `compose.yaml` names.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments import cluster
from tests.conftest import setting_names

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "deployments" / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "deployments" / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = {name: row for name, row in SERVICES.items() if row["image"] == "crm-sync"}
BACKING = cluster.Backing(
    database="postgresql+asyncpg://p@h/prefect",
    redis="redis://h:6379",
    warehouse="postgresql+psycopg://w@h/warehouse",
    access="admin:word",
)


def prefect_names() -> set[str]:
    """Return every environment name that Prefect's server and its Redis package read."""
    from prefect.settings import Settings
    from prefect.settings.legacy import _get_settings_fields  # pyright: ignore[reportPrivateUsage]
    from prefect_redis.cleanup_queue import RedisWorkerCleanupQueueSettings
    from prefect_redis.client import RedisMessagingSettings

    redis = (RedisMessagingSettings, RedisWorkerCleanupQueueSettings)
    return {*_get_settings_fields(Settings)} | {
        f"{kind.model_config.get('env_prefix', '')}{name}".upper()
        for kind in redis
        for name in kind.model_fields
    }


@pytest.mark.parametrize("service", OURS)
def test_every_setting_of_a_container_is_one_that_something_reads(service: str) -> None:
    known = prefect_names() | set(setting_names()) | {"DO_NOT_TRACK"}

    assert set(OURS[service]["environment"]) <= known


def test_containers_and_processes_have_the_same_settings() -> None:
    server, client = BACKING.server(Path("/home")), BACKING.client(Path("/home"), "http://api/api")
    pages = {"PREFECT_SERVER_UI_API_URL"}  # a process learns its address when it gets its port
    own = {  # where containers keep what a process keeps in the folder it was started in
        "FIVE9_REFUSALS_FILE",
        "PREFECT_WORKER_WEBSERVER_HOST",
        "PREFECT_WORKER_WEBSERVER_PORT",
    }

    for name in ("migrate", "api-1", "api-2", "services"):
        assert set(OURS[name]["environment"]) == server.keys() | pages
        for setting, value in cluster.SHARED_BY_REPLICAS.items():
            assert OURS[name]["environment"][setting] == value
    assert set(OURS["worker"]["environment"]) == client.keys() | own
    assert set(OURS["deploy"]["environment"]) == client.keys() | {"SYNC_MAX_CONCURRENT"}


def test_containers_and_processes_run_the_same_commands() -> None:
    commands = {
        "migrate": cluster.MIGRATE,
        "api-1": cluster.API,
        "api-2": cluster.API,
        "services": cluster.SERVICES,
        "worker": (*cluster.WORKER, cluster.POOL),
    }

    for name, command in commands.items():
        assert tuple(OURS[name]["command"])[: 1 + len(command)] == ("prefect", *command)


def test_each_redis_database_has_one_use() -> None:
    server, client = BACKING.server(Path("/home")), BACKING.client(Path("/home"), "http://api/api")

    assert server["PREFECT_REDIS_MESSAGING_URL"] == "redis://h:6379/0"
    assert server["PREFECT_SERVER_DOCKET_URL"] == "redis://h:6379/1"
    assert client["REDIS_URL"] == "redis://h:6379/2"
    for name in ("PREFECT_REDIS_MESSAGING_URL", "PREFECT_SERVER_DOCKET_URL"):
        assert OURS["api-1"]["environment"][name][-2:] == server[name][-2:]
    assert OURS["worker"]["environment"]["REDIS_URL"].endswith("/2")


def test_prefect_takes_the_values(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import Settings

    for name, value in cluster.SHARED_BY_REPLICAS.items():
        monkeypatch.setenv(name, value)
    read = Settings().server

    assert read.concurrency.lease_storage == "prefect_redis.lease_storage"
    assert read.events.messaging_broker == read.events.messaging_cache == "prefect_redis.messaging"
    assert read.events.causal_ordering == "prefect_redis.ordering"
    assert read.worker_channel.cleanup_queue_storage == "prefect_redis.cleanup_queue"
    assert read.database.migrate_on_start is False
    assert "flow_runs" in read.services.db_vacuum.enabled_vacuum_types


def test_the_modules_that_replicas_share_exist() -> None:
    modules = {value for value in cluster.SHARED_BY_REPLICAS.values() if "." in value}

    assert {importlib.import_module(name).__name__ for name in modules} == modules


def test_no_password_has_a_default() -> None:
    variables = re.findall(r"\$\{([A-Z_0-9]+)(:?[-?+]?)", COMPOSE)
    secret = {(name, rule) for name, rule in variables if re.search("PASSWORD|ACCESS", name)}

    assert {name for name, _ in secret} == {
        "PREFECT_ACCESS", "PREFECT_DATABASE_PASSWORD", "REDIS_PASSWORD", "WAREHOUSE_PASSWORD",
    }  # fmt: skip
    assert {rule for _, rule in secret} == {":?"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(service: str) -> None:
    row = SERVICES[service]
    user = row.get("user") or re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1]

    assert user.split(":")[0] not in {"", "0", "root"}
    assert row["read_only"] is True
    assert row["cap_drop"] == ["ALL"]
    assert row["security_opt"] == ["no-new-privileges:true"]
    assert row.keys().isdisjoint({"privileged", "cap_add", "devices", "pid", "network_mode"})
    assert all(port.startswith("127.0.0.1:") for port in row.get("ports", ()))
    assert all(not volume.startswith(("/", ".", "~")) for volume in row.get("volumes", ()))


def test_what_runs_on_is_checked_and_what_waits_waits_for_something_that_is_there() -> None:
    lasting = {name for name, row in SERVICES.items() if row["restart"] != "no"}

    assert {name for name in lasting if "healthcheck" not in SERVICES[name]} == {"services"}
    for name, row in SERVICES.items():
        for other, waiting in row.get("depends_on", {}).items():
            healthy = waiting["condition"] == "service_healthy"
            assert healthy == (other in lasting), f"{name} waits for {other}"
            assert not healthy or "healthcheck" in SERVICES[other]


def test_the_image_is_made_of_files_that_are_there_and_sent() -> None:
    sent = (ROOT / "deployments" / "Dockerfile.dockerignore").read_text().splitlines()
    copied = {
        name
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for name in line.split()
    }

    assert copied == {line[1:] for line in sent if line.startswith("!")}
    assert all((ROOT / name).exists() for name in copied)
