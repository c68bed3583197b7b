"""Five9: what is read of each stream."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.model import FieldType
from connectors.sandbox.five9.catalog import contact_field
from connectors.sandbox.five9.contacts import MODIFIED
from connectors.sandbox.five9.reports import call_row
from connectors.sources import five9
from connectors.sources.five9.times import following, halved, printed, slices
from tests.sources.five9_domain import Domain, domain
from tests.sources.pretend import NOW

CONFIGURATION = (
    "contact_fields",
    "lists",
    "dispositions",
    "campaigns",
    "campaign_lists",
    "users",
    "agent_groups",
    "skills",
)
HOUR = timedelta(hours=1)


@pytest.fixture
def pretend() -> Generator[Domain]:
    with domain() as opened:
        yield opened


def same_contacts(pretend: Domain, records: dict[Any, dict[str, Any]]) -> bool:
    """Whether every contact came as it is, and no other."""
    truth = {
        key: {name: value or None for name, value in record.items()}
        for key, record in pretend.truth("contacts").items()
    }
    own = {"contact_key", "contact_record_id"}
    return truth == {
        key: {name: value for name, value in record.items() if name not in own}
        for key, record in records.items()
    }


@pytest.mark.parametrize("name", CONFIGURATION)
def test_a_configuration_stream_is_read_whole(pretend: Domain, name: str) -> None:
    assert pretend.complete(pretend.read(name), name)


def test_passwords_that_five9_gives_are_dropped(pretend: Domain) -> None:
    users = pretend.read("users").records

    assert "clear-text" not in repr(users)
    assert users[0]["canChangePassword"] == "true"
    assert users[0]["mediaTypeConfig"]["mediaTypes"][1]["type"] == "CHAT"


def test_lists_are_lists_whatever_their_length(pretend: Domain) -> None:
    groups = pretend.read("agent_groups").by("name")

    assert [groups[name]["agents"] for name in ("Sales", "Support", "Nobody")] == [
        ["agent0"],
        ["agent0", "agent1"],
        [],
    ]


def test_zeep_is_imported_only_when_a_connection_is_opened() -> None:
    code = (
        "import sys, connectors.sources.five9.streams, connectors.sources.five9;"
        "sys.exit('zeep' in sys.modules)"
    )

    root = Path(five9.__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.parametrize("blank", ["matches", "ignored", "never"])
def test_every_contact_is_read_whatever_an_empty_criterion_finds(
    pretend: Domain, blank: str
) -> None:
    pretend.vendor.blank = blank

    gathered = pretend.read("contacts")

    assert gathered.error is None
    assert gathered.incomplete == []
    assert same_contacts(pretend, gathered.by("contact_key"))
    assert gathered.pages[-1].everything
    asked_around = any("contacts without a number" in note for note in gathered.notes)
    assert asked_around == (blank != "matches")


@pytest.mark.parametrize("count", [50, 999, 1000, 1001])
def test_counts_around_the_cap_are_complete(count: int) -> None:
    """Case 50 of the fault list, with Five9's cap of 1,000."""
    with domain(contacts=count) as pretend:
        gathered = pretend.read("contacts")

        assert same_contacts(pretend, gathered.by("contact_key"))
        assert all(len(page.records) < 1000 for page in gathered.pages)


def test_a_read_goes_on_in_the_middle_of_the_partition(pretend: Domain) -> None:
    before = pretend.until_page("contacts", 6)
    asked = pretend.asked("getContactRecords")
    rest = pretend.read("contacts", position=before[-1].position)

    records = {r["contact_key"]: r for page in before for r in page.records}
    assert same_contacts(pretend, records | rest.by("contact_key"))
    pretend.read("contacts")
    assert asked + 3 < pretend.asked("getContactRecords") - asked  # not all was asked again


@pytest.mark.slow
def test_a_large_domain_is_listed_within_the_quota() -> None:
    """120,000 contacts take 531 queries and 20 s; here a sixth, with every limit enforced."""
    with domain(contacts=20_000) as pretend:
        pretend.vendor.quotas.enforce(Query=100)
        gathered = pretend.read("contacts", settings={"budget": 100})

        assert same_contacts(pretend, gathered.by("contact_key"))
        assert pretend.asked("getContactRecords") <= 300
        assert pretend.vendor.quotas.peaks["Query", 60] <= 100
        assert "500" not in pretend.sandbox.stats()["five9"]["statuses"]


def test_many_contacts_with_one_number_are_told_apart_by_name(pretend: Domain) -> None:
    for each in range(1100):
        pretend.vendor.contacts.add(
            NOW, number1="6155559999", first_name="Sam" if each % 2 else "", last_name=f"No {each}"
        )

    gathered = pretend.read("contacts")

    assert gathered.incomplete == []
    assert same_contacts(pretend, gathered.by("contact_key"))


