"""Google Sheets: keys, and spreadsheets named by id, link or file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConfigError, ContractError
from connectors.sandbox.gsheet import API_KEY, File
from connectors.settings import load
from connectors.sources.gsheet.a1 import block, letters
from connectors.sources.gsheet.settings import Settings
from tests.sources.gsheet.tabs import STREAM, put, read, setting
from tests.sources.pretend import Pretend


def test_an_api_key_reads_public_spreadsheets_only(pretend: Pretend) -> None:
    file = put(pretend, [["n"], [1]])
    settings = setting() | {"credentials": API_KEY}

    refused = pretend.read(STREAM, settings=settings)
    file.public = True
    gathered = pretend.read(STREAM, settings=settings)

    assert "anyone with the link" in str(refused.error)
    assert len(gathered.records) == 1
    assert "token" not in pretend.sandbox.stats()["gsheet"]["endpoints"]


def test_credentials_and_spreadsheets_may_be_files(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = pretend.sandbox.environment()
    for name in ("GSHEET_CREDENTIALS", "GSHEET_SPREADSHEETS"):
        (tmp_path / name).write_text(environment[name])
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("GSHEET_BASE_URL", environment["GSHEET_BASE_URL"])

    loaded = load(Settings)

    assert [tab.stream for tab in loaded.spreadsheets] == ["marketing_leads", "marketing_spends"]
    assert loaded.service_account() is not None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"credentials": "{}"}, "not a service account's key"),
        ({"credentials": "/nowhere/key.json"}, "neither JSON nor a file"),
        ({"spreadsheets": "[]"}, "GSHEET_SPREADSHEETS is not valid"),
        ({"spreadsheets": "{"}, "neither a JSON list nor the path"),
        (setting(preset="sales"), "no preset sales"),
        (setting(zone="Moon/Base"), "no time zone Moon/Base"),
        (setting(spreadsheets=["a b"]), "a spreadsheet id has letters"),
        ({"spreadsheets": json.dumps([json.loads(setting()["spreadsheets"])[0]] * 2)}, "twice"),
    ],
)
def test_wrong_settings_are_named(pretend: Pretend, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said), pretend.reader(**wrong):
        pass


def test_a_link_is_as_good_as_an_id(pretend: Pretend) -> None:
    put(pretend, [["n"], [1]])

    link = "https://docs.google.com/spreadsheets/d/book/edit#gid=7"

    assert read(pretend, spreadsheets=[link], tab=7).records[0]["_spreadsheet_id"] == "book"


@pytest.mark.parametrize(("index", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (18_277, "ZZZ")])
def test_columns_have_letters(index: int, name: str) -> None:
    assert letters(index) == name


def test_a_block_is_named_with_its_quotes_doubled() -> None:
    assert block("O'Neil", 3, 9, 27) == "'O''Neil'!A3:AA9"


def test_an_excel_file_and_one_in_the_trash_are_refused(pretend: Pretend) -> None:
    file: File = put(pretend, [["n"], [1]])
    file.trashed = True
    trashed = read(pretend).error
    file.trashed, file.mime_type = False, "application/vnd.ms-excel"

    assert isinstance(trashed, ContractError)
    assert "trash" in str(trashed)
    assert "not a Google spreadsheet" in str(read(pretend).error)
    pretend.vendor.drive_off = True
    assert "not a Google spreadsheet" in str(read(pretend).error)
