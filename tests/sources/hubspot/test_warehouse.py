"""HubSpot into a warehouse: after any story, what is stored is what the portal holds."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.outcomes import StreamReport, verdict
from connectors.planning import Options
from connectors.settings import load
from connectors.sources import hubspot
from connectors.sync import SourceSync, run
from connectors.warehouse import locks, runs
from connectors.warehouse.engine import Warehouse
from tests.sources.hubspot.portal import Portal

KEYS = {
    "contacts": '"id"',
    "deals": '"id"',
    "tickets": '"id"',
    "owners": '"id"',
    "zip_codes": '"id"',
    "properties": '"object_type" || \':\' || "name"',
    "list_memberships": '"list_id" || \':\' || "record_id"',
    "contacts_to_companies": '"from_id" || \':\' || "to_id" || \':\' || "type_id"',
    "deals_to_contacts": '"from_id" || \':\' || "to_id" || \':\' || "type_id"',
}


def sync(
    portal: Portal, warehouse: Warehouse, settings: dict[str, Any] | None = None, **options: Any
) -> dict[str, StreamReport]:
    """Run once, as the flow does; by default looking at everything there is to look at."""
    run_id = str(uuid.uuid4())
    runs.open_run(warehouse, runs.NewRun(run_id=run_id, source="hubspot", mode="incremental"))
    acquired = locks.acquire(warehouse, "hubspot", run_id)
    assert isinstance(acquired, locks.Acquired)
    ref = runs.RunRef(run_id=run_id, source="hubspot", fence=acquired.fence)
    assert runs.start(warehouse, ref)
    environment = portal.sandbox.environment()
    chosen = {
        "base_url": environment["HUBSPOT_BASE_URL"],
        "api_token": environment["HUBSPOT_API_TOKEN"],
        "relink_every_hours": 0,
    } | (settings or {})
    status, reports = runs.Status.FAILED, list[StreamReport]()
    try:
        with SourceSync.open(
            hubspot.SOURCE,
            warehouse,
            ref,
            replace(Options(streams=tuple(KEYS)), **options),
            context=portal.context,
            settings=load(hubspot.Settings, chosen),
        ) as opened:
            reports = run(opened)
        status, _ = verdict(reports)
    finally:
        runs.finish(warehouse, run_id, status)
    return {report.stream: report for report in reports}


def live(warehouse: Warehouse, stream: str) -> set[str]:
    """Keys of the rows that are there, as the sandbox's ledger writes them."""
    table = warehouse.table(f"hubspot_{stream}")
    with warehouse.read() as db:
        found = db.exec_driver_sql(f"SELECT {KEYS[stream]} FROM {table} WHERE _deleted_at IS NULL")
        return {row[0] for row in found}


def truth(portal: Portal, stream: str) -> set[str]:
    """Keys that should be there. Owners who left stay, marked as archived."""
    entries = portal.sandbox.ledger("hubspot", stream)
    return {entry.id for entry in entries if not entry.deleted or stream == "owners"}


def stamps(warehouse: Warehouse, stream: str, column: str) -> dict[str, str]:
    table = warehouse.table(f"hubspot_{stream}")
    with warehouse.read() as db:
        found = db.exec_driver_sql(f'SELECT "id", {column} FROM {table} WHERE _deleted_at IS NULL')
        return {row[0]: str(row[1]).replace(" ", "T")[:23] for row in found}


@pytest.mark.parametrize("version", ["2026-09", "v3"])
def test_the_warehouse_equals_the_ledger_after_a_random_story(
    portal: Portal, warehouse: Warehouse, version: str
) -> None:
    """Cases 55 to 59 and 94 of the fault list."""
    dice = random.Random(7)
    settings = {"api_version": version}
    sync(portal, warehouse, settings)

    for _ in range(4):
        for _ in range(dice.randrange(1, 3)):
            portal.sandbox.step()
        portal.sandbox.clock.advance(timedelta(minutes=dice.randrange(2, 90)))
        sync(portal, warehouse, settings)
        erased = {str(row.id) for row in portal.vendor.objects["contacts"].touched() if row.gone}
        for stream in KEYS:
            assert truth(portal, stream) <= live(warehouse, stream), stream
            extra = live(warehouse, stream) - truth(portal, stream)
            assert all(erased & set(key.split(":")) for key in extra), stream
    sync(portal, warehouse, settings, mode="full")

    for stream in KEYS:
        assert live(warehouse, stream) == truth(portal, stream), stream
    held = stamps(warehouse, "deals", "hs_lastmodifieddate")
    records = portal.records("deals")
    assert held == {key: r["hs_lastmodifieddate"][:23] for key, r in records.items()}


