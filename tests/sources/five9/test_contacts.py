"""Five9: every contact, through queries that hold only so many."""

from __future__ import annotations

import pytest

from connectors.model import FieldType
from connectors.sandbox.five9.catalog import contact_field
from connectors.sandbox.five9.contacts import MODIFIED
from tests.sources.five9.domain import Domain, domain, same_contacts
from tests.sources.pretend import NOW


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

    pretend.fault(contains="<value>1%</value>", call=move)
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

    pretend.fault(contains="<value>3%</value>", call=add)
    gathered = pretend.read("contacts")

    assert {FieldType.NUMERIC} == {
        page.fields[name] for page in gathered.pages if name in page.fields
    }
    assert any(record.get(name) == "7" for record in gathered.records)
