"""The pretend Google: as its own clients and documents know it."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any, cast

import httpx
import pytest
import requests
from google.oauth2 import service_account
from requests.adapters import HTTPAdapter

from connectors.sandbox import Sandbox
from connectors.sandbox.gsheet import API_KEY, File, Formula, GSheet, Tab

READONLY = [
    "https://www.googleapis.com/auth/spreadsheets.readonly",
    "https://www.googleapis.com/auth/drive.metadata.readonly",
]


@pytest.fixture
def sandbox() -> Generator[Sandbox]:
    with Sandbox(seed=2, only=["gsheet"]) as running:
        book = Tab(
            0,
            "A2",
            [["id", "n", "f"], ["1", 2.5, Formula("=B2*2", 5)], [], ["3"], [True]],
            spare=10,
        )
        vendor: GSheet = running.vendor("gsheet")
        vendor.files["book"] = File(
            "book", "Book", "America/New_York", [Tab(1, "First", [["x"], ["wrong"]]), book]
        )
        yield running
        assert running.stats()["gsheet"]["defects"] == []


@pytest.fixture
def vendor(sandbox: Sandbox) -> GSheet:
    made: GSheet = sandbox.vendor("gsheet")
    return made


def key_file(sandbox: Sandbox) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(sandbox.environment()["GSHEET_CREDENTIALS"])
    return parsed


@pytest.fixture
def client(sandbox: Sandbox, vendor: GSheet) -> Generator[httpx.Client]:
    for file in vendor.files.values():
        file.public = True
    with httpx.Client(
        base_url=sandbox.environment()["GSHEET_BASE_URL"],
        headers={"X-Goog-Api-Key": API_KEY},
        verify=False,
    ) as connected:
        yield connected


class Redirected(HTTPAdapter):
    """Sends what is meant for Google to the sandbox."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def send(self, request: requests.PreparedRequest, *args: Any, **named: Any) -> Any:
        assert request.url is not None
        _, _, path = request.url.removeprefix("https://").partition("/")
        request.url = f"{self._base_url}/{path}"
        return super().send(request, *args, **named)


def test_gspread_reads_it_unchanged(sandbox: Sandbox) -> None:
    import gspread
    from google.auth.transport.requests import AuthorizedSession

    account: Any = service_account.Credentials
    credentials = account.from_service_account_info(key_file(sandbox), scopes=READONLY)
    session = AuthorizedSession(credentials)
    for host in ("https://sheets.googleapis.com", "https://www.googleapis.com"):
        session.mount(host, Redirected(f"{sandbox.base_url}/gsheet"))
    client: Any = gspread.Client(auth=credentials, session=session)

    book = client.open_by_key("book")
    tab = book.worksheet("A2")

    assert [each.title for each in book.worksheets()] == ["First", "A2"]
    assert tab.get_all_values() == [
        ["id", "n", "f"],
        ["1", "2.5", "5"],
        ["", "", ""],
        ["3", "", ""],
        ["TRUE", "", ""],
    ]
    assert tab.acell("C2", value_render_option="FORMULA").value == "=B2*2"
    with pytest.raises(gspread.exceptions.WorksheetNotFound):
        book.worksheet("Nope")


def test_googles_own_client_reads_it_unchanged(sandbox: Sandbox) -> None:
    from googleapiclient import discovery
    from googleapiclient.errors import HttpError

    account: Any = service_account.Credentials
    credentials = account.from_service_account_info(key_file(sandbox), scopes=READONLY)
    base = f"{sandbox.base_url}/gsheet/"
    made: Any = cast("Any", discovery).build
    sheets = made(
        "sheets", "v4", credentials=credentials, client_options={"api_endpoint": base}
    ).spreadsheets()
    drive = made(
        "drive", "v3", credentials=credentials, client_options={"api_endpoint": f"{base}drive/v3/"}
    ).files()

    book = sheets.get(spreadsheetId="book", fields="properties(title),sheets(properties)").execute()
    values = (
        sheets.values()
        .batchGet(
            spreadsheetId="book", ranges=["'A2'!A1:C5"], valueRenderOption="UNFORMATTED_VALUE"
        )
        .execute()
    )
    file = drive.get(fileId="book", fields="version,trashed").execute()

    assert book["properties"] == {"title": "Book"}
    assert values["valueRanges"][0]["values"][1] == ["1", 2.5, 5]
    assert file == {"version": "1", "trashed": False}
    with pytest.raises(HttpError, match="Unable to parse range"):
        sheets.values().get(spreadsheetId="book", range="Nope!A1:B2").execute()
    for api in (sheets, drive):
        api.close()


