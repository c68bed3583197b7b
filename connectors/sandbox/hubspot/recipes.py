"""How pretend property values are drawn: always text or None, as HubSpot sends them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from connectors.sandbox.clock import epoch_ms, iso

Maker = Callable[[Random, datetime], str | None]
"""Draws a value; the instant is the sandbox's start, before which things happened."""

Unique = Callable[[int, int], str]
"""The value of row number and record id, for properties that differ in every record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property: what the properties API says of it, and where its values come from."""

    name: str
    type: str = "string"
    field: str = "text"
    make: Maker | None = None  # None: empty in every record
    unique: Unique | None = None
    options: tuple[str, ...] = ()
    calculated: bool = False
    defined: bool = True  # by HubSpot, not by the customer
    external: bool = False  # an enumeration of owners: its options are not listed


def text(name: str, *choices: str | None) -> Property:
    """A text property with one of these values."""
    return Property(name=name, make=_pick(choices))


def custom(name: str, *choices: str | None) -> Property:
    """A text property that the customer defined."""
    return Property(name=name, make=_pick(choices), defined=False)


def unique(name: str, make: Unique) -> Property:
    """A text property that differs in every record."""
    return Property(name=name, unique=make)


def choice(name: str, *options: str, empty: float = 0.1) -> Property:
    """An enumeration with one value."""
    return Property(
        name=name,
        type="enumeration",
        field="select",
        options=options,
        make=_sometimes(_pick(options), empty),
    )


def several(name: str, *options: str) -> Property:
    """An enumeration with several values joined by `;`, now and then with a stray `;` in front."""

    def make(dice: Random, _start: datetime) -> str | None:
        chosen = dice.sample(options, dice.randrange(len(options) + 1))
        return (";" if dice.random() < 0.05 else "") + ";".join(chosen) or None  # noqa: PLR2004 - rare

    return Property(
        name=name, type="enumeration", field="checkbox", options=options, make=make, defined=False
    )


def owner(name: str, ids: tuple[str, ...]) -> Property:
    """An enumeration of owners; HubSpot does not list its options."""
    make = _sometimes(_pick(ids), 0.1)
    return Property(name=name, type="enumeration", field="select", external=True, make=make)


def number(name: str, least: float, most: float, places: int = 0, *odd: str) -> Property:
    """A number as text; `odd` are spellings that also occur."""

    def make(dice: Random, _start: datetime) -> str | None:
        if odd and dice.random() < 0.08:  # noqa: PLR2004 - rare
            return dice.choice(odd)
        return f"{dice.uniform(least, most):.{places}f}"

    return Property(name=name, type="number", field="number", make=_sometimes(make, 0.15))


def flag(name: str) -> Property:
    """A boolean: `true` or `false`."""
    return Property(
        name=name,
        type="bool",
        field="booleancheckbox",
        options=("true", "false"),
        make=_pick(("true", "false", None)),
    )


def date(name: str, days: int = 600) -> Property:
    """A calendar day, `yyyy-mm-dd`."""

    def make(dice: Random, start: datetime) -> str:
        return (start - timedelta(days=dice.randrange(days))).date().isoformat()

    return Property(name=name, type="date", field="date", make=_sometimes(make, 0.3))


def moment(name: str, days: int = 600, *, calculated: bool = False) -> Property:
    """An instant: ISO with milliseconds, sometimes without, sometimes epoch milliseconds."""

    def make(dice: Random, start: datetime) -> str:
        instant = start - timedelta(milliseconds=dice.randrange(days * 86_400_000))
        spelling = dice.randrange(20)
        if spelling == 0:
            return str(epoch_ms(instant))
        if spelling == 1:
            return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
        return iso(instant)

    maker = _sometimes(make, 0.2)
    return Property(name=name, type="datetime", field="date", make=maker, calculated=calculated)


def empty(name: str, kind: str = "string") -> Property:
    """A property without a value in any record, as most of a real portal's are."""
    return Property(name=name, type=kind)


def _pick(choices: tuple[str | None, ...]) -> Maker:
    return lambda dice, _start: dice.choice(choices)


def _sometimes(make: Maker, share_empty: float) -> Maker:
    return lambda dice, start: None if dice.random() < share_empty else make(dice, start)
