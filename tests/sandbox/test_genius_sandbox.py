"""The pretend Genius: a SQLite file that the same reading code takes for the database."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Generator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError

import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.genius import STREAMS, tables
from connectors.settings import load
from connectors.sources import genius
from connectors.sources.genius.columns import is_secret
from connectors.sources.genius.tables import BY_STREAM
from tests.sources.genius.database import context, records, request

NAMES = [stream.name for stream in genius.STREAMS]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Generator[Sandbox]:
    with Sandbox(seed=4, scale=0.3, only=["genius"]) as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


def read(name: str, since: datetime | None = None) -> dict[str, dict[str, object]]:
    """The records of a stream by their ledger key."""
    with genius.connect(load(genius.Settings), context()) as reader:
        asked = request(reader, name, since, page_size=9)
        found = records(reader.read(asked))
        return {":".join(str(r[part]) for part in asked.stream.key): r for r in found}


def shown(value: object) -> str | None:
    """A value as text, numbers without zeros at the end: SQLite keeps none."""
    if value is None:
        return None
    text = str(int(value)) if isinstance(value, bool) else str(value)
    try:
        return f"{float(text):.10g}" if "." in text else text
    except ValueError:
        return text


def test_a_full_read_equals_the_ledger_value_by_value(sandbox: Sandbox) -> None:
    for _ in range(2):
        sandbox.step()

    for name in NAMES:
        found = read(name)
        live = {e.id: e.record for e in sandbox.ledger("genius", name) if not e.deleted}
        assert found.keys() == live.keys(), name
        for key, record in live.items():
            expected = {
                column: shown(value)
                for column, value in record.items()
                if not is_secret(BY_STREAM[name], column)
            }
            assert {c: shown(found[key][c]) for c in expected} == expected


def test_a_step_shows_in_the_next_incremental_read_of_every_table(sandbox: Sandbox) -> None:
    before = {n: {e.id: e.version for e in sandbox.ledger("genius", n)} for n in NAMES}

    sandbox.step()

    for stream in genius.STREAMS:
        since = datetime.now(UTC) - timedelta(minutes=5) if stream.window else None
        changed = {
            entry.id
            for entry in sandbox.ledger("genius", stream.name)
            if not entry.deleted and entry.version != before[stream.name].get(entry.id)
        }
        assert changed or stream.optional
        assert changed <= read(stream.name, since).keys()


def test_the_same_seed_gives_the_same_rows_and_a_scale_more_of_them() -> None:
    pinned = datetime(2026, 6, 1, tzinfo=UTC)
    ledgers: list[list[Mapping[str, object]]] = []
    for scale in (0.3, 0.3, 0.6):
        made = Sandbox(seed=9, scale=scale, only=["genius"], now=pinned)
        ledgers.append([entry.record for entry in made.ledger("genius", "leads")])

    assert ledgers[0] == ledgers[1]
    assert len(ledgers[2]) == 2 * len(ledgers[0])


def test_every_table_has_rows_and_a_key() -> None:
    assert set(STREAMS.values()) == set(tables())
    assert sum(len(table.columns) for table in tables().values()) == 485
    assert all(table.key for table in tables().values())


def test_the_file_is_gone_when_the_sandbox_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(scale=0.1, only=["genius"]) as sandbox:
        file = Path(sandbox.environment()["GENIUS_DB_HOST"].removeprefix("sqlite:///"))
        assert file.is_file()
        sandbox.reset()
        assert Path(sandbox.environment()["GENIUS_DB_HOST"].removeprefix("sqlite:///")).is_file()

    assert not file.exists()


def test_the_process_prints_the_environment_and_steps_the_file() -> None:
    command = [sys.executable, "-m", "connectors.sandbox", "--only", "genius", "--scale", "0.1"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        printed: dict[str, str] = {}
        while (line := process.stdout.readline().strip()) != "ready":
            name, _, value = line.removeprefix("export ").partition("=")
            printed[name] = value
        file = Path(printed["GENIUS_DB_HOST"].removeprefix("sqlite:///"))
        assert file.is_file()
        process.terminate()
        process.wait()

    assert set(printed) == {f"GENIUS_DB_{n}" for n in ("HOST", "NAME", "USER", "PASSWORD")}
    assert not file.exists()
    assert os.environ.get("GENIUS_DB_HOST") is None


def test_over_http_it_says_what_it_is_and_can_be_stepped(sandbox: Sandbox) -> None:
    version = max(e.version for e in sandbox.ledger("genius", "jobs"))
    with pytest.raises(HTTPError, match="404"):
        urllib.request.urlopen(f"{sandbox.base_url}/genius/jobs")

    urllib.request.urlopen(f"{sandbox.base_url}/__step?vendor=genius", data=b"").close()

    assert max(e.version for e in sandbox.ledger("genius", "jobs")) > version
