"""SalesRabbit into a warehouse: keys, columns, and values that are odd or missing."""

from __future__ import annotations

from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import Pretend
from tests.sources.salesrabbit.ledger import differences, stored
from tests.warehouse.loading import rejects


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


def test_custom_fields_that_come_later_need_no_column(pretend: Pretend, sqlite: Warehouse) -> None:
    pretend.sync(sqlite, "full")
    pretend.later(minutes=1)

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
