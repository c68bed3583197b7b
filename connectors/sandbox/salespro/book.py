"""What the pretend company has: tables in DuckDB, CSV files, and the ledger of both."""

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import duckdb

from connectors.sandbox.ledger import Ledger
from connectors.sandbox.salespro import tables
from connectors.sandbox.salespro.tables import OFFICES, TABLES, Row, moment, object_id, stamps
from connectors.sandbox.vendors import World

TABLE_OF = {
    "customers": "customer",
    "credit_applications": "credit_applications",
    "estimates": "estimate",
    "lead_results": "lead_results",
    "user_activity": "user_activity",
}
KEY = {
    "customers": ("customer_id", "estimate_id"),
    "credit_applications": ("leap_credit_app_id",),
    "estimates": ("estimate_id",),
    "lead_results": ("estimate_id",),
    "user_activity": ("user_id", "original_row_num"),
}
ROWS = 200  # per statement
LATE = timedelta(hours=30)  # how late the nightly export may show a change
LINE_ITEMS = "lead_result_line_items"


class Book:
    """Rows and their truth.

    A ledger record is the newest row of its key as a client should see it: values as text.
    `lead_result_line_items` holds what the answers of the newest lead result mean; customers
    without a customer id and lead results without an estimate id are in the tables and not in
    the ledger.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.ledger = Ledger(*TABLE_OF, LINE_ITEMS, "offices", "users")
        self.database = duckdb.connect(":memory:", config={"threads": 1})
        self._steps = 0
        self._gathered: dict[str, list[Row]] | None = {name: [] for name in TABLES}
        for name, columns in TABLES.items():
            shape = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            self.database.execute(f'CREATE TABLE "{name}" ({shape})')
        self.database.execute("SET enable_external_access = false")
        self.database.execute("SET TimeZone = 'UTC'")
        self._fill(world.random("salespro", "rows"))
        gathered, self._gathered = self._gathered, None  # row by row it takes five times as long
        for name, rows in gathered.items():
            self.insert(name, rows)

    def step(self) -> None:
        """New rows, changed rows, a late one, one deleted for good; both CSV files change."""
        self._steps += 1
        dice = self._world.random("salespro", "step", self._steps)
        stamp = self._world.clock.stamp
        estimates = self.ledger["estimates"]
        for key in self._world.some(dice, estimates.live_keys(), 0.05):
            self._change(dice, "estimates", key, stamp())
        for stream in ("customers", "credit_applications"):
            for key in self._world.some(dice, self.ledger[stream].live_keys(), 0.02):
                self._change(dice, stream, key, stamp())
        for key in self._world.some(dice, self.ledger["lead_results"].live_keys(), 0.05):
            self._answer(dice, key, stamp(), stamp())
        for _ in range(self._world.count(4)):
            self._sell(dice, stamp(), None)
        self._sell(dice, self._world.clock.now() - LATE, None)
        self.delete("credit_applications", dice.choice(self._keys("credit_applications")))
        self._export(dice, "users", [object_id(dice)], stamp())
        self._export(dice, "offices", OFFICES[:1], stamp())

    def put(self, stream: str, row: Row, *, replaces: bool = True) -> str:
        """Insert a row, or replace its key's; returns the ledger's key."""
        table = TABLE_OF[stream]
        key = ":".join(str(row.get(name) or "") for name in KEY[stream])
        if replaces and key in self._keys(stream):
            self._erase(stream, key)
        self.insert(table, [row])
        if all(row.get(name) for name in KEY[stream]):
            self.ledger[stream].put(key, row)
        return key

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows into a table behind the ledger's back."""
        if self._gathered is not None:
            self._gathered[table] += rows
            return
        names = [name for name, _ in self.columns(table) or ()]
        mark = f"({', '.join('?' * len(names))})"
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            marks = ", ".join([mark] * len(part))
            values = [row.get(name) for row in part for name in names]
            self.database.execute(f'INSERT INTO "{table}" VALUES {marks}', values)  # noqa: S608

    def multiply(self, table: str, rows: int) -> None:
        """Add `rows` made-up rows to a table by SQL, behind the ledger's back: for volume."""
        shown = {
            "VARCHAR": "'{name}' || n",
            "TIMESTAMP_MS": "TIMESTAMP '2024-01-01' + to_milliseconds(n * 1000)",
            "BOOLEAN": "n % 3 = 0",
        }
        made = ", ".join(
            shown.get(kind, "n % 100000").format(name=name) for name, kind in TABLES[table].items()
        )
        self.database.execute(f'INSERT INTO "{table}" SELECT {made} FROM range({rows}) t(n)')  # noqa: S608

    def columns(self, table: str) -> list[tuple[str, str]] | None:
        """Names and types of a table as it is now, as DuckDB calls them; None without a table."""
        found = self.database.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'main' AND table_name = ? ORDER BY ordinal_position",
            [table],
        ).fetchall()
        return [(str(name), str(kind)) for name, kind in found] or None

    def delete(self, stream: str, key: str) -> None:
        """Remove a row for good; no export tells of it."""
        self._erase(stream, key)
        self.ledger[stream].delete(key)

    def files(self, folder: Path) -> Mapping[str, Path]:
        """Write both CSV exports into a folder, with a byte order mark as SalesPro does."""
        written: dict[str, Path] = {}
        for stream in ("offices", "users"):
            rows = self.ledger[stream].live()
            written[stream] = folder / f"{stream}.csv"
            with written[stream].open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        return written

    def answer(self, estimate_id: str, answers: str | None, at: datetime) -> None:
        """Add one more lead result of an estimate, with its JSON given; no line items."""
        row: Row = {"estimate_id": estimate_id, "company_id": "c", "lead_results": answers}
        row |= {"created_at": moment(at), "updated_at": moment(at)}
        self.put("lead_results", row, replaces=False)

    def _keys(self, stream: str) -> list[str]:
        return self.ledger[stream].live_keys()

    def _erase(self, stream: str, key: str) -> None:
        condition = " AND ".join(f'"{name}" = ?' for name in KEY[stream])
        statement = f'DELETE FROM "{TABLE_OF[stream]}" WHERE {condition}'  # noqa: S608
        self.database.execute(statement, key.split(":"))

    def _fill(self, dice: Random) -> None:
        batch = self._world.before_start(dice)  # very many rows share the time of one export
        for number in range(self._world.count(120, least=12)):
            created = self._world.before_start(dice)
            self._sell(dice, created, batch if number % 5 == 0 else created)
        for nothing in (None, ""):
            row = tables.customer(dice, nothing, object_id(dice)) | stamps(dice, batch, batch)
            self.insert("customer", [row])
            result: Row = {"estimate_id": nothing, "company_id": "c", "lead_results": "[]"}
            self.insert("lead_results", [result | stamps(dice, batch, batch)])
        twice = self._world.some(dice, self._keys("lead_results"), 0.1)
        for key in twice:  # a later version stands beside the earlier one
            self._answer(dice, key, self._world.start, self._world.start)
        self._export(dice, "offices", OFFICES, batch)
        self._export(dice, "users", [object_id(dice) for _ in range(6)], batch)

    def _sell(self, dice: Random, created: datetime, changed: datetime | None) -> None:
        """An estimate and all that comes with one."""
        at = changed or created
        customer_id = object_id(dice)
        estimate = tables.estimate(dice, customer_id) | stamps(dice, created, at)
        estimate_id = self.put("estimates", estimate)
        self.put(
            "customers",
            tables.customer(dice, customer_id, estimate_id) | stamps(dice, created, at),
        )
        self._answer(dice, estimate_id, created, at)
        if dice.random() < 0.3:  # noqa: PLR2004
            row = tables.credit_application(dice, customer_id) | stamps(dice, created, at)
            self.put("credit_applications", row)
        for _ in range(dice.randrange(3)):
            row = tables.activity(dice, estimate_id, len(self.ledger["user_activity"]))
            self.put("user_activity", row | {"created_at": moment(at)})

    def _answer(self, dice: Random, estimate_id: str, created: datetime, changed: datetime) -> None:
        text, items = tables.answers(dice)
        row: Row = {
            "estimate_id": estimate_id,
            "company_id": tables.COMPANY["company_id"],
            "lead_results": text,
        } | stamps(dice, created, changed)
        self.put("lead_results", row, replaces=False)
        if items is None:
            return
        records = self.ledger[LINE_ITEMS]
        for number in range(1, 7):
            key = f"{estimate_id}:{number}"
            if number in items:
                job, amount = items[number]
                records.put(
                    key,
                    {
                        "estimate_id": estimate_id,
                        "job_type_number": number,
                        "job_type": job,
                        "job_type_amount": amount,
                    },
                )
            elif records.get(key):
                records.delete(key)

    def _change(self, dice: Random, stream: str, key: str, at: datetime) -> None:
        old = dict(self.ledger[stream].get(key) or {})
        made: Row = {
            "estimates": lambda: tables.estimate(dice, old["customer_id"]),
            "customers": lambda: tables.customer(dice, old["customer_id"], old["estimate_id"]),
            "credit_applications": lambda: tables.credit_application(dice, old["customer_id"]),
        }[stream]()
        kept = {name: old[name] for name in (*KEY[stream], "created_at")}
        self.put(stream, made | kept | {"updated_at": moment(at)})

    def _export(self, dice: Random, stream: str, keys: Sequence[str], at: datetime) -> None:
        make = tables.office if stream == "offices" else tables.user
        for key in keys:
            self.ledger[stream].put(key, make(dice, key, at))
