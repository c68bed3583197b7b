"""A pretend Five9 domain whose clock is also the one that quotas and waits go by."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from connectors.context import Context
from connectors.sandbox import Sandbox
from connectors.sources import five9
from connectors.throttle import open_throttles
from tests.sources.pretend import NOW, Pretend


class Domain(Pretend):
    """As `Pretend`; waiting for the budget moves the sandbox's clock."""

    def _context(self) -> Context:
        clock = self.sandbox.clock

        def sleep(seconds: float) -> bool:
            clock.advance(timedelta(seconds=seconds))
            return False

        throttles = open_throttles(
            None,
            stopping=self.stopping,
            clock=lambda: round(clock.now().timestamp() * 1_000_000),
            sleep=sleep,
        )
        return Context(throttles=throttles, stopping=self.stopping, clock=clock.now)

    @property
    def password(self) -> str:
        """The one that is right."""
        return self.sandbox.environment()["FIVE9_PASSWORD"]

    def asked(self, operation: str) -> int:
        """How often an operation was asked for so far."""
        found: dict[str, int] = self.sandbox.stats()["five9"]["endpoints"]
        return found.get(operation, 0)


@contextmanager
def domain(contacts: int = 1200, **sandbox: Any) -> Generator[Domain]:
    """A domain of so many contacts; a defect of the sandbox fails the test."""
    with Sandbox(
        seed=5, scale=contacts / 2400, only=["five9"], now=sandbox.pop("now", NOW), **sandbox
    ) as running:
        yield Domain(running, five9.SOURCE)
        assert running.stats()["five9"]["defects"] == []


def same_contacts(pretend: Domain, records: dict[Any, dict[str, Any]]) -> bool:
    """Whether every contact came as it is, and no other."""
    truth = {
        key: {name: value or None for name, value in record.items()}
        for key, record in pretend.truth("contacts").items()
    }
    own = {"contact_key", "contact_record_id"}
    return truth == {
        key: {name: value for name, value in record.items() if name not in own}
        for key, record in records.items()
    }
