"""Five9: faults, answers cut or hostile, and reports that are not as documented."""

from __future__ import annotations

import pytest

from connectors.errors import AccessError, ContractError, TransientError
from connectors.sandbox.five9.soap import Fault, fault
from tests.sources.five9.domain import Domain

ENVELOPE = '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body>{}'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    + ENVELOPE.format("<r><return>&b;</return></r></env:Body></env:Envelope>")
)


@pytest.fixture
def contacts() -> int:
    return 200


def as_fault(name: str) -> str:
    return fault(Fault(name, "it failed")).body.decode()


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("AccessDisallowed", AccessError),
        ("ReportNotFound", ContractError),
        ("SomethingNew", ContractError),
        ("ServiceUnavailable", TransientError),
        ("UserAlreadyLoggedIn", TransientError),
    ],
)
def test_a_fault_means_the_same_whatever_its_status(
    pretend: Domain, status: int, name: str, error: type[Exception]
) -> None:
    """Case 44 of the fault list."""
    pretend.fault(contains="getSkills", status=status, body=as_fault(name), times=None)

    assert isinstance(pretend.read("skills").error, error)


@pytest.mark.parametrize(
    "name", ["ServiceUnavailable", "Server", "ConcurrentModification", "AdminSessionClosed"]
)
def test_a_passing_fault_is_asked_again(pretend: Domain, name: str) -> None:
    pretend.fault(contains="getSkills", status=500, body=as_fault(name), times=2)

    gathered = pretend.read("skills")

    assert pretend.complete(gathered, "skills")
    assert pretend.asked("getSkills") == 3


def test_a_user_who_works_elsewhere_is_waited_for_by_the_minute(pretend: Domain) -> None:
    body = as_fault("UserAlreadyLoggedIn")
    pretend.fault(contains="getSkills", status=500, body=body, times=2)

    assert pretend.complete(pretend.read("skills"), "skills")
    assert [wait for wait in pretend.stopping.waits if wait >= 60] != []


@pytest.mark.parametrize(
    "trouble",
    [
        {"html": True, "status": 502},
        {"html": True, "status": 503},
        {"html": True, "status": 200},
        {"body": "", "status": 503},
        {"cut": 0.5},
        {"reset": "before"},
        {"reset": "headers"},
        {"body": "<env:Envelope", "status": 200},
        {"body": "<a><b/></a>", "status": 200},
    ],
    ids=str,
)
def test_trouble_on_the_way_is_survived_and_never_taken_for_nothing(
    pretend: Domain, trouble: dict[str, object]
) -> None:
    """Cases 24 to 26, 39 and 44 of the fault list."""
    pretend.fault(contains="getContactRecords", times=2, **trouble)
    assert len(pretend.read("contacts").by("contact_key")) == 200

    pretend.fault(contains="getContactRecords", times=None, **trouble)
    assert isinstance(pretend.read("contacts").error, TransientError)


@pytest.mark.parametrize("status", [200, 500])
def test_a_dtd_is_refused(pretend: Domain, status: int) -> None:
    """Case 83 of the fault list."""
    pretend.fault(contains="getSkills", body=BOMB, status=status, times=None)

    error = pretend.read("skills").error

    assert isinstance(error, ContractError)
    assert "DTD" in str(error)
    assert pretend.asked("getSkills") == 1


@pytest.mark.parametrize("encoding", ["UTF-7", "UTF-16", "ibm037"])
def test_an_encoding_that_could_hide_a_dtd_is_refused(pretend: Domain, encoding: str) -> None:
    """Case 83 of the fault list."""
    body = f'<?xml version="1.0" encoding="{encoding}"?>' + ENVELOPE.format("<r/>")
    pretend.fault(contains="getSkills", body=body, times=None)

    assert "encoding" in str(pretend.read("skills").error)


def test_a_comment_before_the_dtd_does_not_hide_it(pretend: Domain) -> None:
    """Case 83 of the fault list."""
    body = BOMB.replace("<!DOCTYPE", "<!-- x --> <?pi x?>\n<!DOCTYPE")
    pretend.fault(contains="getSkills", body=body, times=None)

    assert "DTD" in str(pretend.read("skills").error)


def test_a_compression_bomb_ends_the_stream(pretend: Domain) -> None:
    """Case 31 of the fault list."""
    pretend.fault(contains="getSkills", bomb=200_000_000, times=None)

    assert "larger than" in str(pretend.read("skills").error)


def test_a_contact_with_too_few_values_fails_the_stream(pretend: Domain) -> None:
    pretend.vendor.packs = False
    pretend.fault(contains="getContactRecords", edit=("<data>[^<]*</data></values>", "</values>"))

    error = pretend.read("contacts").error

    assert isinstance(error, ContractError)
    assert "values for" in str(error)


def test_a_report_that_never_ends_is_given_up(pretend: Domain) -> None:
    pretend.vendor.reports.polls = 10**6

    error = pretend.read("call_log").error

    assert isinstance(error, TransientError)
    assert "was not finished after 60 questions" in str(error)
    assert pretend.asked("isReportRunning") == 60


def test_a_result_that_is_not_ready_yet_is_waited_for(pretend: Domain) -> None:
    body = as_fault("ResultIsNotReady")
    pretend.fault(contains="getReportResultCsv", status=500, body=body)

    assert pretend.complete(pretend.read("call_log"), "call_log")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (("CALL ID,", "CALL NR,"), "no column CALL ID"),
        (("<return>CALL ID", '<return>"CALL ID'), "damaged"),
        ((" 2026 ", " 2025 "), "outside the time asked for"),
    ],
)
def test_a_report_that_is_not_as_documented_fails_its_stream(
    pretend: Domain, edit: tuple[str, str], words: str
) -> None:
    pretend.vendor.packs = False
    pretend.fault(contains="getReportResultCsv", times=None, edit=edit)

    assert words in str(pretend.read("call_log").error)


def test_rows_of_another_length_than_the_header_are_refused(pretend: Domain) -> None:
    pretend.vendor.packs = False
    edit = ("\n(9000[^\n]*),1\n", r"\n\1\n")
    pretend.fault(contains="getReportResultCsv", times=None, edit=edit)

    gathered = pretend.read("call_log")

    refused = [one for page in gathered.pages for one in page.refused]
    assert refused
    assert all("values for 25 columns" in one.reason for one in refused)


def test_a_deleted_campaign_is_passed_over(pretend: Domain) -> None:
    """Case 43 of the fault list."""
    body = as_fault("CampaignNotFound")
    pretend.fault(contains="getListsForCampaign", status=500, body=body)

    gathered = pretend.read("campaign_lists")

    assert gathered.error is None
    assert any("was deleted" in note for note in gathered.notes)
    assert 0 < len(gathered.records) < len(pretend.truth("campaign_lists"))
