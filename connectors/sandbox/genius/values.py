"""Values that look like those of a company that renovates homes, by column name and type.

With what such a database holds after fifteen years: '' beside NULL, phones in three forms,
addresses in capitals, emoji, CRLF, a note as long as a book.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import TypeAlias

from connectors.sandbox.genius.schema import Column

Value: TypeAlias = int | str | None
Make: TypeAlias = Callable[[Random], str]

FIRST = (
    "Ana",
    "José",
    "Linda",
    "Wei",
    "Omar",
    "Zoë",
    "Pat",
    "Grace",
    "Dmitri",
    "Søren",
    "Mary Ann",
)
LAST = ("Nguyen", "O'Brien", "Garcia", "Smith-Jones", "Müller", "Okafor", "Lee", "Kowalski", "Ng")
STREETS = ("Oak St", "5th Ave", "Maple Dr #4", "N. Lincoln Blvd", "County Road 12")
CITIES = ("San José", "Sacramento", "Portland", "Boise", "Coeur d'Alene", "Tacoma")
LABELS = ("Windows", "Roofing", "Siding", "Gutters", "Paint, exterior", "Doors", "Solar", "HVAC")
NOTES = (
    "Called back, wants a quote",
    "Two dogs 🐶🐶, gate code 4417",
    "line one\r\nline two\r\n",
    "",
    "“Quoted” — 20% off; see 'contract' \\ attached",
    "naïve café 日本語",
)
LONG_NOTE = "Customer called again. " * 2600  # 60 kB
NULL_SHARE = 0.15
DAY = timedelta(days=1)


def _phone(dice: Random) -> str:
    area, line = dice.randrange(201, 989), dice.randrange(10_000)
    form = dice.choice(("({}) 555-{:04d}", "{}-555-{:04d}", "{}555{:04d}"))
    return form.format(area, line)


def _email(dice: Random) -> str:
    name = re.sub(r"\W", "", dice.choice(LAST)).lower()
    found = f"{name}{dice.randrange(1000)}@example.com"
    return dice.choice((found, found, found, found.upper(), "none", ""))


def _address(dice: Random) -> str:
    found = f"{dice.randrange(1, 9999)} {dice.choice(STREETS)}"
    return dice.choice((found, found, found.upper()))


def _note(dice: Random) -> str:
    return LONG_NOTE if dice.random() < 0.002 else dice.choice(NOTES)  # noqa: PLR2004 - one in 500


def _one_of(words: tuple[str, ...]) -> Make:
    return lambda dice: dice.choice(words)


RULES: tuple[tuple[str, Make], ...] = (
    (r"email", _email),
    (r"^phone", _phone),
    (r"first_name|^applicant|legal_app_name|signer_name|agent_name", _one_of(FIRST)),
    (r"last_name|co_applicant", _one_of(LAST)),
    (r"^address", _address),
    (r"^city$", _one_of(CITIES)),
    (r"county", _one_of(("Ada", "Placer", "King", ""))),
    (r"^state$", _one_of(("CA", "WA", "OR", "ID", "ca", ""))),
    (r"^zip$", lambda dice: f"{dice.randrange(100_000):05d}"),
    (r"time_zone", _one_of(("US/Pacific", "US/Mountain"))),
    (r"notes$|_note$|description|reason$|why_book|satisfied|difference|hint", _note),
    (r"label|title|name$|^name$", _one_of(LABELS)),
    (r"year_built", lambda dice: str(dice.randrange(1900, 2025))),
    (r"month$", lambda dice: f"{dice.randrange(2019, 2027)}-{dice.randrange(1, 13):02d}"),
    (r"secret|_key$|acct_id", lambda dice: f"not-to-be-copied-{dice.randrange(10**9)}"),
    (r"third_party_id", lambda dice: str(dice.randrange(10**9, 10**11))),
    (r"link$|file$", lambda dice: f"https://files.example.com/{dice.randrange(10**6)}"),
)
"""Name patterns and what makes the text of such a column; the first that fits."""
MAKERS = tuple((re.compile(pattern), make) for pattern, make in RULES)


def value_of(dice: Random, column: Column, before: datetime) -> Value:
    """A value for a column that is no reference; times lie in the two years before `before`."""
    if column.nullable and dice.random() < NULL_SHARE:
        return None
    match column.kind:
        case "tinyint" | "smallint" | "int":
            return _whole(dice, column)
        case "decimal" | "float":
            return _decimal(dice, column.declared)
        case "date" | "datetime" | "time":
            return _when(dice, column.kind, before)
        case _:
            return _text(dice, column)


def moment(dice: Random, before: datetime, days: int = 730) -> str:
    """A naive time of whole seconds in the days before `before`."""
    return naive(before - timedelta(seconds=dice.randrange(1, days * 86_400)))


def naive(instant: datetime) -> str:
    """An instant as Genius stores it: no fraction, no zone."""
    return f"{instant:%Y-%m-%d %H:%M:%S}"


def _when(dice: Random, kind: str, before: datetime) -> str:
    if kind == "date":
        return f"{before - dice.randrange(730) * DAY:%Y-%m-%d}"
    if kind == "time":
        return f"{dice.randrange(7, 20):02d}:{dice.choice((0, 15, 30)):02d}:00"
    return moment(dice, before)


def _whole(dice: Random, column: Column) -> int:
    if column.kind == "tinyint" or column.name.startswith(("is_", "spouses_", "inactive")):
        return dice.randrange(2)
    if column.name == "year_built":
        return dice.randrange(1900, 2025)
    return dice.randrange(1, 30)


def _decimal(dice: Random, declared: str) -> str:
    digits, places = map(int, re.findall(r"\d+", declared) or (6, 2))  # a FLOAT shows six digits
    whole = dice.randrange(10 ** min(digits - places, 5))
    return f"{whole}.{dice.randrange(10**places):0{places}d}"


def _text(dice: Random, column: Column) -> str:
    for pattern, make in MAKERS:
        if pattern.search(column.name):
            found = make(dice)
            break
    else:
        found = f"{column.name[:8]}-{dice.randrange(10**6)}"
    return found[: column.size] if column.size else found
