"""Which pretend vendors there are, and what each must offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from random import Random
from typing import Any, Protocol, TypeVar, runtime_checkable

from connectors.sandbox.clock import Clock
from connectors.sandbox.ledger import Truth
from connectors.sandbox.messages import Request, Response

# name -> "module:class"; imported when first wanted, since some bring large libraries
VENDORS = {
    "arrivy": "connectors.sandbox.arrivy:Arrivy",
    "callrail": "connectors.sandbox.callrail:CallRail",
    "five9": "connectors.sandbox.five9:Five9",
    "genius": "connectors.sandbox.genius:Genius",
    "gsheet": "connectors.sandbox.gsheet:GSheet",
    "hubspot": "connectors.sandbox.hubspot:HubSpot",
    "leadconduit": "connectors.sandbox.leadconduit:LeadConduit",
    "salespro": "connectors.sandbox.salespro:SalesPro",
    "salesrabbit": "connectors.sandbox.salesrabbit:SalesRabbit",
}

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What every vendor of one sandbox shares."""

    seed: int
    scale: float
    clock: Clock
    start: datetime  # midnight UTC before the sandbox was made; first records lie before it

    def count(self, records: int, least: int = 1) -> int:
        """A record count at this scale."""
        return max(least, round(records * self.scale))

    def random(self, *purpose: object) -> Random:
        """A generator that depends on the seed and the purpose only.

        Not on what was drawn elsewhere.
        """
        return Random(":".join(map(str, (self.seed, *purpose))))  # noqa: S311 - pretend data, not a secret

    def before_start(self, dice: Random, days: float = 730) -> datetime:
        """An instant in the days before the start, whole milliseconds."""
        return self.start - timedelta(milliseconds=dice.randrange(round(days * 86_400_000)))

    def some(self, dice: Random, items: Sequence[Item], share: float) -> list[Item]:
        """About `share` of the items, one at least if there is any."""
        return dice.sample(items, min(len(items), max(1, round(len(items) * share))))


class Vendor(Protocol):
    """A pretend vendor.

    Made by `Class(world)`; calls to one vendor never overlap, so it needs no locks.
    """

    name: str
    ledger: Truth

    def environment(self, base_url: str) -> dict[str, str]:
        """Settings that make a client use this vendor.

        Base URL and pretend credentials, by environment name.
        """
        ...

    def endpoint(self, request: Request) -> str:
        """A short class name of the request for the statistics, such as `list` or `search`."""
        ...

    def handle(self, request: Request) -> Response:
        """Answer a request.

        Whatever it raises becomes a 500 that the statistics report as a sandbox defect.
        """
        ...

    def step(self) -> None:
        """Let time pass.

        Some records are added, some changed, some deleted, stamped by `world.clock.stamp()`.
        """
        ...


@runtime_checkable
class Adjustable(Protocol):
    """A vendor whose behaviour can be set from another process, by `/__set/<vendor>`."""

    def adjust(self, settings: dict[str, Any]) -> None:
        """Take settings over. Raises `ValueError` for an unknown one."""
        ...


@runtime_checkable
class Service(Protocol):
    """A vendor that also serves by another protocol than HTTP, such as a database."""

    def open(self) -> None:
        """Start serving; called before `environment` is asked for."""
        ...

    def close(self) -> None:
        """Stop serving and free everything; called once."""
        ...


def build(name: str, world: World) -> Vendor:
    """The vendor of that name. Raises `ValueError` for an unknown one."""
    if name not in VENDORS:
        raise ValueError(
            f"no vendor {name!r} in the sandbox; there are {', '.join(sorted(VENDORS))}"
        )
    module, _, attribute = VENDORS[name].partition(":")
    made: Any = getattr(import_module(module), attribute)(world)
    return made
