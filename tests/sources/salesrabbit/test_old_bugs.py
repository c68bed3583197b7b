"""SalesRabbit: what the old platform lost, a test each, named after the bug."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.warehouse import checkpoints
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend
from tests.sources.salesrabbit.ledger import differences, stored

DATED = ("leads", "lead_status_histories", "lead_status_activities")


def cursors(warehouse: Warehouse) -> dict[str, Any]:
    return {name: checkpoints.load(warehouse, "salesrabbit", name).cursor for name in DATED}


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 304}, {"html": True}, {"body": '{"status":"error"}'}],
    ids=["500", "304", "html", "error body"],
)
def test_old_bug_b_an_error_was_an_empty_list_and_the_watermark_moved_on(
    pretend: Pretend, sqlite: Warehouse, fault: dict[str, Any]
) -> None:
    pretend.vendor.adjust({"cap": 40})
    pretend.fault(path="/lead", nth=3, times=None, **fault)
    status, reports = pretend.sync(sqlite, "full")
    assert status in {Status.PARTIAL, Status.FAILED}
    assert {reports[name].status for name in DATED} == {Status.FAILED}
    assert cursors(sqlite) == dict.fromkeys(DATED)

    pretend.sandbox.faults.clear()
    status, _ = pretend.sync(sqlite)

    assert status is Status.SUCCESS
    assert differences(pretend, sqlite) == {}


def test_an_error_while_reading_changes_leaves_the_cursor(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    pretend.sync(sqlite, "full")
    before = cursors(sqlite)
    pretend.later(hours=2)
    pretend.fault(path="/lead", status=500, times=None)
    pretend.sync(sqlite)
    assert cursors(sqlite) == before
    pretend.sandbox.faults.clear()
    pretend.advance(hours=2)

    pretend.sync(sqlite)

    assert pretend.truth("leads").keys() <= stored(sqlite, "leads").keys()


def test_old_bug_h_what_changed_during_a_run_was_behind_the_watermark(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    pretend.vendor.adjust({"cap": 40, "sorts": False, "order": "newest"})
    pretend.sync(sqlite, "full")
    pretend.advance(hours=1)
    first = next(iter(pretend.truth("leads")))

    def meanwhile() -> None:
        pretend.advance(hours=1)
        pretend.vendor.book.change_lead(int(first), notes="meanwhile")

    pretend.sandbox.step()
    pretend.fault(path="/leadStatusActivities$", call=meanwhile)  # the leads have been read
    pretend.sync(sqlite)
    assert stored(sqlite, "leads")[first]["notes"] != "meanwhile"
    pretend.advance(hours=1)

    pretend.sync(sqlite)

    assert stored(sqlite, "leads")[first]["notes"] == "meanwhile"


def test_old_bug_e_notes_owner_and_coordinates_were_never_updated(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    pretend.sync(sqlite, "full")
    changes: dict[str, Any] = {
        "notes": "changed",
        "userId": 911_700_099,
        "userName": "New Owner",
        "customFields": {"windowCount": "99"},
        "appointment": {"start": "2026-07-01T10:00:00+00:00"},
        "latitude": 40.5,
    }
    pretend.vendor.book.change_lead(20_420, **changes)
    pretend.vendor.book.change_lead(20_421, dated=False, **changes)
    pretend.advance(minutes=1)

    pretend.sync(sqlite)
    row = stored(sqlite, "leads")["20420"]
    assert (row["notes"], row["userId"], row["customFields"]) == (
        "changed",
        "911700099",
        {"windowCount": "99"},
    )
    pretend.sync(sqlite, "full")

    assert differences(pretend, sqlite) == {}


def test_old_bug_i_a_cleared_field_kept_its_old_value(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.vendor.book.change_lead(20_420, email="a@example.com", notes="x", campaignId=7)
    pretend.sync(sqlite, "full")
    pretend.vendor.book.change_lead(20_420, email="", notes=None, campaignId=None)
    pretend.advance(minutes=1)

    pretend.sync(sqlite)

    row = stored(sqlite, "leads")["20420"]
    assert (row["email"], row["notes"], row["campaignId"]) == ("", None, None)


def test_old_bug_g_values_were_cut_and_their_case_changed(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    pretend.sync(sqlite, "full")

    rows = stored(sqlite, "leads").values()
    assert {"Not Home", "No Damage "} <= {row["status"] for row in rows}
    assert {"Colorado", "co", "Colorado Springs"} <= {row["state"] for row in rows}
    assert max(len(row["notes"] or "") for row in rows) == 1500
    assert max(len(row["lastName"]) for row in rows) > 100


def test_old_bug_f_custom_fields_were_stored_as_json_texts(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    pretend.sync(warehouse, "full")

    found = [row["customFields"] for row in stored(warehouse, "leads").values()]
    assert {type(each) for each in found} == {dict}
    assert {} in found


def test_old_bug_d_appointments_and_files_were_never_stored(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    pretend.sync(warehouse, "full")

    rows = stored(warehouse, "leads").values()
    assert {type(row["appointment"]) for row in rows} == {dict, str, type(None)}
    assert any(row["files"] for row in rows)


def test_old_bug_a_the_page_size_was_a_parameter_that_nobody_reads(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """Its own page was 500; a vendor's default below that would have ended the run."""
    pretend.vendor.adjust({"cap": 60})

    pretend.sync(sqlite, "full")

    assert len(stored(sqlite, "leads")) == 150
    targets = [seen.target for seen in pretend.sandbox.requests("salesrabbit")]
    assert not any("limit=" in target for target in targets)
