"""SalesRabbit into a warehouse: equal to the ledger after any story."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from connectors.model import Deletes
from connectors.sources import salesrabbit
from connectors.warehouse import checkpoints, runs
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.migrate import migrate
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend, pretending
from tests.sources.salesrabbit_ledger import READ, differences, stored
from tests.warehouse.loading import rejects

ROOT = Path(__file__).parents[2]
DATED = ("leads", "lead_status_histories", "lead_status_activities")


@pytest.fixture
def pretend() -> Generator[Pretend]:
    with pretending(salesrabbit.SOURCE) as vendor:
        yield vendor


@pytest.fixture
def sqlite(sqlite_warehouse_url: str) -> Generator[Warehouse]:
    opened = Warehouse.open(sqlite_warehouse_url)
    migrate(opened)
    yield opened
    opened.close()


def cursors(warehouse: Warehouse) -> dict[str, Any]:
    return {name: checkpoints.load(warehouse, "salesrabbit", name).cursor for name in DATED}


def test_full_and_incremental_runs_equal_the_ledger(pretend: Pretend, warehouse: Warehouse) -> None:
    pretend.vendor.adjust({"cap": 40})
    status, reports = pretend.sync(warehouse, "full")
    assert status is Status.SUCCESS, reports
    assert differences(pretend, warehouse) == {}

    for _ in range(3):
        pretend.sandbox.step()
        pretend.advance(minutes=10)
        status, reports = pretend.sync(warehouse)
        assert status is Status.SUCCESS, reports
        assert reports["leads"].counts.read < 50
        for name in READ:
            assert pretend.truth(name).keys() <= stored(warehouse, name).keys(), name
        gone = stored(warehouse, "leads").keys() - pretend.truth("leads").keys()
        assert gone <= {e.id for e in pretend.sandbox.ledger("salesrabbit", "leads") if e.deleted}

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.SUCCESS, reports
    assert reports["leads"].counts.deleted == 3
    assert differences(pretend, warehouse) == {}
    _, again = pretend.sync(warehouse, "full")
    changed = [r.counts.inserted + r.counts.updated + r.counts.deleted for r in again.values()]
    assert changed == [0] * len(READ)


def test_a_killed_read_is_resumed_where_it_was(
    pretend: Pretend, warehouse: Warehouse, warehouse_url: str
) -> None:
    """Cases 1 and 10 of the fault list: killed in the middle of the leads, then of the log."""
    pretend.vendor.adjust({"cap": 40})
    kill(pretend, warehouse, warehouse_url, "leads", "/leads$")
    pretend.vendor.book.delete_lead(20_420)
    kill(pretend, warehouse, warehouse_url, "lead_status_activities", "/leadStatusActivities$")
    read = checkpoints.load(warehouse, "salesrabbit", "lead_status_activities").reads["full"]
    assert read.position is not None
    assert stored(warehouse, "lead_status_activities")

    status, reports = pretend.sync(warehouse, "full")

    assert status is Status.SUCCESS, reports
    knocks = reports["lead_status_activities"]
    assert any("resumed the full read" in note for note in knocks.notes)
    assert knocks.counts.inserted < len(pretend.truth("lead_status_activities"))
    assert differences(pretend, warehouse) == {}


def kill(pretend: Pretend, warehouse: Warehouse, url: str, name: str, path: str) -> None:
    """Start a full read in a process, and kill it when it has stored something of a stream."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.sources.salesrabbit_process", url],
        cwd=ROOT,
        env=os.environ | pretend.sandbox.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )

    def kill_once_something_is_stored() -> None:
        while not checkpoints.load(warehouse, "salesrabbit", name).reads:
            time.sleep(0.01)
        child.kill()

    pretend.fault(path=path, nth=4, call=kill_once_something_is_stored)
    said, _ = child.communicate(timeout=90)
    assert child.returncode == -signal.SIGKILL
    runs.finish(warehouse, said.strip(), Status.FAILED)  # as the sweeper would