@pytest.mark.parametrize("folds", [True, False])
def test_names_are_split_whether_or_not_five9_minds_case(pretend: Domain, folds: bool) -> None:
    pretend.vendor.contacts.folds = folds
    for each in range(1100):
        name = ("mia", "Mia", "ÉMIA", "_x")[each % 4] + str(each)
        pretend.vendor.contacts.add(NOW, number1="6155559999", first_name=name)

    gathered = pretend.read("contacts")

    missing = pretend.truth("contacts").keys() - gathered.by("contact_key").keys()
    names = {pretend.truth("contacts")[key]["first_name"] for key in missing}
    assert all(name.startswith("_") for name in names)  # Five9 cannot be asked for these
    assert any("holds % or _" in reason for reason in gathered.incomplete)
    assert pretend.asked("getContactRecords") < 600


def test_contacts_that_cannot_be_told_apart_are_reported(pretend: Domain) -> None:
    for _ in range(1000):
        pretend.vendor.contacts.add(NOW, number1="6155559999", first_name="A", last_name="B")

    gathered = pretend.read("contacts")

    assert any("Five9 gives only 1000 of them" in reason for reason in gathered.incomplete)
    assert "6155559999" not in repr(gathered.incomplete)


def test_numbers_with_other_signs_are_found(pretend: Domain) -> None:
    for number in ("+16155550111", "(615) 555-0112", "615", "0", "615555x9", "ABC"):
        pretend.vendor.contacts.add(NOW, number1=number, last_name=number)

    assert same_contacts(pretend, pretend.read("contacts").by("contact_key"))


def test_a_contact_whose_number_changes_between_two_queries_is_not_overlooked(
    pretend: Domain,
) -> None:
    """It leaves a prefix not yet asked for and turns up under one that was."""
    contacts = pretend.vendor.contacts
    moved = next(n for n in contacts.alive() if contacts.get(n)["number1"].startswith("7"))

    def move() -> None:
        contacts.put(moved, pretend.sandbox.clock.now(), number1="0005550100")

    pretend.sandbox.fault(vendor="five9", contains="<value>1%</value>", call=move)
    gathered = pretend.read("contacts")

    assert gathered.incomplete == []
    assert same_contacts(pretend, gathered.by("contact_key"))


def test_without_a_modified_field_the_report_says_what_a_moving_number_does(
    pretend: Domain,
) -> None:
    pretend.vendor.ledger["contact_fields"].delete(MODIFIED)

    assert any("may have been overlooked" in note for note in pretend.read("contacts").notes)


def test_keys_follow_the_setting_in_the_order_of_preference(pretend: Domain) -> None:
    auto = pretend.read("contacts")
    unique = pretend.read("contacts", settings={"contact_key": "TFUID"})
    pretend.vendor.record_ids = False
    composite = pretend.read("contacts")

    assert "contacts are told apart by their internal record id" in auto.notes
    assert "contacts are told apart by TFUID" in unique.notes
    assert unique.pages[-1].total == 1200
    assert set(unique.by("contact_key")) == {f"TF{n:07}" for n in range(1200)}
    assert "contacts are told apart by number1 and first_name and last_name" in composite.notes
    assert len(composite.by("contact_key")) == 1200


def test_contacts_that_share_a_key_are_reported(pretend: Domain) -> None:
    gathered = pretend.read("contacts", settings={"contact_key": "first_name"})

    assert any("share their key with another" in reason for reason in gathered.incomplete)


def test_types_come_from_the_contact_fields(pretend: Domain) -> None:
    with pretend.reader() as reader:
        contacts = next(s for s in reader.streams() if s.name == "contacts")
        types = reader.fields(contacts)

    assert types["123 metal-count"] is FieldType.NUMERIC
    assert types["DoNotDial"] is FieldType.BOOLEAN
    assert types[MODIFIED] is FieldType.TIMESTAMP
    assert types["Appointment Date"] is FieldType.TEXT  # MM/dd/yyyy by a restriction
    assert types["zip"] is FieldType.TEXT


def test_a_field_added_while_contacts_are_read_is_learned(pretend: Domain) -> None:
    """Case 65 of the fault list, with a name that is no identifier."""
    name = 'x"); DROP TABLE t;--'
    field = contact_field(name, "NUMBER", "None")

    def add() -> None:
        pretend.vendor.ledger["contact_fields"].put(name, field)
        pretend.vendor.contacts.put(3, NOW, **{name: "7"})

    pretend.sandbox.fault(vendor="five9", contains="<value>3%</value>", call=add)
    gathered = pretend.read("contacts")

    assert {FieldType.NUMERIC} == {
        page.fields[name] for page in gathered.pages if name in page.fields
    }
    assert any(record.get(name) == "7" for record in gathered.records)


