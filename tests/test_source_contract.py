"""Promises every source keeps, checked against its sandbox. A source joins by being listed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Generator

import pytest
from pydantic import SecretStr

from connectors.context import Context
from connectors.errors import ConfigError, CredentialsError
from connectors.model import Source
from connectors.outcomes import StreamReport, verdict
from connectors.registry import SOURCES
from connectors.sandbox import Sandbox
from connectors.settings import load, variables
from connectors.sync import Options, SourceSync, run
from connectors.warehouse import locks, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Impatient, unhurried
from tests.warehouse.loading import rows

EVERY_SOURCE = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


@pytest.fixture
def sandbox(source: Source, monkeypatch: pytest.MonkeyPatch) -> Generator[Sandbox]:
    """Pretend to be the source's vendor, small, with the environment set to it."""
    with Sandbox(seed=3, scale=0.2, only=[source.name]) as vendor:
        for name, value in vendor.environment().items():
            monkeypatch.setenv(name, value)
        yield vendor


def sync(source: Source, warehouse: Warehouse, options: Options) -> dict[str, StreamReport]:
    """Run once without Prefect and without waiting; close the run whatever happens."""
    run_id = str(uuid.uuid4())
    runs.open_run(warehouse, runs.NewRun(run_id=run_id, source=source.name, mode=options.mode))
    acquired = locks.acquire(warehouse, source.name, run_id)
    assert isinstance(acquired, locks.Acquired)
    ref = runs.RunRef(run_id=run_id, source=source.name, fence=acquired.fence)
    assert runs.start(warehouse, ref)
    status, reports = Status.FAILED, list[StreamReport]()
    stop = Impatient()
    context = Context(throttles=unhurried(stop), stopping=stop)
    try:
        with SourceSync.open(
            source, warehouse, ref, options, context=context, settings=load(source.settings)
        ) as opened:
            reports = run(opened)
        status, _ = verdict(reports)
    finally:
        runs.finish(warehouse, run_id, status)
    return {report.stream: report for report in reports}


@EVERY_SOURCE
@pytest.mark.usefixtures("sandbox")
def test_a_full_read_lands_every_stream_and_a_second_changes_nothing(
    source: Source, sqlite: Warehouse
) -> None:
    first = sync(source, sqlite, Options(mode="full"))
    again = sync(source, sqlite, Options(mode="full"))

    problems = {name: report.error for name, report in first.items() if report.error}
    assert problems == {}
    assert sum(report.counts.inserted for report in first.values()) > 0
    rewritten = {
        name: report.counts
        for name, report in again.items()
        if report.counts.inserted or report.counts.updated or report.counts.deleted
    }
    assert rewritten == {}


@EVERY_SOURCE
def test_after_the_vendor_changed_nothing_of_its_ledger_is_missing(
    source: Source, sqlite: Warehouse, sandbox: Sandbox
) -> None:
    sync(source, sqlite, Options(mode="full"))
    for _ in range(3):
        sandbox.step(source.name)

    incremental = sync(source, sqlite, Options())
    full = sync(source, sqlite, Options(mode="full"))

    assert {n: r.error for n, r in (incremental | full).items() if r.status is Status.FAILED} == {}
    for stream in source.streams:
        if stream.name not in full:
            continue
        try:
            ledger = sandbox.ledger(source.name, stream.name)
        except KeyError:  # made up of several of the vendor's lists: its own tests compare it
            continue
        stored = rows(sqlite, stream, source.name)
        held = sum(not row["_deleted"] for row in stored.values())
        assert held >= sum(not entry.deleted for entry in ledger), stream.name


ASKS_FOR_CREDENTIALS = pytest.mark.parametrize(
    "source",
    [source for source in SOURCES.values() if source.name != "genius"],  # its sandbox is a file
    ids=lambda source: source.name,
)


@ASKS_FOR_CREDENTIALS
@pytest.mark.usefixtures("sandbox")
def test_refused_credentials_stop_the_run_and_show_no_secret(
    source: Source, sqlite: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(source.settings)
    for name, field in variables(source.settings).items():
        held = next(n for n, f in source.settings.model_fields.items() if f is field)
        if isinstance(getattr(settings, held), SecretStr):
            monkeypatch.setenv(name, "wrong-credential-1234567890")

    with pytest.raises(ConfigError) as refused:
        sync(source, sqlite, Options(mode="full"))

    assert isinstance(refused.value, CredentialsError) or "credential" in str(refused.value).lower()
    assert "wrong-credential" not in str(refused.value)
    assert "\n" not in str(refused.value)


@EVERY_SOURCE
def test_a_missing_credential_is_explained_before_the_vendor_is_asked(
    source: Source, sqlite: Warehouse
) -> None:
    """Nothing of the source is set in a test's environment."""
    with pytest.raises(ConfigError, match=f"{source.name.upper()}_") as missing:
        sync(source, sqlite, Options(mode="full"))

    assert "\n" not in str(missing.value)


@EVERY_SOURCE
def test_every_stream_says_what_it_is(source: Source) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*", source.name)
    assert source.connect.__module__.startswith(f"connectors.sources.{source.name}")
    names = [stream.name for stream in source.streams]
    assert len(names) == len(set(names))
    for stream in source.streams:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", stream.name), stream.name
        assert stream.key, stream.name
        assert len(stream.sees) > 20, f"{stream.name}: say what an incremental run sees"
        assert set(stream.after) <= set(names), stream.name
