"""SalesPro at size: what many rows cost in queries and pages."""

from __future__ import annotations

from connectors.model import Request
from tests.sources.salespro.export import account

ROWS = 50_000


def test_fifty_thousand_rows_take_one_query_and_51_pages() -> None:
    """Every row arrives once, and no page but the last is less than full."""
    with account(scale=0.1) as pretend:
        pretend.empty("customer")
        pretend.sql(
            "INSERT INTO customer (customer_id, updated_at)"
            f" SELECT 'c' || n, TIMESTAMP '2026-06-15' FROM range({ROWS}) t(n)"
        )
        customers: set[str] = set()
        rows = 0
        with pretend.reader() as reader:
            (stream,) = [s for s in reader.streams() if s.name == "customers"]
            request = Request(stream=stream, mode="full", started_at=pretend.context.clock())
            for page in reader.read(request):
                rows += len(page.records)
                customers.update(record["customer_id"] for record in page.records)

        assert (rows, len(customers)) == (ROWS, ROWS)
        assert pretend.asked("StartQueryExecution") == 1
        assert pretend.asked("GetQueryResults") == 51