def values(client: httpx.Client, text: str, **query: Any) -> Any:
    params = {"ranges": text, "valueRenderOption": "UNFORMATTED_VALUE"} | query
    return client.get("/v4/spreadsheets/book/values:batchGet", params=params)


def test_empty_cells_and_rows_at_the_end_are_left_out(client: httpx.Client) -> None:
    (whole,) = values(client, "'A2'!A1:Z15").json()["valueRanges"]
    (gap,) = values(client, "'A2'!A3:Z3").json()["valueRanges"]

    assert whole["values"] == [["id", "n", "f"], ["1", 2.5, 5], [], ["3"], [True]]
    assert whole["range"] == "'A2'!A1:Z15"
    assert "values" not in gap


def test_a_title_without_quotes_is_a_cell_of_the_first_tab(client: httpx.Client) -> None:
    assert values(client, "A2").json()["valueRanges"] == [
        {"range": "First!A2", "majorDimension": "ROWS", "values": [["wrong"]]}
    ]
    assert values(client, "'A2'").json()["valueRanges"][0]["values"][0] == ["id", "n", "f"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("'Nope'!A1:B2", "Unable to parse range: 'Nope'!A1:B2"),
        ("'A2'!A99:B99", "Range ('A2'!A99:B99) exceeds grid limits. Max rows: 15, max columns: 26"),
    ],
)
def test_ranges_that_are_not_there_are_refused_in_googles_words(
    client: httpx.Client, text: str, said: str
) -> None:
    answer = values(client, text)

    error = {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_mask_that_is_no_mask_is_refused(client: httpx.Client) -> None:
    answer = client.get("/v4/spreadsheets/book", params={"fields": "sheets(properties"})

    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_the_minutes_quota_is_refused_as_google_does(client: httpx.Client, vendor: GSheet) -> None:
    vendor.reads_a_minute = 0

    answer = values(client, "'A2'")

    (detail,) = answer.json()["error"]["details"]
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
    assert detail["metadata"]["quota_limit"] == "ReadRequestsPerMinutePerUser"


@pytest.mark.parametrize(("header", "status"), [({}, 401), ({"Authorization": "Bearer x"}, 401)])
def test_nobody_in_particular_is_refused(
    sandbox: Sandbox, header: dict[str, str], status: int
) -> None:
    answer = httpx.get(
        f"{sandbox.base_url}/gsheet/v4/spreadsheets/book", headers=header, verify=False
    )

    assert answer.status_code == status
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


def test_a_statement_signed_by_another_key_gets_no_token(sandbox: Sandbox) -> None:
    forged = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": "e30.e30.AAAA",
    }

    answer = httpx.post(f"{sandbox.base_url}/gsheet/token", data=forged, verify=False)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


def test_a_step_moves_every_version_and_the_ledger_follows(
    sandbox: Sandbox, vendor: GSheet
) -> None:
    before = {entry.id: entry.version for entry in sandbox.ledger("gsheet", "marketing_leads")}

    sandbox.step()

    after = {entry.id: entry for entry in sandbox.ledger("gsheet", "marketing_leads")}
    assert vendor.files["spends"].version == 2
    assert len(after) == len(before) + 3
    assert sum(entry.deleted for entry in after.values()) == 1
    assert sum(entry.version == 2 for entry in after.values()) == 2
