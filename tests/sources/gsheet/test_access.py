"""Google Sheets: what is not shared, not enabled or refused, and what may be told of it."""

from __future__ import annotations

import logging

import pytest

from connectors.errors import AccessError, ContractError, CredentialsError
from tests.sources.gsheet.numbered import numbered, numbers
from tests.sources.gsheet.tabs import cursor, put, read
from tests.sources.pretend import Pretend

VALUES = "values:batchGet"


def test_a_spreadsheet_that_is_not_shared_says_with_whom_to_share_it(pretend: Pretend) -> None:
    """Case 42 of the fault list."""
    file = put(pretend, numbered(2))
    file.shared = False

    error = read(pretend).error

    assert isinstance(error, AccessError)
    assert "Share the spreadsheet with crm-sync@sandbox" in str(error)


def test_an_api_that_is_off_says_what_to_enable(pretend: Pretend) -> None:
    put(pretend, numbered(2))
    pretend.vendor.api_off = True

    error = read(pretend).error

    assert isinstance(error, AccessError)
    assert "Enable the Google Sheets API" in str(error)


def test_a_deleted_spreadsheet_fails_its_stream(pretend: Pretend) -> None:
    """Case 43 of the fault list."""
    error = read(pretend).error

    assert isinstance(error, ContractError)
    assert "no such spreadsheet" in str(error)


def test_without_drive_every_run_reads_and_says_so(pretend: Pretend) -> None:
    put(pretend, numbered(2))
    pretend.vendor.drive_off = True
    first = read(pretend)

    again = read(pretend, cursor(first))

    assert numbers(first) == numbers(again) == [0, 1]
    assert any("Drive does not show its version" in note for note in again.notes)


def test_a_refused_service_account_ends_the_run_after_one_request(pretend: Pretend) -> None:
    """Fault of issue 6: token refused."""
    put(pretend, numbered(2))
    pretend.vendor.accounts.refuses = True

    with pytest.raises(CredentialsError, match=r"invalid_grant|account not found|Check that"):
        read(pretend)

    assert pretend.requests() == 1


def test_a_token_that_dies_on_the_way_is_replaced_once(
    pretend: Pretend, small_blocks: None
) -> None:
    """Case 40 of the fault list."""
    put(pretend, numbered(30))
    pretend.fault(path=VALUES, nth=2, call=pretend.vendor.accounts.revoke)

    gathered = read(pretend)

    assert numbers(gathered) == list(range(30))
    assert pretend.sandbox.stats()["gsheet"]["endpoints"]["token"] == 3  # one for each API


def test_neither_key_nor_token_is_logged_or_said(
    pretend: Pretend, caplog: pytest.LogCaptureFixture
) -> None:
    """Case 91 of the fault list."""
    caplog.set_level(logging.DEBUG)
    put(pretend, numbered(2))
    _ = read(pretend)
    pretend.vendor.accounts.refuses = True
    with pytest.raises(CredentialsError) as caught:
        read(pretend)

    said = caplog.text + str(caught.value)

    assert "ya29." not in said
    assert "PRIVATE KEY" not in said
    assert "assertion" not in said
