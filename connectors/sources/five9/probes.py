"""Finding out what a domain does where Five9's manual is silent.

Each probe asks for something whose answer is known, and once more for something that must find
nothing: a criterion that is ignored would otherwise pass for one that matches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from connectors.model import Record
from connectors.sources.five9.partition import Criteria, is_moment

Ask = Callable[[Criteria], list[Record]]
USUAL = ("number3", "number2", "company", "street", "last_name", "first_name")
NEVER = "1971-01-01 00%"  # before there were contacts


class Blank(Enum):
    """What `field = ""` finds."""

    MATCHES = "contacts in which the field is empty"
    OTHERWISE = "nothing, or contacts whatever the field holds"


def blanks(ask: Ask, sample: Sequence[Record]) -> Blank:
    """Tell what an empty criterion finds, by a contact of `sample` that is known.

    Two questions; without any contact, it is taken for useless.
    """
    for row in sample[:100]:
        number = row.get("number1")
        empty = next((name for name in USUAL if name in row and not row[name]), None)
        filled = next((name for name in USUAL if row.get(name)), None)
        if not number or empty is None or filled is None:
            continue
        found = ask((("number1", number), (empty, "")))
        if not found or any(each.get(empty) for each in found):
            return Blank.OTHERWISE
        wrong = ask((("number1", number), (filled, "")))
        return Blank.OTHERWISE if any(each.get(filled) for each in wrong) else Blank.MATCHES
    return Blank.OTHERWISE


def patterns_match_times(ask: Ask, name: str) -> bool:
    """Whether `name = 2026-03-01 12%` finds the contacts of that hour. Two questions at most."""
    found = ask(((name, "2%"),))
    values = [row.get(name) or "" for row in found]
    if not values or not all(value.startswith("2") and is_moment(value) for value in values):
        return False
    return not ask(((name, NEVER),))
