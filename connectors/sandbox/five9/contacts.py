"""Contacts by the hundred thousand, made when they are looked at.

A contact is its number in the row: everything about it follows from that and the seed. Only
changed ones are kept. Patterns are tried on the telephone numbers, which are made once and
sorted, and then on the whole of the few contacts whose number matches.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import accumulate

from connectors.sandbox.ledger import Entry
from connectors.sandbox.vendors import World

Contact = dict[str, str]

CAP = 1_000
SYSTEM = (
    "number1",
    "number2",
    "number3",
    "first_name",
    "last_name",
    "company",
    "street",
    "city",
    "state",
    "zip",
)
MODIFIED = "Last Modified"
AREAS = ("615", "713", "480", "303", "602")  # where the company works
SHARES = tuple(accumulate((45, 27, 15, 8, 5)))  # of a hundred contacts
CITIES = ("Nashville", "Houston", "Mesa", "Denver", "Phoenix")
STATES = ("TN", "TX", "AZ", "CO", "AZ")
FIRST = ("Ana", "Bo", "Chloë", "Dee", "Émile", "Fay & Co", "Gus", "Hana", "Ivo", "Jo")
LAST = ("O'Neil", "Smith", "de la Cruz", "Nguyễn", "Brown", "Li", "<Jones>", "Kowalski", "Roe 😀")
MIX = 2**64 - 1
NUMBERLESS, SHARING, ABROAD = 211, 97, 997
"""One in so many has no first number (but a third), has the number of another, lives abroad."""


class Contacts:
    """The contacts of a domain."""

    def __init__(self, world: World, count: int) -> None:
        self.next = count
        self.folds = True  # A matches a
        self._world = world
        self._made = count
        self._seed = _mixed(world.random("five9", "contacts").getrandbits(64))
        self._changed: dict[int, Contact] = {}
        self._gone: set[int] = set()
        self._versions: dict[int, int] = {}

    def get(self, number: int) -> Contact:
        """One contact as it is now, by its record id."""
        return dict(self._changed.get(number) or self._original(number))

    def put(self, number: int, at: datetime, **fields: str) -> None:
        """Change a contact, or add one with an id not used yet."""
        before = self.get(number) if number < self.next else _empty()
        stamped = {MODIFIED: stamp(at)} if number < self.next else {"Created": stamp(at)}
        self._changed[number] = before | {MODIFIED: stamp(at)} | stamped | fields
        self._versions[number] = self._versions.get(number, 0 if number >= self.next else 1) + 1
        self.next = max(self.next, number + 1)

    def add(self, at: datetime, **fields: str) -> int:
        """Add a contact; answers its record id."""
        number = self.next
        self.put(number, at, **fields)
        return number

    def erase(self, number: int) -> None:
        """Delete a contact without a trace."""
        self._gone.add(number)
        self._versions[number] = self._versions.get(number, 1) + 1

    def alive(self) -> Iterator[int]:
        """Record ids of the contacts there are."""
        return (number for number in range(self.next) if number not in self._gone)

    def entries(self, fields: Sequence[str], show: Callable[[int], str]) -> Iterator[Entry]:
        """The truth about all contacts."""
        for number in range(self.next):
            contact = self.get(number)
            yield Entry(
                id=show(number),
                version=self._versions.get(number, 1),
                deleted=number in self._gone,
                record={name: contact.get(name, "") for name in fields},
            )

    def matching(self, criteria: Sequence[tuple[str, str]], blank: str) -> list[int]:
        """Record ids of all contacts that match all criteria. `blank`: see `Five9.adjust`."""
        tests: list[tuple[str, re.Pattern[str]]] = []
        candidates: Sequence[int] | None = None
        for name, pattern in criteria:
            if not pattern and blank == "ignored":
                continue
            if not pattern and blank == "never":
                return []
            tests.append((name, like(pattern, folds=self.folds)))
            if name == "number1":
                found = self._by_number(pattern)
                if candidates is None or len(found) < len(candidates):
                    candidates = found
        if candidates is None:
            candidates = list(self.alive())
        return [
            number
            for number in candidates
            if all(self._fits(number, name, test) for name, test in tests)
        ]

    def _fits(self, number: int, name: str, test: re.Pattern[str]) -> bool:
        if number in self._changed:
            value = self._changed[number].get(name, "")
        elif name == "number1":
            value = self._number1(number)
        elif name == MODIFIED:
            value = self._modified(number)
        else:
            value = self._original(number).get(name, "")
        if not value:
            return test.pattern == ""
        return test.fullmatch(value) is not None

    def _by_number(self, pattern: str) -> list[int]:
        """Candidates by first number; more than match, never fewer."""
        changed = [number for number in self._changed if number not in self._gone]
        if not pattern:
            return [*changed, *(n for n in self._nameless if n not in self._changed)]
        prefix = re.split("[%_]", pattern)[0]
        first = bisect_left(self._sorted, (prefix, -1))
        last = bisect_left(self._sorted, (prefix + "\uffff", -1))
        skip = self._gone | self._changed.keys()
        return [*changed, *(n for _, n in self._sorted[first:last] if n not in skip)]

    @cached_property
    def _sorted(self) -> list[tuple[str, int]]:
        numbers = ((self._number1(number), number) for number in range(self._made))
        return sorted(pair for pair in numbers if pair[0])

    @cached_property
    def _nameless(self) -> list[int]:
        return [number for number in range(self._made) if not self._number1(number)]

    def _number1(self, number: int) -> str:
        if number % NUMBERLESS == 1:
            return ""
        if number % SHARING == 1:
            return self._number1(number - 1)
        dice = _mixed(self._seed ^ number)
        if number % ABROAD == 1:
            return f"01144{dice % 10**9:09}"
        share = dice % 100
        area = next(at for at, bound in enumerate(SHARES) if share < bound)
        rest = 200 + (dice >> 8) % 800  # no exchange begins with 0 or 1
        return f"{AREAS[area]}{rest}{(dice >> 24) % 10_000:04}"

    def _original(self, number: int) -> Contact:
        dice = self._dice(number)
        area = dice % len(CITIES)
        created = self._world.start - self._age(dice)
        contact = _empty()
        contact |= {
            "number1": self._number1(number),
            "number2": f"9{dice % 10**9:09}"
            if dice % 4 == 0 or number % (2 * NUMBERLESS) == 1
            else "",
            "number3": f"8{dice % 10**9:09}" if number % NUMBERLESS == 1 else "",
            "first_name": FIRST[dice % len(FIRST)],
            "last_name": f"{LAST[(dice >> 8) % len(LAST)]} {number}",
            "street": f"{dice % 9000 + 1} Elm St, Apt #{dice % 7}" if dice % 5 else "",
            "city": CITIES[area],
            "state": STATES[area],
            "zip": f"0{dice % 10_000:04}",
            "email": f"c{number}@example.com",
            "Lead Status": ("New", "Hot", "Lost")[dice % 3],
            "123 metal-count": str(dice % 40) if dice % 3 else "",
            "Total_Job_Amount": f"{dice % 90_000}.{dice % 100:02}" if dice % 2 else "",
            "DoNotDial": "1" if dice % 50 == 0 else "0",
            "Appointment Date": _american(dice),
            "Created": stamp(created) if dice % 10 else "",
            MODIFIED: self._modified(number),
            "TFUID": f"TF{number:07}",
        }
        return contact

    def _modified(self, number: int) -> str:
        """Empty where a contact is older than the field, or was never changed."""
        dice = self._dice(number)
        if not dice % 10 or not dice % 7:
            return ""
        return stamp(self._world.start - self._age(dice) * ((dice >> 32) % 1000 / 1000))

    def _dice(self, number: int) -> int:
        return _mixed(self._seed ^ (number * 31 + 7))

    def _age(self, dice: int) -> timedelta:
        return timedelta(milliseconds=dice % (700 * 86_400_000) + 1)


def stamp(moment: datetime) -> str:
    """A DATE_TIME as contacts show it: UTC, no zone."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"


@lru_cache(maxsize=4096)
def like(pattern: str, *, folds: bool) -> re.Pattern[str]:
    """What SQL's LIKE means; `folds`: whatever the case."""
    parts = (".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern)
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if folds else 0))


def _american(dice: int) -> str:
    """A date as a restriction of its field wants it; most are empty."""
    return "" if dice % 6 else f"{dice % 12 + 1:02}/{dice % 28 + 1:02}/2026"


def _empty() -> Contact:
    return dict.fromkeys(SYSTEM, "")


def _mixed(value: int) -> int:
    """Spread a number over 64 bits (splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & MIX
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MIX
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MIX
    return value ^ (value >> 31)
