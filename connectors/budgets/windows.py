"""A vendor's rate limit as windows, and the one set of rules that both budgets follow.

Times are whole microseconds, because Lua and Python then agree to the last digit.

- A rolling window is a log of what was taken, in ticks of a thousandth of its period (so a
  daily limit of a million needs a thousand entries). A take is booked at the end of its tick
  and kept for the period and a margin: never more than the limit in any stretch of a period.
- An aligned window is a counter that starts again with each calendar period.
- A take needs room in every window of its class, and is booked in all of them or in none.
- What the vendor says it counted, beyond what we counted, is booked as if taken now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from connectors.errors import ConfigError

MICROSECOND = timedelta(microseconds=1)
TICKS = 1000
MARGIN_SHARE = 20  # a twentieth of the period: two requests sent one period apart may arrive closer
LARGEST_MARGIN = 250_000
LONG = timedelta(hours=1)  # from here on a window is a quota: other applications share it

BURST = 5_000_000  # 429s this close together are one burst: requests already under way
RECOVERY = 30_000_000  # after this long without a burst, a lowered rate doubles again
MOST_HALVINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `limit` requests per `period`.

    Rolling unless `aligned`, which counts per calendar period as the vendor does: the
    period starts `offset` after the UTC one (5 hours for a portal at UTC-5 that counts
    per local day). Classes that give a rate the same `name` count into one window; a rate
    without a name belongs to its class alone.
    """

    limit: int
    period: timedelta
    aligned: bool = False
    offset: timedelta = timedelta(0)
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A `Rate` where it is counted: `key` tells the windows of an account apart."""

    key: str
    limit: int
    period: int
    aligned: bool
    offset: int
    long: bool

    @property
    def tick(self) -> int:
        """Resolution of a rolling log."""
        return max(self.period // TICKS, 1)

    @property
    def kept(self) -> int:
        """How long a booking stays in a rolling log."""
        return self.period + min(self.period // MARGIN_SHARE, LARGEST_MARGIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a vendor's headers said of a window at `at` (our clock, microseconds)."""

    window: Window
    limit: int
    used: int
    at: int


class Budget(Protocol):
    """Counts what an account took. Both implementations answer alike."""

    def attempt(
        self, account: str, cost_class: str, windows: Sequence[Window], learned: Sequence[Learned]
    ) -> int:
        """Book one request and return 0, or book nothing and return microseconds to wait."""
        ...

    def pause(self, account: str, cost_class: str, duration: int) -> None:
        """Let nobody take in this class for `duration` microseconds.

        The first pause of a burst also halves the class's short windows for a while.
        """
        ...


def window(cost_class: str, rate: Rate) -> Window:
    """Return where `rate` of `cost_class` is counted. Raises `ConfigError` for an empty rate."""
    period = rate.period // MICROSECOND
    if rate.limit < 1 or period < 1:
        raise ConfigError(f"a budget of {rate.limit} requests per {rate.period} lets nothing pass")
    offset = (rate.offset // MICROSECOND) % period
    kind = f"aligned+{offset}" if rate.aligned else "rolling"
    return Window(
        key=f"{rate.name or cost_class}/{period}/{kind}",
        limit=rate.limit,
        period=period,
        aligned=rate.aligned,
        offset=offset,
        long=rate.period >= LONG,
    )


def windows_by_class(rates: Mapping[str, Sequence[Rate]]) -> dict[str, list[Window]]:
    """Resolve `rates`. Raises `ConfigError` when one window is given two sizes."""
    resolved = {name: [window(name, rate) for rate in row] for name, row in rates.items()}
    sizes: dict[str, int] = {}
    for row in resolved.values():
        for each in row:
            if sizes.setdefault(each.key, each.limit) != each.limit:
                raise ConfigError(f"the shared window {each.key} is given two different limits")
    return resolved
