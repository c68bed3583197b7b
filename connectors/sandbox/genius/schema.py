"""The tables of Genius, read from `schema.sql`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CREATE = re.compile(r"create table `(\w+)` \(\n(.*?)\n\);", re.DOTALL)
COLUMN = re.compile(r"`(\w+)` ([a-z]+(?: unsigned)?(?:\([\d,]+\)(?: unsigned)?)?)( not null)?,")
KEY = re.compile(r"primary key \((.*)\)")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `declared` is its type as written, such as `decimal(11,2)`."""

    name: str
    declared: str
    nullable: bool

    @property
    def kind(self) -> str:
        """The type's name alone."""
        return re.split(r"[( ]", self.declared)[0]

    @property
    def size(self) -> int:
        """The first number of the type, 0 without one."""
        found = re.search(r"\((\d+)", self.declared)
        return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def has_time(self) -> bool:
        """Whether it knows when a row last changed."""
        return any(column.name == "updated_at" for column in self.columns)


def _script() -> str:
    return Path(__file__).with_name("schema.sql").read_text()


def statements() -> list[str]:
    """The statements that make every table, for MySQL and SQLite alike."""
    text = re.sub(r"^--.*$", "", _script(), flags=re.MULTILINE)
    return [one.strip() for one in text.split(";") if one.strip()]


def tables() -> Mapping[str, Table]:
    """Every table by its name."""
    return {name: _table(name, body) for name, body in CREATE.findall(_script())}


def _table(name: str, body: str) -> Table:
    key = KEY.search(body)
    columns = tuple(
        Column(column, declared, nullable=not required)
        for column, declared, required in COLUMN.findall(body)
    )
    return Table(name, columns, tuple(re.findall(r"`(\w+)`", key[1] if key else "")))
