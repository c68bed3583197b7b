"""What a person sees: the local stack of `make up`, its pages in a real browser."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests import servers
from tests.conftest import available
from tests.flows.pages import SHOTS, Pages, browser

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("browser"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The texts of the pages, in the order of the walk."""

    deployments: str
    form: dict[str, str]
    run: str
    report: str
    fleet: str


@contextmanager
def local_stack(session: servers.Session) -> Generator[dict[str, str]]:
    """Start what `make up` starts, in a folder of its own; yield its environment."""
    from deployments import local
    from deployments.processes import FolderOfProcesses

    home = session.subfolder("up")
    try:
        yield local.up(
            servers.free_port(), home=home, warehouse=f"sqlite:///{home}/warehouse.sqlite3"
        )
    finally:
        processes = FolderOfProcesses(home / "local")
        for name in processes.names():
            if pid := processes.pid(name):
                session.record(psutil.Process(pid))
        local.down(home)


@pytest.fixture(scope="module")
def seen(server_session: servers.Session) -> Generator[Seen]:
    """Walk through the pages as somebody does who wants CallRail in the warehouse now."""
    with available(browser()) as tab, local_stack(server_session) as environment:
        pages = Pages(tab, environment["PREFECT_API_URL"].removesuffix("/api"))
        deployments = pages.deployments()
        form = pages.run_form("callrail")
        pages.submit("started by hand", page_size="50")
        run = pages.completed("run")
        report = pages.artifact("sync-callrail")
        pages.quick_run("health-report")
        pages.completed("health-report")
        yield Seen(
            deployments=deployments,
            form=form,
            run=run,
            report=report,
            fleet=pages.artifact("fleet"),
        )


def declared() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    return rows


def test_the_list_shows_every_deployment_with_its_tags(seen: Seen) -> None:
    lines = seen.deployments.splitlines()

    assert f"{len(declared())} Deployments" in lines
    for row in declared():
        assert row["name"] in lines
        assert set(row["tags"]) <= set(lines)


def test_the_run_form_explains_every_parameter(seen: Seen) -> None:
    from prefect.utilities.callables import parameter_schema

    from flows.sync_source import sync_source

    fields = parameter_schema(sync_source).model_dump()["properties"]

    assert {name: seen.form.get(name) for name in fields} == {
        name: field["description"] for name, field in fields.items()
    }


def test_a_run_started_from_the_form_ends_completed(seen: Seen) -> None:
    lines = seen.run.splitlines()

    assert "callrail incremental" in lines
    assert "Completed" in lines


def test_its_report_counts_what_each_stream_brought(seen: Seen) -> None:
    assert "CallRail: incremental, SUCCESS" in seen.report
    assert "MiB at the peak" in seen.report
    assert [line for line in seen.report.splitlines() if line.startswith("calls\tSUCCESS\t")]


def test_the_fleet_page_shows_the_source_that_was_synced(seen: Seen) -> None:
    from connectors.registry import SOURCES

    assert "Fleet" in seen.fleet
    assert "CallRail\n✔ fresh" in seen.fleet
    assert [source.title for source in SOURCES.values() if source.title not in seen.fleet] == []


def test_there_is_a_picture_of_each_page(seen: Seen) -> None:
    names = ("deployments", "run-form", "run", "sync-callrail", "health-report", "fleet")

    assert [name for name in names if not (SHOTS / f"{name}.png").is_file()] == []
