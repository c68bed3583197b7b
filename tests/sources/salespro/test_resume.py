"""SalesPro: a read that broke off goes on with the result that is there, while it lives."""

from __future__ import annotations

import pytest

from connectors.errors import CredentialsError
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.killed import Reading
from tests.sources.salespro.compared import stored, told
from tests.sources.salespro.export import Account


def test_an_interrupted_read_goes_on_with_the_same_result(
    pretend: Account, warehouse: Warehouse
) -> None:
    """Cases 6 and 11 of the fault list."""
    pretend.fault(contains="NextToken", nth=3, times=None, status=500, body="")
    status, _ = pretend.load(warehouse, "estimates", mode="full", page_size=10, batch_size=10)
    assert status is Status.FAILED
    pretend.sandbox.faults.clear()

    status, reports = pretend.load(warehouse, "estimates", mode="full", page_size=10, batch_size=10)

    assert status is Status.SUCCESS
    assert len(pretend.queries("FROM estimate")) == 1
    assert reports["estimates"].counts.read == len(pretend.truth("estimates")) - 29  # and a header
    assert f"goes on with the result of query {pretend.queries()[0].id}" in str(
        reports["estimates"].notes
    )
    assert stored(pretend, warehouse, "estimates") == told(
        pretend, "estimates", pretend.truth("estimates")
    )


@pytest.mark.parametrize("why", ["forgotten", "too old"])
def test_a_result_that_cannot_be_gone_on_with_is_asked_for_anew(
    pretend: Account, sqlite: Warehouse, why: str
) -> None:
    pretend.fault(contains="NextToken", nth=3, times=None, status=500, body="")
    pretend.load(sqlite, "lead_result_line_items", mode="full", page_size=10, batch_size=10)
    pretend.sandbox.faults.clear()
    if why == "forgotten":
        pretend.vendor.queries.forget(pretend.queries()[0].id)
    else:
        pretend.advance(hours=25)

    status, reports = pretend.load(sqlite, "lead_result_line_items", mode="full")

    assert status is Status.SUCCESS
    assert "result is gone; read from the start" in str(reports["lead_result_line_items"].notes)
    right = told(pretend, "lead_result_line_items", pretend.truth("lead_result_line_items"))
    assert stored(pretend, sqlite, "lead_result_line_items") == right


def test_a_query_that_was_stopped_is_not_started_again_by_the_same_run(
    pretend: Account, sqlite: Warehouse
) -> None:
    """Each is billed; a run that opens its streams again after passing trouble spares these."""
    pretend.vendor.endless = {"FROM estimate"}
    pretend.vendor.cancels = {"FROM credit_applications"}

    status, _ = pretend.load(sqlite, "estimates", "credit_applications", patience=(0.0, 0.0))

    assert status is Status.FAILED
    assert [query.state for query in pretend.queries()] == ["CANCELLED", "CANCELLED"]


def test_a_result_lost_in_between_is_asked_for_anew_by_the_same_run(
    pretend: Account, sqlite: Warehouse
) -> None:
    def vanish() -> None:
        pretend.vendor.queries.forget(pretend.queries()[0].id)

    pretend.fault(contains="NextToken", nth=3, call=vanish)

    status, _ = pretend.load(sqlite, "estimates", mode="full", page_size=10, patience=(0.0,))

    assert status is Status.SUCCESS
    assert set(pretend.stored(sqlite, "estimates")) == set(pretend.truth("estimates"))


def test_a_killed_read_goes_on_with_the_same_result(
    pretend: Account, sqlite: Warehouse, sqlite_warehouse_url: str
) -> None:
    """Cases 1, 3 and 6 of the fault list: the process is killed while it asks for a page."""
    options = {"streams": ["estimates"], "page_size": 10, "batch_size": 10}
    reading = Reading(pretend, sqlite_warehouse_url, options)
    reading.killed(sqlite, "estimates", contains="NextToken", nth=4)

    status, reports = pretend.load(sqlite, "estimates", mode="full")

    assert status is Status.SUCCESS, reports
    assert any("resumed the full read" in note for note in reports["estimates"].notes)
    assert len(pretend.queries("FROM estimate")) == 1
    assert 0 < reports["estimates"].counts.read < len(pretend.truth("estimates"))
    assert stored(pretend, sqlite, "estimates") == told(
        pretend, "estimates", pretend.truth("estimates")
    )


def test_refused_credentials_end_the_run_and_the_next_goes_on(
    pretend: Account, sqlite: Warehouse
) -> None:
    """Case 40 of the fault list."""
    pretend.fault(
        contains="NextToken", nth=2, call=lambda: pretend.vendor.adjust({"expired": True})
    )
    with pytest.raises(CredentialsError):
        pretend.load(sqlite, "estimates", "customers", mode="full", page_size=10, batch_size=10)
    pretend.vendor.adjust({"expired": False})

    status, _ = pretend.load(sqlite, "estimates", mode="full", page_size=10, batch_size=10)

    assert status is Status.SUCCESS
    assert len(pretend.queries("FROM estimate")) == 1
