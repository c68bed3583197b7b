"""Arrivy: its requests a minute, and what a refusal of more leads to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.context import Context
from connectors.errors import RateLimited
from connectors.model import Request
from connectors.sandbox import Sandbox
from connectors.settings import load
from connectors.sources import arrivy
from connectors.throttle import open_throttles
from tests.sources.pretend import NOW, Impatient, Pretend


def test_a_429_without_a_word_is_waited_for_longer_than_its_minute(pretend: Pretend) -> None:
    """Case 36 of the fault list."""
    pretend.fault(path="/tasks$", nth=5, status=429, times=5)

    gathered = pretend.read("tasks")

    assert pretend.complete(gathered, "tasks")
    assert sum(pretend.stopping.waits) > 60


def test_a_429_that_stays_ends_the_run_and_is_no_end_of_data(pretend: Pretend) -> None:
    pretend.fault(path="/tasks$", nth=5, status=429, times=None)

    assert isinstance(pretend.read("tasks").error, RateLimited)


def test_a_day_of_retry_after_ends_the_run_at_once(pretend: Pretend) -> None:
    """Case 35 of the fault list."""
    pretend.fault(path="/tasks$", status=429, retry_after=86_400)

    error = pretend.read("tasks").error

    assert isinstance(error, RateLimited)
    assert error.resume_at == NOW + timedelta(days=1)
    assert sum(pretend.stopping.waits) == 0


def test_thirty_requests_a_minute_are_kept_as_the_sandbox_counts_them() -> None:
    """The client's waiting moves the sandbox's clock, by which it counts and refuses."""
    with Sandbox(seed=5, scale=0.5, only=["arrivy"], now=NOW) as sandbox:
        vendor = sandbox.vendor("arrivy")
        vendor.per_minute = 30
        environment = sandbox.environment()

        def wait(seconds: float) -> bool:
            sandbox.clock.advance(timedelta(seconds=seconds))
            return False

        stopping = Impatient()
        throttles = open_throttles(
            None,
            stopping=stopping,
            clock=lambda: round(sandbox.clock.now().timestamp() * 1_000_000),
            sleep=wait,
        )
        context = Context(throttles=throttles, stopping=stopping, clock=sandbox.clock.now)
        settings = load(
            arrivy.Settings,
            {
                "base_url": environment["ARRIVY_BASE_URL"],
                "api_key": environment["ARRIVY_API_KEY"],
                "auth_key": environment["ARRIVY_AUTH_KEY"],
            },
        )
        with arrivy.connect(settings, context) as reader:
            tasks = arrivy.STREAMS[0]
            pages = list(reader.read(_request(tasks, context.clock(), page_size=7)))
        requests = sandbox.stats()["arrivy"]["requests"]
        waited = (sandbox.clock.now() - NOW).total_seconds()

    assert {record["id"] for page in pages for record in page.records}
    assert vendor.fullest_minute == 30
    assert sandbox.stats()["arrivy"]["rate_limited"] == 0
    assert (requests / 30 - 1) * 60 <= waited + 0.1 <= requests / 30 * 60 * 1.15


def _request(stream: Any, now: Any, **parts: Any) -> Any:
    return Request(stream=stream, mode="full", started_at=now, **parts)
