from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from connectors.sandbox import VENDORS, Clock, Rolling, Sandbox
from tests.sandbox.hubspot import NOW

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_vendor_sees_the_request_without_its_prefix(toy: Sandbox, browser: httpx.Client) -> None:
    answer = browser.post("/toy/a%20b?x=1&x=2&y=", content=b"hello").json()

    assert answer["asked"] == ["POST", "/a b", {"x": ["1", "2"], "y": [""]}, "hello"]
    assert answer["next"] == f"{toy.base_url}/toy/more"


def test_a_body_in_chunks_arrives_whole(browser: httpx.Client) -> None:
    def pieces() -> Generator[bytes]:
        yield b"one,"
        yield b"two"

    assert browser.post("/toy/", content=pieces()).json()["asked"][3] == "one,two"


def test_an_unknown_vendor_or_control_path_is_not_found(browser: httpx.Client) -> None:
    assert browser.get("/acme/x").status_code == 404
    assert browser.get("/__nothing").status_code == 404
    with pytest.raises(ValueError, match="no vendor 'acme'"):
        Sandbox(only=["acme"])


def test_the_ledger_tells_versions_and_deletions_after_a_step(browser: httpx.Client) -> None:
    browser.post("/__step")

    entries = browser.get("/__ledger/toy/things").json()
    assert [(e["id"], e["version"], e["deleted"]) for e in entries] == [
        ("0", 2, False),
        ("1", 2, True),
        ("2", 1, False),
        ("3", 1, False),
    ]
    assert browser.get("/__ledger/toy").json() == {"things": 4}
    assert browser.get("/__ledger/toy/things?offset=1&limit=1&records=0").json() == [
        {"id": "1", "version": 2, "deleted": True}
    ]
    assert browser.get("/__ledger/toy/nothing").status_code == 400


def test_reset_brings_back_the_first_state(toy: Sandbox, browser: httpx.Client) -> None:
    before = toy.ledger("toy", "things")
    toy.step()
    toy.fault(status=500)

    browser.post("/__reset")

    assert toy.ledger("toy", "things") == before
    assert browser.get("/toy/").status_code == 200
    assert toy.stats()["toy"]["requests"] == 1


def test_the_seed_decides_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VENDORS, "toy", "tests.sandbox.toy:Toy")
    same, again, other = (Sandbox(seed=s, only=["toy"], now=NOW) for s in (1, 1, 2))

    assert same.ledger("toy", "things") == again.ledger("toy", "things")
    assert same.ledger("toy", "things") != other.ledger("toy", "things")


def test_scale_multiplies_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VENDORS, "toy", "tests.sandbox.toy:Toy")

    assert len(Sandbox(scale=10, only=["toy"]).ledger("toy", "things")) == 30


def test_a_service_is_opened_and_closed_with_the_sandbox(toy: Sandbox) -> None:
    vendor = toy.vendor("toy")
    assert vendor.opened

    toy.stop()

    assert not vendor.opened


def test_requests_are_counted_by_class_status_and_window(
    toy: Sandbox, browser: httpx.Client
) -> None:
    toy.fault(vendor="toy", nth=3, status=429)
    for _ in range(3):
        browser.get("/toy/")

    stats = browser.get("/__stats").json()["toy"]
    assert stats["requests"] == 3
    assert stats["endpoints"] == {"things": 3}
    assert stats["statuses"] == {"200": 2, "429": 1}
    assert stats["rate_limited"] == 1
    assert stats["peak_10s"] == {"all": 3, "things": 3}
    assert [seen.status for seen in toy.requests("toy")] == [200, 200, 429]


def test_a_rolling_window_forgets_what_is_older() -> None:
    now = [0.0]
    window = Rolling(10, lambda: now[0])
    for at in (0.0, 5.0, 9.9, 10.0, 16.0):
        now[0] = at
        window.add()

    assert window.count() == 3
    assert window.peak == 3


def test_a_defect_of_the_sandbox_is_an_answer_and_a_count(
    toy: Sandbox, browser: httpx.Client
) -> None:
    assert browser.get("/toy/broken").status_code == 500
    assert "no such thing" in toy.stats()["toy"]["defects"][0]


def test_the_clock_is_pinned_and_moved_over_http(browser: httpx.Client) -> None:
    assert browser.get("/__clock").json() == {"now": "2026-03-01T12:00:00.000Z"}
    moved = browser.post("/__clock", json={"advance": 90}).json()
    assert moved == {"now": "2026-03-01T12:01:30.000Z"}
    pinned = browser.post("/__clock", json={"now": "2027-01-01T00:00:00+01:00"}).json()
    assert pinned == {"now": "2026-12-31T23:00:00.000Z"}
    released = browser.post("/__clock", json={"release": True}).json()["now"]
    assert datetime.fromisoformat(released) - datetime.now(UTC) < timedelta(minutes=1)


def test_stamps_lie_before_a_readers_lag_and_rise() -> None:
    clock = Clock(NOW)
    stamps = [clock.stamp() for _ in range(30_000)]

    assert stamps[0] == NOW - timedelta(seconds=90)
    assert stamps[1] - stamps[0] == timedelta(milliseconds=1)
    assert stamps == sorted(stamps)
    assert stamps[-1] < NOW - timedelta(seconds=60)


def test_many_sandboxes_run_at_once_and_stop_free_their_ports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(VENDORS, "toy", "tests.sandbox.toy:Toy")
    with Sandbox(only=["toy"]) as one, Sandbox(only=["toy"]) as two:
        url = one.base_url
        assert url != two.base_url
        one.step()
        assert len(two.ledger("toy", "things")) == 3

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/toy/")


@pytest.fixture
def process() -> Generator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "connectors.sandbox", *arguments]
        opened = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
        running.append(opened)
        return opened

    yield start
    for opened in running:
        opened.kill()
        opened.communicate()


def test_the_command_prints_its_environment_then_ready_and_stops_on_a_signal(
    process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    rules = tmp_path / "faults.json"
    rules.write_text('[{"vendor": "hubspot", "status": 503}]')
    opened = process("--only", "hubspot", "--scale", "0.1", "--faults", str(rules))
    assert opened.stdout is not None
    environment: dict[str, str] = {}
    while (line := opened.stdout.readline().strip()) != "ready":
        name, _, value = line.removeprefix("export ").partition("=")
        environment[name] = value

    url = environment["HUBSPOT_BASE_URL"] + "/crm/v3/owners"
    headers = {"Authorization": f"Bearer {environment['HUBSPOT_API_TOKEN']}"}
    statuses = [httpx.get(url, headers=headers).status_code for _ in range(2)]
    opened.send_signal(signal.SIGTERM)

    assert statuses == [503, 200]
    assert opened.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_many_signals_at_once_stop_it_like_one(
    process: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    opened = process("--only", "hubspot", "--scale", "0.1")
    assert opened.stdout is not None
    while opened.stdout.readline().strip() != "ready":
        pass

    deadline = time.monotonic() + 20
    while opened.poll() is None and time.monotonic() < deadline:
        os.kill(opened.pid, number)

    assert opened.poll() == 0


def test_the_command_refuses_an_unknown_vendor_in_one_line(
    process: Callable[..., subprocess.Popen[str]],
) -> None:
    opened = process("--only", "acme")
    _, errors = opened.communicate(timeout=20)

    assert opened.returncode == 2
    assert "no vendor acme" in errors.splitlines()[-1]
