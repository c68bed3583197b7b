"""A process killed inside a transaction, after any of its statements, leaves nothing of it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from connectors.model import FieldType
from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse, execute
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from connectors.warehouse.sweep import sweep
from tests.acme import NOW, ORDERS, Acme, sync
from tests.warehouse.loading import rows, types

COUNT = 40
WIDE = {"025": "many", "026": None}
"""In the third batch the vendor shows text where it has always shown numbers."""


def vendor(**scores: Any) -> Acme:
    acme = Acme(now=NOW - timedelta(days=1))
    for n in range(COUNT):
        key = f"{n:03}"
        acme.put("orders", key, score=scores.get(key, n))
    acme.now = NOW
    return acme


def be_killed(url: str, fragment: str, times: int) -> None:
    """Sync until the `times`-th statement with `fragment` in it has run, and no further."""
    warehouse = Warehouse.open(url)
    left = times

    def look(
        _conn: Any, _cursor: Any, statement: str, _binds: Any, _context: Any, _many: Any
    ) -> None:
        nonlocal left
        left -= fragment in statement
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(warehouse.engine, "after_cursor_execute", look)
    sync(vendor(**WIDE), warehouse, mode="full", streams=("orders",))


@pytest.mark.parametrize(
    ("kind", "fragment", "times"),
    [
        ("sqlite", "RELEASE SAVEPOINT", 2),  # the merge of the second batch is done
        ("sqlite", "INTO sync_checkpoints", 2),
        ("sqlite", "rows_read = rows_read +", 3),
        ("sqlite", "__widened", 1),  # SQLite widens a column by replacing the table
        ("sqlite", "DROP TABLE", 1),
        ("sqlite", "RENAME TO", 1),
        ("postgres", "RELEASE SAVEPOINT", 2),
        ("postgres", "INTO sync_checkpoints", 2),
        ("postgres", "rows_read = rows_read +", 3),
        ("postgres", "ALTER COLUMN", 1),
    ],
)
def test_a_kill_inside_a_transaction_takes_all_of_it_back(
    request: pytest.FixtureRequest, kind: str, fragment: str, times: int
) -> None:
    """Cases 2, 6 and 7 of the fault list: after the merge, and while a table is replaced."""
    url: str = request.getfixturevalue(f"{kind}_warehouse_url")
    warehouse = Warehouse.open(url)
    migrate(warehouse)
    sync(vendor(), warehouse, mode="full", streams=("orders",))
    before = rows(warehouse, ORDERS)
    child = multiprocessing.get_context("spawn").Process(
        target=be_killed, args=(url, fragment, times)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert len(sweep(warehouse, timedelta(0))) == 1

    assert rows(warehouse, ORDERS) == before
    assert types(warehouse, ORDERS)["score"] is FieldType.INTEGER
    left = checkpoints.load(warehouse, "acme", "orders").reads["full"].position
    with warehouse.read() as db:
        counted = execute(
            db, "SELECT rows_read FROM sync_runs WHERE error_type = 'HeartbeatLost'"
        ).scalar_one()
    assert left == {"after": f"{counted - 1:03}"}  # the checkpoint is that of the counted rows

    status, reports = sync(vendor(**WIDE), warehouse, mode="full", streams=("orders",))

    assert status is Status.SUCCESS
    assert reports["orders"].counts.read == COUNT - counted
    assert {key: row["score"] for key, row in rows(warehouse, ORDERS).items()} == {
        f"{n:03}": str(n) for n in range(COUNT)
    } | WIDE
    tables = sa.inspect(warehouse.engine).get_table_names()
    assert not [name for name in tables if "widened" in name or "stage" in name]
    warehouse.close()