def test_a_full_read_finds_what_was_erased_and_what_was_restored_quietly(
    portal: Portal, warehouse: Warehouse
) -> None:
    """Cases 56 and 57 of the fault list."""
    erased, restored = portal.vendor.ids("contacts")[:2]
    portal.vendor.archive("contacts", restored)
    sync(portal, warehouse)
    portal.vendor.purge("contacts", erased)
    portal.vendor.restore("contacts", restored, quietly=True)
    sync(portal, warehouse)
    assert live(warehouse, "contacts") ^ truth(portal, "contacts") == {erased, restored}

    sync(portal, warehouse, mode="full")

    for stream in KEYS:
        assert live(warehouse, stream) == truth(portal, stream), stream


def test_a_link_that_went_is_gone_once_its_record_is_read_again(
    portal: Portal, warehouse: Warehouse
) -> None:
    deal = portal.vendor.ids("deals")[0]
    contact = portal.vendor.ids("contacts")[-1]
    portal.vendor.link("deals", deal, "contacts", contact)
    sync(portal, warehouse, streams=("deals_to_contacts",))
    assert f"{deal}:{contact}:3" in live(warehouse, "deals_to_contacts")

    portal.vendor.link("deals", deal, "contacts", contact, [])
    portal.vendor.change("deals", deal, dealname="touched")
    portal.sandbox.clock.advance(timedelta(minutes=5))
    reports = sync(
        portal,
        warehouse,
        {"relink_every_hours": 10_000},
        streams=("deals_to_contacts",),
    )

    assert live(warehouse, "deals_to_contacts") == truth(portal, "deals_to_contacts")
    assert reports["deals_to_contacts"].counts.deleted == 1


def test_a_full_read_that_broke_off_is_taken_up_at_its_last_page(
    portal: Portal, warehouse: Warehouse
) -> None:
    """Case 11 of the fault list."""
    portal.sandbox.fault(path="objects/2026-09/contacts$", nth=3, times=6, status=503)
    options: dict[str, Any] = {"streams": ("contacts",), "batch_size": 100, "page_size": 100}
    broken = sync(portal, warehouse, **options)["contacts"]
    assert broken.counts.inserted == 200

    rest = sync(portal, warehouse, **options)["contacts"]

    assert rest.counts.inserted == 200
    assert live(warehouse, "contacts") == truth(portal, "contacts")


def test_a_list_that_ends_too_early_is_told_by_the_vendors_own_count(
    portal: Portal, warehouse: Warehouse
) -> None:
    """A 200 that says "no more" half-way looks like the end: only the count knows better."""
    options: dict[str, Any] = {"streams": ("contacts",), "page_size": 100, "mode": "full"}
    there = len(truth(portal, "contacts"))
    whole = sync(portal, warehouse, **options)["contacts"]
    assert (whole.status, whole.source_count) == (runs.Status.SUCCESS, there)
    portal.sandbox.fault(path="objects/2026-09/contacts$", nth=3, body='{"results":[]}')

    short = sync(portal, warehouse, **options)["contacts"]

    assert short.status is runs.Status.PARTIAL
    assert live(warehouse, "contacts") == truth(portal, "contacts")  # nothing was deleted


def test_a_first_read_that_ends_too_early_is_not_green(
    portal: Portal, warehouse: Warehouse
) -> None:
    portal.sandbox.fault(path="objects/2026-09/contacts$", nth=3, body='{"results":[]}')

    short = sync(portal, warehouse, streams=("contacts",), page_size=100)["contacts"]

    assert short.status is runs.Status.PARTIAL
    there = len(truth(portal, "contacts"))
    assert f"says it has {there} records, the warehouse holds 200" in str(short.error)


def test_values_that_do_not_fit_cost_no_row(portal: Portal, warehouse: Warehouse) -> None:
    """Cases 67 and 68 of the fault list."""
    deal, other = portal.vendor.ids("deals")[:2]
    portal.vendor.change("deals", deal, amount="1;2", closedate="soon")
    portal.vendor.change("deals", other, amount="0.200000000000000011102230246251565")

    reports = sync(portal, warehouse, streams=("deals",))

    assert reports["deals"].counts.rows_damaged >= 1
    assert live(warehouse, "deals") == truth(portal, "deals")


@pytest.mark.parametrize("ids", [1, 3])
def test_a_record_whose_batch_read_fails_keeps_its_old_values(
    portal: Portal, warehouse: Warehouse, ids: int
) -> None:
    """Case 60 of the fault list."""
    bad = portal.vendor.ids("deals")[:ids]
    sync(portal, warehouse, streams=("deals_to_contacts",))
    before = live(warehouse, "deals_to_contacts")
    portal.vendor.adjust({"failing_ids": bad})

    reports = sync(portal, warehouse, streams=("deals_to_contacts",), mode="full")

    report = reports["deals_to_contacts"]
    assert report.status is runs.Status.PARTIAL
    assert all(each in str(report.error) for each in bad)
    assert live(warehouse, "deals_to_contacts") == before