def test_an_interrupted_incremental_run_is_resumed(pretend: Pretend, sqlite: Warehouse) -> None:
    """Case 11 of the fault list."""
    pretend.sync(sqlite, "full")
    pretend.vendor.adjust({"cap": 3})
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    pretend.fault(path="/leads$", nth=4, status=500, times=None)
    status, reports = pretend.sync(sqlite)
    assert (status, reports["leads"].status) == (Status.PARTIAL, Status.FAILED)
    pretend.sandbox.faults.clear()
    pretend.sandbox.step()
    pretend.advance(minutes=10)

    pretend.sync(sqlite)
    status, _ = pretend.sync(sqlite)
    assert status is Status.SUCCESS
    pretend.sync(sqlite, "full")

    assert differences(pretend, sqlite) == {}


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
    pretend.sandbox.step()
    pretend.advance(hours=2)
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


def test_an_event_of_the_same_status_at_another_time_is_another_event(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """A status id is no event id: keyed by it, events are lost."""
    pretend.sync(sqlite, "full")
    for _ in range(3):
        pretend.advance(minutes=5)
        pretend.vendor.book.knock(20_421, "Go Back")
    pretend.sync(sqlite)

    rows = [row for key, row in stored(sqlite, "lead_status_histories").items() if "20421:" in key]
    assert sum(row["name"] == "Go Back" for row in rows) >= 3
    assert sum(row["active"] for row in rows) == 1
    assert differences(pretend, sqlite) == {}


def test_ids_that_come_as_numbers_and_as_text_can_be_joined(
    pretend: Pretend, warehouse: Warehouse
) -> None:
    pretend.sync(warehouse, "full")

    with warehouse.read() as db:
        prefix = warehouse.table("salesrabbit_leads").removesuffix('leads"')
        joined = db.exec_driver_sql(
            f'SELECT count(*) FROM {prefix}lead_status_histories" h'
            f' JOIN {prefix}users" u ON u.id = h.changed_by_user_id'
            f' JOIN {prefix}leads" l ON l.id = h.lead_id'
        ).scalar()
    assert joined == len(pretend.truth("lead_status_histories"))


def test_coordinates_may_be_missing_or_zero(pretend: Pretend, warehouse: Warehouse) -> None:
    _, reports = pretend.sync(warehouse, "full")

    assert reports["leads"].counts.values_rejected == 0
    found = {row["latitude"] for row in stored(warehouse, "leads").values()}
    assert None in found
    assert 0 in found
    assert any(str(each) == "39.123456789012" for each in found)


def test_unknown_words_and_odd_dates_cost_no_row(pretend: Pretend, sqlite: Warehouse) -> None:
    """Case 62 of the fault list."""
    pretend.vendor.book.change_lead(
        20_420, dateOfBirth="31/01/1970", ownerModified="0000-00-00 00:00:00", status="Brand New"
    )
    pretend.vendor.book.change_lead(
        20_421, statusModified="2026-06-01 10:00:00", ownerModified=1_780_000_000, deletedAt="0"
    )
    pretend.vendor.book.change_lead(20_422, dated=False, dateModified="2026-06-02T10:00:00.5Z")

    status, reports = pretend.sync(sqlite, "full")

    rows = stored(sqlite, "leads")
    assert status is Status.PARTIAL  # more than one row in a hundred lost a value
    assert reports["leads"].counts.read == len(rows) == 150
    assert rows["20420"]["status"] == "Brand New"
    assert (rows["20420"]["dateOfBirth"], rows["20420"]["ownerModified"]) == (None, None)
    assert rows["20421"]["statusModified"].isoformat() == "2026-06-01T10:00:00+00:00"
    assert rows["20421"]["ownerModified"].year == 2026
    assert rows["20422"]["dateModified"].microsecond == 500_000
    kept = {(reject["key"], reject["column_name"]) for reject in rejects(sqlite)}
    assert {("20420", "dateOfBirth"), ("20420", "ownerModified")} <= kept


def test_a_record_without_its_key_makes_the_run_partial_and_deletes_nothing(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """Case 80 of the fault list."""
    pretend.sync(sqlite, "full")
    pretend.vendor.book.delete_lead(20_425)
    pretend.fault(path="/leads$", edit=(r'"id":20420,', ""), times=None)

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.PARTIAL
    assert (reports["leads"].counts.rejected, reports["leads"].counts.deleted) == (1, 0)
    assert {"20420", "20425"} <= stored(sqlite, "leads").keys()


def test_an_event_without_its_time_is_refused_and_said(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.vendor.book.events[20_421][0]["statusUpdated"] = None

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.PARTIAL
    assert reports["lead_status_histories"].counts.rejected == 1


def test_a_list_that_lost_most_of_its_rows_deletes_none(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """Case 63 of the fault list."""
    pretend.sync(sqlite, "full")
    pretend.fault(path="/leads$", body='{"meta":{"morePages":false},"data":[]}', times=None)

    status, reports = pretend.sync(sqlite, "full")

    assert status is Status.PARTIAL
    assert "delete guard" in str(reports["leads"].error)
    assert len(stored(sqlite, "leads")) == 150


def test_a_lead_that_says_it_is_deleted_goes_at_once(pretend: Pretend, sqlite: Warehouse) -> None:
    """Both readings: deleted leads vanish (see the full run), or stay with `deletedAt`."""
    pretend.vendor.adjust({"marks_deleted": True})
    pretend.sync(sqlite, "full")
    pretend.vendor.book.delete_lead(20_420)
    pretend.advance(minutes=1)

    pretend.sync(sqlite)

    assert stored(sqlite, "leads").keys() == pretend.truth("leads").keys()


def test_a_lead_that_comes_back_lives_again(pretend: Pretend, sqlite: Warehouse) -> None:
    """Case 56 of the fault list."""
    pretend.sync(sqlite, "full")
    lead = dict(pretend.vendor.book.lead(20_421))
    pretend.vendor.book.delete_lead(20_421)
    pretend.sync(sqlite, "full")
    assert "20421" not in stored(sqlite, "leads")
    pretend.vendor.book["leads"].put("20421", lead)
    pretend.vendor.book.events[20_421] = []
    pretend.vendor.book.knock(20_421, "Go Back")
    pretend.advance(minutes=1)

    pretend.sync(sqlite)

    assert "20421" in stored(sqlite, "leads")


def test_custom_fields_that_come_later_need_no_column(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.sync(sqlite, "full")
    pretend.sandbox.step()
    pretend.advance(minutes=1)

    pretend.sync(sqlite)

    assert {"visit1": "1"} in [row["customFields"] for row in stored(sqlite, "leads").values()]


def test_a_renamed_or_inactive_status_is_a_row_like_any_other(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    pretend.sandbox.step()
    pretend.sync(sqlite, "full")

    rows = {row["name"]: row["active"] for row in stored(sqlite, "lead_statuses").values()}
    assert rows["Sold"] is False
    assert rows["New Mover 1"] is True
    assert "No Damage " in rows


def test_users_have_every_column_of_the_old_table(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.sync(sqlite, "full")
    old = (
        "first_name last_name email phone active hire_date business_unit department role office"
        " team region org_id supervisor_id recruiter_id cms_id lead_rep_cms_id photo_url"
        " external_ids date_created date_modified"
    )

    with sqlite.read() as db:
        table = sqlite.table("salesrabbit_users")
        found = db.exec_driver_sql(f"SELECT * FROM {table}").mappings().all()
    assert set(old.split()) <= found[0].keys()
    assert any(str(row["photo_url"]).endswith(".jpg") for row in found)


def test_leads_have_every_column_of_the_old_table(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.sync(sqlite, "full")
    old = (
        "first_name last_name business_name email phone_primary phone_alternate street1 street2"
        " city state zip country latitude longitude status status_modified notes appointment files"
        " campaign_id user_id user_name date_created date_modified owner_modified date_of_birth"
        " deleted_at custom_fields"
    )

    with sqlite.read() as db:
        table = sqlite.table("salesrabbit_leads")
        found = db.exec_driver_sql(f"SELECT * FROM {table}").mappings().first()
    assert found is not None
    assert set(old.split()) <= found.keys()


def test_every_stream_deletes_by_comparing_and_says_what_it_sees() -> None:
    assert {stream.deletes for stream in salesrabbit.STREAMS} == {Deletes.COMPARE}
    assert all(stream.sees for stream in salesrabbit.STREAMS)
