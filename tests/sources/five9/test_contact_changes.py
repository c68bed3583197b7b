"""Five9: contacts that changed, found by their field or by the call log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.sandbox.five9.contacts import MODIFIED
from connectors.sandbox.five9.reports import call_row
from tests.sources.five9.domain import Domain, same_contacts
from tests.sources.pretend import NOW

HOUR = timedelta(hours=1)


def test_changes_are_found_by_the_field_of_last_modification(pretend: Domain) -> None:
    since = pretend.context.clock()
    pretend.later(minutes=10)
    before = pretend.asked("getContactRecords")

    gathered = pretend.incremental("contacts", since)

    changed = {e.id for e in pretend.sandbox.ledger("five9", "contacts") if e.version > 1}
    added = {key for key in pretend.truth("contacts") if int(key) >= 70_001_200}
    assert f"changes were found by the contact field {MODIFIED!r}" in gathered.notes
    assert set(gathered.by("contact_key")) == changed | added
    assert pretend.asked("getContactRecords") - before <= 6


def test_changes_outside_the_window_are_left_to_the_next_run(pretend: Domain) -> None:
    """Case 53 of the fault list."""
    now = pretend.context.clock()
    pretend.vendor.contacts.put(5, now - timedelta(seconds=10), city="Later")
    pretend.vendor.contacts.put(6, now - timedelta(minutes=20), city="Now")
    pretend.vendor.contacts.put(7, now - timedelta(minutes=70), city="Before")

    gathered = pretend.incremental("contacts", now - timedelta(minutes=2))

    assert set(gathered.by("contact_key")) == {"70000006"}


def test_thousands_of_changes_at_one_instant_all_arrive(pretend: Domain) -> None:
    """Case 49 of the fault list."""
    at = NOW - timedelta(minutes=5)
    for number in range(1190):
        pretend.vendor.contacts.put(number, at, city="Bulk")

    gathered = pretend.incremental("contacts", NOW - HOUR)

    assert gathered.incomplete == []
    assert len(gathered.by("contact_key")) == 1190


def test_without_such_a_field_changes_are_found_by_the_call_log(pretend: Domain) -> None:
    pretend.vendor.ledger["contact_fields"].delete(MODIFIED)
    since = pretend.context.clock()
    pretend.later(minutes=10)

    gathered = pretend.incremental("contacts", since)

    changed = {e.id for e in pretend.sandbox.ledger("five9", "contacts") if e.version > 1}
    assert any("numbers of the call log" in note for note in gathered.notes)
    truth = pretend.truth("contacts")
    called = {key for key in changed if key in truth and truth[key]["number1"]}
    assert called <= set(gathered.by("contact_key"))
    assert not gathered.pages[-1].everything
    assert len(gathered.records) < 300


@pytest.mark.parametrize("why", ["report", "busy day"])
def test_without_a_usable_call_log_everything_is_read(pretend: Domain, why: str) -> None:
    pretend.vendor.time_patterns = False
    if why == "report":
        pretend.vendor.reports.missing.add(("Call Log Reports", "Call Log"))
    else:
        for n in range(400):
            row = call_row(n, NOW - timedelta(minutes=5), f"480555{n:04}", "Sold")
            pretend.vendor.ledger["call_log"].put(row["CALL ID"], row)

    gathered = pretend.incremental("contacts", NOW - HOUR)

    assert any("all contacts were read and compared" in note for note in gathered.notes)
    assert same_contacts(pretend, gathered.by("contact_key"))
    assert gathered.pages[-1].everything