def test_changes_are_found_by_the_field_of_last_modification(pretend: Domain) -> None:
    since = pretend.context.clock()
    pretend.sandbox.step()
    pretend.advance(minutes=10)
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
    pretend.sandbox.step()
    pretend.advance(minutes=10)

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


def test_calls_are_read_with_their_texts_and_true_times(pretend: Domain) -> None:
    gathered = pretend.read("call_log")

    assert pretend.complete(gathered, "call_log")
    for key, row in pretend.truth("call_log").items():
        record = gathered.by("CALL ID")[key]
        assert datetime.fromisoformat(record["TIMESTAMP"]) == row["TIMESTAMP"]
        assert record["CUSTOMER NAME"] == row["CUSTOMER NAME"]


def test_late_edits_of_calls_are_read_again(pretend: Domain) -> None:
    since = pretend.context.clock()
    pretend.sandbox.step()
    pretend.advance(minutes=10)

    gathered = pretend.incremental("call_log", since)

    assert "Corrected 1" in {record["DISPOSITION"] for record in gathered.records}
    assert all(
        datetime.fromisoformat(r["TIMESTAMP"]) >= since - timedelta(days=2)
        for r in gathered.records
    )


def test_an_agents_session_is_read_when_it_begins_and_when_it_ends(pretend: Domain) -> None:
    since = pretend.context.clock()
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    begun = pretend.incremental("agent_login_logout", since).records[-1]
    pretend.sandbox.step()
    pretend.advance(minutes=10)
    key = ("AGENT", "LOGIN TIMESTAMP")
    ended = pretend.incremental("agent_login_logout", since).by(*key)

    assert begun["LOGOUT TIMESTAMP"] == ""
    assert begun["DATE"] == "2026-06-15"
    assert ended[tuple(begun[name] for name in key)]["LOGOUT TIMESTAMP"] > begun["LOGIN TIMESTAMP"]


def test_the_hour_that_comes_twice_in_autumn_is_told_apart() -> None:
    """Case 62 of the fault list: at 09:00 UTC on 1 November 2026, Pacific clocks go back."""
    with domain(contacts=50, now=datetime(2026, 11, 2, 12, tzinfo=UTC)) as pretend:
        first = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
        for number, at in enumerate((first, first + HOUR, first + HOUR + HOUR)):
            row = call_row(10_000 + number, at, "6155550100", "Sold")
            pretend.vendor.ledger["call_log"].put(row["CALL ID"], row)

        gathered = pretend.read("call_log")

        for key, row in pretend.truth("call_log").items():
            record = gathered.by("CALL ID")[key]
            assert datetime.fromisoformat(record["TIMESTAMP"]) == row["TIMESTAMP"]


@pytest.mark.slow
def test_a_report_of_50000_rows_is_asked_for_again_in_halves(pretend: Domain) -> None:
    calls = pretend.vendor.ledger["call_log"]
    for number in range(50_100):
        at = NOW - timedelta(days=1, seconds=number % 50_000)
        row = call_row(1_000_000 + number, at, "6155550100", "Sold")
        calls.put(row["CALL ID"], row)

    gathered = pretend.read("call_log")

    assert pretend.complete(gathered, "call_log")


def test_windows_are_cut_into_months_and_where_the_clock_changes() -> None:
    pacific = ZoneInfo("America/Los_Angeles")
    since = datetime(2026, 8, 20, 5, 0, 0, 400_000, tzinfo=UTC)
    until = datetime(2026, 11, 3, 5, 0, 0, 400_000, tzinfo=UTC)

    cut = slices(since, until, pacific)

    assert cut[0][0] == since.replace(microsecond=0)
    assert cut[-1][1] == until.replace(second=1, microsecond=0)
    assert all(left[1] == right[0] for left, right in pairwise(cut))
    assert max(end - start for start, end in cut) == timedelta(days=31)
    assert datetime(2026, 11, 1, 9, tzinfo=UTC) in {start for start, _ in cut}
    assert halved((since, since + timedelta(seconds=1))) == []


def test_printed_times_are_read_and_others_are_not() -> None:
    pacific = ZoneInfo("America/Los_Angeles")
    login = datetime(2026, 11, 1, 8, 50, tzinfo=UTC)

    assert str(printed("Mon, 23 Nov 2026 08:15:00")) == "2026-11-23 08:15:00"
    assert str(printed("Mon, 23 Nov 2026")) == "2026-11-23 00:00:00"
    assert printed("Mon, 31 Feb 2026") is None
    assert printed("2026-11-23") is None
    local = printed("Sun, 1 Nov 2026 01:10:00")
    assert local
    assert following(local, pacific, login) == login + timedelta(minutes=20)


def test_the_sheet_names_every_stream() -> None:
    assert {s.name for s in five9.STREAMS} == {
        *CONFIGURATION,
        "contacts",
        "call_log",
        "agent_login_logout",
    }
