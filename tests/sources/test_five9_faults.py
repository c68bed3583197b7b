"""Five9: what a faulty answer leads to. Everything here goes over a real socket."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import secrets
from connectors.errors import (
    AccessError,
    ConfigError,
    ContractError,
    CredentialsError,
    RateLimited,
    TransientError,
)
from connectors.model import Request
from connectors.sandbox.five9.soap import Fault, fault
from tests.sources.five9_domain import Domain, domain
from tests.sources.pretend import NOW

REFUSALS = ".five9-refusals.json"
ENVELOPE = '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body>{}'
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    + ENVELOPE.format("<r><return>&b;</return></r></env:Body></env:Envelope>")
)


@pytest.fixture
def pretend() -> Generator[Domain]:
    with domain(contacts=200) as opened:
        yield opened


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


def test_refused_credentials_are_tried_once_a_run_and_in_two_runs_at_most(
    pretend: Domain,
) -> None:
    """Two runs with refused credentials make exactly two log-in attempts; a third makes none."""
    for attempts in (1, 2, 2, 2):
        with pytest.raises(CredentialsError) as refused, pretend.reader(password="wrong-one-1"):
            pass
        assert pretend.requests() == attempts
        assert "wrong-one-1" not in str(refused.value)

    note = Path(REFUSALS).read_text("utf-8")
    assert list(json.loads(note).values()) == [2]
    assert "wrong-one-1" not in note
    assert pretend.vendor.refused == 2  # the third would have locked the account
    assert pretend.complete(pretend.read("skills"), "skills")


def test_accepted_credentials_clear_what_was_noted(pretend: Domain) -> None:
    pretend.vendor.password = "another"
    with pytest.raises(CredentialsError), pretend.reader():
        pass
    pretend.vendor.password = pretend.password
    assert pretend.complete(pretend.read("skills"), "skills")

    assert json.loads(Path(REFUSALS).read_text("utf-8")) == {}


def test_credentials_refused_in_the_middle_are_not_sent_again(pretend: Domain) -> None:
    with pretend.reader() as reader:
        streams = {stream.name: stream for stream in reader.streams()}
        pretend.vendor.password = "changed"
        before = pretend.requests()
        for name in ("skills", "users", "lists"):
            request = Request(stream=streams[name], mode="full", started_at=NOW)
            with pytest.raises(CredentialsError):
                list(reader.read(request))

        assert pretend.requests() == before + 1


def test_a_locked_account_speaks_by_a_fault_with_200(pretend: Domain) -> None:
    pretend.vendor.refused = 3

    with pytest.raises(CredentialsError, match="unlocked"), pretend.reader():
        pass

    assert pretend.requests() == 1


def test_a_note_of_refusals_that_cannot_be_read_stops_the_run(pretend: Domain) -> None:
    Path(REFUSALS).write_text("{", "utf-8")

    with pytest.raises(ConfigError, match="FIVE9_REFUSALS_FILE"), pretend.reader():
        pass

    assert pretend.requests() == 0


def test_the_password_is_known_to_the_scrubber(pretend: Domain) -> None:
    with pretend.reader():
        password = pretend.password

        assert password not in secrets.scrub(f"Basic {password}")


def test_a_full_minute_is_waited_for(pretend: Domain) -> None:
    """Another program used up the minute: our own count could not know."""
    pretend.vendor.quotas.enforce()
    with pretend.reader() as reader:
        stream = next(s for s in reader.streams() if s.name == "skills")
        pretend.vendor.quotas.fill("Query", 60, pretend.sandbox.clock.now())
        pages = list(reader.read(Request(stream=stream, mode="full", started_at=NOW)))

    assert len(pages[0].records) == 3
    assert pretend.sandbox.clock.now() >= NOW + timedelta(minutes=1)
    assert pretend.asked("getSkills") == 2


@pytest.mark.parametrize(
    ("seconds", "resume_at"),
    [
        (3600, datetime(2026, 6, 15, 19, tzinfo=UTC)),
        (86_400, datetime(2026, 6, 16, 7, tzinfo=UTC)),  # midnight, Pacific
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_a_quota_used_up_for_longer_ends_the_run_with_the_time_it_may_go_on(
    pretend: Domain, seconds: int, resume_at: datetime, known: bool
) -> None:
    """Case 35 of the fault list. `known`: the counters say so before the first query."""
    pretend.vendor.quotas.enforce()
    if known:
        pretend.vendor.quotas.fill("Query", seconds, NOW)
    else:
        pretend.sandbox.fault(
            vendor="five9",
            contains="getSkills",
            times=None,
            call=lambda: pretend.vendor.quotas.fill("Query", seconds, NOW),
        )

    error = pretend.read("skills").error

    assert isinstance(error, RateLimited)
    assert abs(error.resume_at - resume_at) < timedelta(seconds=2)
    assert pretend.asked("getSkills") == (0 if known else 1)


def test_reports_keep_to_their_own_quotas(pretend: Domain) -> None:
    pretend.vendor.quotas.enforce(ReportRequest=2, RetrieveReport=2)

    gathered = pretend.read("call_log", settings={"report_days": 180})

    assert pretend.complete(gathered, "call_log")
    assert pretend.asked("runReport") > 4
    assert pretend.vendor.quotas.peaks["ReportRequest", 60] == 2
    assert "500" not in pretend.sandbox.stats()["five9"]["statuses"]


def test_a_user_over_the_documented_quota_elsewhere_is_noticed_in_the_counters(
    pretend: Domain,
) -> None:
    pretend.vendor.quotas.enforce(Query=5)

    assert len(pretend.read("contacts").by("contact_key")) == 200
    assert pretend.vendor.quotas.peaks["Query", 60] <= 5
    assert "500" not in pretend.sandbox.stats()["five9"]["statuses"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("contact_zone", "Mars"), ("report_zone", "../etc"), ("contact_key", "a,,b")],
)
def test_a_wrong_setting_is_named(pretend: Domain, setting: str, value: str) -> None:
    with (
        pytest.raises(ConfigError, match=f"FIVE9_{setting.upper()}"),
        pretend.reader(**{setting: value}),
    ):
        pass


def test_a_key_field_that_contacts_do_not_have_is_named(pretend: Domain) -> None:
    error = pretend.read("contacts", settings={"contact_key": "nonsense"}).error

    assert "nonsense" in str(error)
