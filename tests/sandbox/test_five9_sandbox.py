"""The pretend Five9, asked by hand and by zeep as others would."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import httpx
import pytest

from connectors.sandbox import Sandbox
from connectors.sandbox.five9 import PASSWORD, USERNAME, Five9

NOW = datetime(2026, 6, 15, 18, 30, tzinfo=UTC)
PATH = "/wsadmin/v13/AdminWebService"
QUESTION = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<a:{0} xmlns:a="http://service.admin.ws.five9.com/">{1}</a:{0}></s:Body></s:Envelope>'
)


@pytest.fixture
def sandbox() -> Generator[Sandbox]:
    with Sandbox(seed=3, only=["five9"], now=NOW) as running:
        yield running
        assert running.stats()["five9"]["defects"] == []


@pytest.fixture
def five9(sandbox: Sandbox) -> Five9:
    vendor: Five9 = sandbox.vendor("five9")
    return vendor


@pytest.fixture
def client(sandbox: Sandbox) -> Generator[httpx.Client]:
    base = sandbox.environment()["FIVE9_BASE_URL"]
    with httpx.Client(base_url=base, auth=(USERNAME, PASSWORD), verify=False) as connected:
        yield connected


def ask(
    client: httpx.Client, operation: str, arguments: str = "", **options: Any
) -> httpx.Response:
    return client.post(PATH, content=QUESTION.format(operation, arguments), **options)


def contacts(client: httpx.Client, **criteria: str) -> httpx.Response:
    pairs = "".join(
        f"<criteria><field>{name}</field><value>{value}</value></criteria>"
        for name, value in criteria.items()
    )
    return ask(client, "getContactRecords", f"<lookupCriteria>{pairs}</lookupCriteria>")


def test_the_wsdl_wants_any_user_but_no_password(client: httpx.Client) -> None:
    nobody = client.get(f"{PATH}?wsdl", auth=None)
    somebody = client.get(f"{PATH}?wsdl&user=x", auth=None)

    assert (nobody.status_code, somebody.status_code) == (403, 200)
    assert "InvalidAccountFault" in nobody.text
    assert f"{client.base_url}".rstrip("/") in somebody.text


def test_zeep_reads_it_unchanged(sandbox: Sandbox) -> None:
    zeep: Any = import_module("zeep")
    etree: Any = import_module("lxml.etree")
    url = sandbox.environment()["FIVE9_BASE_URL"] + PATH
    with httpx.Client(auth=(USERNAME, PASSWORD), verify=False) as connected:

        class Wire:
            def load(self, where: str) -> bytes:
                return connected.get(where).content

            def post_xml(self, address: str, envelope: Any, headers: Any) -> httpx.Response:
                return connected.post(address, content=etree.tostring(envelope), headers=headers)

        client = zeep.Client(f"{url}?wsdl&user=x", transport=Wire())
        with client.settings(raw_response=True):
            answer = client.service.getContactRecords(
                lookupCriteria={"criteria": [{"field": "number1", "value": "615%"}]}
            )
            fault = client.service.getContactRecords()

    assert answer.text.count("<records>") == 1000
    assert (fault.status_code, "MissedArgumentFault" in fault.text) == (500, True)


def test_an_answer_is_cut_at_a_thousand_in_another_order_each_time(client: httpx.Client) -> None:
    first, second = contacts(client, number1="%"), contacts(client, number1="%")

    assert first.text.count("<records>") == second.text.count("<records>") == 1000
    assert first.text != second.text
    assert first.headers["transfer-encoding"] == "chunked"
    assert first.headers["content-encoding"] == "gzip"


def test_criteria_must_all_match_and_percent_matches_anything(
    client: httpx.Client, five9: Five9
) -> None:
    number = five9.contacts.get(97)["number1"]
    name = five9.contacts.get(97)["last_name"]

    assert contacts(client, number1=number).text.count("<records>") == 2  # one shares it
    assert contacts(client, number1=number, last_name=name).text.count("<records>") == 1
    assert contacts(client, number1=f"%{number[3:]}").text.count("<records>") >= 2
    assert "<return/>" in contacts(client, number1=number, last_name="nobody").text
    assert "CrmFieldNotFoundFault" in contacts(client, nonsense="x").text


@pytest.mark.parametrize(("blank", "count"), [("matches", 12), ("ignored", 1000), ("never", 0)])
def test_an_empty_criterion_does_what_is_set(
    client: httpx.Client, five9: Five9, blank: str, count: int
) -> None:
    five9.blank = blank

    assert contacts(client, number1="").text.count("<records>") == count


def test_wrong_credentials_get_html_and_the_fourth_attempt_a_lock(client: httpx.Client) -> None:
    wrong = [ask(client, "getSkills", auth=(USERNAME, "no")) for _ in range(3)]
    right = ask(client, "getSkills")

    assert [(a.status_code, a.headers["content-type"]) for a in wrong] == [(401, "text/html")] * 3
    assert right.status_code == 200
    assert "locked" in right.text


def test_counters_are_true_and_free_and_start_again_with_the_clock(
    client: httpx.Client, five9: Five9, sandbox: Sandbox
) -> None:
    five9.adjust({"quotas": {"Query": 2}})
    statuses = [ask(client, "getSkills").status_code for _ in range(3)]
    counters = ask(client, "getCallCountersState").text
    sandbox.clock.advance(timedelta(minutes=1))

    assert statuses == [200, 200, 500]
    state = "<limit>2</limit><operationType>Query</operationType><value>2</value>"
    assert state in counters
    assert counters == ask(client, "getCallCountersState").text.replace(
        state.replace(">2</value>", ">0</value>"), state
    )
    assert ask(client, "getSkills").status_code == 200


def test_a_report_takes_time_and_prints_pacific_time(client: httpx.Client, five9: Five9) -> None:
    five9.adjust({"polls": 2})
    time = "<criteria><time><end>2026-06-15T00:00:00Z</end><start>2026-06-13T00:00:00Z</start>"
    names = "<folderName>Call Log Reports</folderName><reportName>Call Log</reportName>"
    started = ask(client, "runReport", f"{names}{time}</time></criteria>").text
    identifier = started.split("<return>")[1].split("</return>")[0]
    which = f"<identifier>{identifier}</identifier>"
    early = ask(client, "getReportResultCsv", which).text
    polls = [
        ask(client, "isReportRunning", f"{which}<timeout>5</timeout>").text.count(">true<")
        for _ in range(3)
    ]
    text = ask(client, "getReportResultCsv", which).text

    assert "ResultIsNotReadyFault" in early
    assert polls == [1, 1, 0]
    row = next(r for r in five9.ledger["call_log"].live() if r["TIMESTAMP"].day == 14)
    local = row["TIMESTAMP"] - timedelta(hours=7)
    assert f'{row["CALL ID"]},"{local:%a, %d %b %Y %H:%M:%S}"' in text


def test_reports_that_are_not_there_are_named(client: httpx.Client) -> None:
    answer = ask(client, "runReport", "<folderName>x</folderName><reportName>y</reportName>")

    assert "<folder>x</folder><reportName>y</reportName>" in answer.text
    assert "UnknownIdentifierFault" in ask(client, "getReportResultCsv", "<identifier/>").text


def test_a_busy_user_is_told(client: httpx.Client, five9: Five9) -> None:
    five9.adjust({"busy": True})

    assert "UserAlreadyLoggedInFault" in ask(client, "getSkills").text
    with pytest.raises(ValueError, match="no switch"):
        five9.adjust({"nonsense": 1})


def test_what_is_no_soap_is_refused(client: httpx.Client) -> None:
    assert client.post(PATH, content="nonsense").status_code == 500
    assert client.post("/elsewhere", content="x").status_code == 404
    assert "unknown operation" in ask(client, "deleteEverything").text


def test_three_steps_do_everything_that_can_happen(sandbox: Sandbox, five9: Five9) -> None:
    for _ in range(3):
        sandbox.step()

    for stream in ("contacts", "call_log", "agent_login_logout", "skills", "lists"):
        entries = sandbox.ledger("five9", stream)
        assert any(entry.version > 1 for entry in entries), stream
    assert any(entry.deleted for entry in sandbox.ledger("five9", "contacts"))
    assert any(entry.deleted for entry in sandbox.ledger("five9", "dispositions"))
    assert "Roof Type" in five9.field_names()


def test_a_hundred_thousand_contacts_cost_nothing_until_looked_at() -> None:
    with Sandbox(only=["five9"], scale=50, now=NOW) as sandbox:
        assert sandbox.vendor("five9").contacts.next == 120_000
