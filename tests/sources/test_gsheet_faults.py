"""Google Sheets: what happens when something goes wrong, over a real socket."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

import pytest

from connectors.errors import (
    AccessError,
    ContractError,
    CredentialsError,
    RateLimited,
    TransientError,
)
from connectors.sandbox.gsheet import Formula
from connectors.sources.gsheet.manners import TabMoved
from tests.sources.gsheet_tabs import cursor, google, put, read
from tests.sources.pretend import Pretend

VALUES = "values:batchGet"


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Generator[Pretend]:
    with google() as vendor:
        yield vendor


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows a request."""
    monkeypatch.setattr("connectors.sources.gsheet.snapshot.BLOCK_CELLS", 80)
    monkeypatch.setattr("connectors.sources.gsheet.snapshot.FEWEST_ROWS", 2)


def numbered(count: int) -> list[list[Any]]:
    return [["n"], *([number] for number in range(count))]


def numbers(gathered: Any) -> list[Any]:
    assert gathered.error is None, gathered.error
    return [record["n"] for record in gathered.records]


def test_a_renamed_tab_is_found_by_the_number_it_had(pretend: Pretend) -> None:
    """Fault of issue 6: tab renamed."""
    file = put(pretend, numbered(2))
    known = cursor(read(pretend))
    file.tabs[0].title = "Things 2026"
    file.touch()

    gathered = read(pretend, known)

    assert numbers(gathered) == [0, 1]
    assert any("now called Things 2026" in note for note in gathered.notes)
    assert numbers(read(pretend, tab=7)) == [0, 1]
    assert "There are Things 2026 (7)" in str(read(pretend).error)


def test_a_deleted_tab_and_a_chart_fail_their_stream(pretend: Pretend) -> None:
    """Fault of issue 6: tab deleted."""
    file = put(pretend, numbered(2))
    known = cursor(read(pretend))
    file.tabs[0].kind = "OBJECT"
    file.touch()
    chart = read(pretend, known)
    file.tabs.clear()
    file.touch()

    gathered = read(pretend, known)

    assert isinstance(gathered.error, ContractError)
    assert "deleted or renamed" in str(gathered.error)
    assert "is a chart" in str(chart.error)


def test_a_changed_header_fails_its_stream_unless_it_is_declared(pretend: Pretend) -> None:
    """Fault of issue 6: header changed."""
    put(pretend, [["id", "Costs"], ["1", 5]])

    gathered = read(pretend, columns={"Cost": "numeric"})
    declared = read(pretend, columns={"Cost": {"type": "numeric", "headers": ["Costs"]}})
    optional = read(pretend, columns={"Cost": {"type": "numeric", "optional": True}})
    keyless = read(pretend, key=["number"])

    assert isinstance(gathered.error, ContractError)
    assert "has no header Cost (not declared there: id, Costs)" in str(gathered.error)
    assert gathered.pages == []
    assert declared.records[0]["Cost"] == 5
    assert optional.records[0]["Costs"] == 5
    assert "which the key of things needs" in str(keyless.error)


def test_a_new_header_is_said_in_the_report(pretend: Pretend) -> None:
    file = put(pretend, [["id", "n"], ["1", 5]])
    known = cursor(read(pretend))
    file.tabs[0].rows[0][1] = "m"
    file.touch()

    assert "Book, tab Things: headers have changed: id, m" in read(pretend, known).notes


def test_protected_ranges_are_read_like_any_other(pretend: Pretend) -> None:
    """Fault of issue 6: protected range; it only hinders those who write."""
    put(pretend, numbered(3), protected=[(0, 4)])

    assert numbers(read(pretend)) == [0, 1, 2]


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


def test_drives_own_rate_limit_is_waited_for(pretend: Pretend) -> None:
    put(pretend, numbered(2))
    body = '{"error":{"code":403,"errors":[{"reason":"userRateLimitExceeded"}],"message":"x"}}'
    pretend.fault(path="/drive/", status=403, body=body)

    assert numbers(read(pretend)) == [0, 1]


def test_the_minutes_quota_is_waited_for(pretend: Pretend) -> None:
    """Case 36 of the fault list: 429 without a header; the quota refills with each minute."""
    put(pretend, numbered(2))
    pretend.advance(seconds=20)
    pretend.vendor.reads_a_minute = 0
    pretend.sandbox.fault(
        vendor="gsheet",
        path="/v4/",
        nth=2,
        call=lambda: setattr(pretend.vendor, "reads_a_minute", None),
    )

    gathered = read(pretend)

    assert numbers(gathered) == [0, 1]
    assert 40 <= pretend.context.meter.throttled_seconds < 60


def test_a_quota_that_stays_used_up_ends_the_run_with_a_time(pretend: Pretend) -> None:
    put(pretend, numbered(2))
    pretend.vendor.reads_a_minute = 0

    error = read(pretend).error

    assert isinstance(error, RateLimited)
    assert error.resume_at > pretend.context.clock()


def test_all_streams_keep_within_sixty_reads_a_minute(pretend: Pretend, small_blocks: None) -> None:
    """Case 38 of the fault list: one budget for all workers of the account."""
    put(pretend, numbered(400))

    read(pretend)
    read(pretend)

    counted = pretend.sandbox.stats()["gsheet"]["endpoints"]
    minutes = (counted["values"] + counted["metadata"] - 1) // 60
    assert minutes >= 1
    assert pretend.context.meter.throttled_seconds >= 60 * minutes


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
    pretend.sandbox.fault(vendor="gsheet", path=VALUES, nth=2, call=pretend.vendor.accounts.revoke)

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


def test_a_spreadsheet_that_shrinks_while_it_is_read_is_read_again(
    pretend: Pretend, small_blocks: None
) -> None:
    """Fault of issue 6: the rows that the metadata promised are gone."""
    file = put(pretend, numbered(40))

    def shrink() -> None:
        del file.tabs[0].rows[5:]
        file.touch()

    pretend.sandbox.fault(vendor="gsheet", path=VALUES, nth=3, call=shrink)

    gathered = read(pretend)

    assert numbers(gathered) == [0, 1, 2, 3]
    assert gathered.pages[-1].everything
    assert any("read 2 times" in note for note in gathered.notes)


def test_rows_that_shift_while_they_are_read_are_neither_lost_nor_doubled(
    pretend: Pretend, small_blocks: None
) -> None:
    """Case 51 of the fault list."""
    file = put(pretend, numbered(40))

    def insert() -> None:
        file.tabs[0].rows.insert(1, [99])
        file.touch()

    pretend.sandbox.fault(vendor="gsheet", path=VALUES, nth=3, call=insert)

    assert numbers(read(pretend)) == [99, *range(40)]


def test_a_spreadsheet_that_never_rests_is_read_but_deletes_nothing(
    pretend: Pretend, small_blocks: None
) -> None:
    file = put(pretend, numbered(40))
    pretend.sandbox.fault(vendor="gsheet", path=VALUES, times=None, call=file.touch)

    gathered = read(pretend)

    assert numbers(gathered) == list(range(40))
    assert "changed during each of 3 readings" in gathered.incomplete[0]
    assert cursor(gathered) is None
    assert not gathered.pages[-1].everything


def test_one_answer_is_of_one_moment_whatever_changes_around_it(pretend: Pretend) -> None:
    file = put(pretend, numbered(3))
    pretend.sandbox.fault(vendor="gsheet", path=VALUES, times=None, call=file.touch)

    gathered = read(pretend)

    assert gathered.incomplete == []
    assert cursor(gathered)["versions"]["book"] < str(file.version)


def test_a_tab_that_moves_before_every_request_fails_its_stream(pretend: Pretend) -> None:
    file = put(pretend, numbered(3))
    names = iter("ABCDEFG")

    def rename() -> None:
        file.tabs[0].title = next(names)

    pretend.sandbox.fault(vendor="gsheet", path=VALUES, times=None, call=rename)

    assert isinstance(read(pretend, tab=7).error, TabMoved)


def test_a_block_too_heavy_for_google_is_halved(pretend: Pretend, small_blocks: None) -> None:
    put(pretend, numbered(9))
    pretend.fault(path=VALUES, contains="H10", times=4, status=503, body="{}")

    gathered = read(pretend)

    assert numbers(gathered) == list(range(9))
    assert pretend.sandbox.stats()["gsheet"]["endpoints"]["values"] == 6


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": "{}"},
        {"status": 502, "html": True},
        {"status": 429, "html": True},
        {"status": 429, "retry_after": 0, "body": "{}"},
        {"html": True},
        {"cut": 0.5},
        {"reset": "before"},
        {"reset": "headers"},
    ],
)
def test_what_passes_is_asked_again(pretend: Pretend, fault: dict[str, Any]) -> None:
    """Cases 24, 25, 34, 39 and 44 of the fault list."""
    put(pretend, numbered(3))
    pretend.fault(path=VALUES, **fault)

    assert numbers(read(pretend)) == [0, 1, 2]


def test_what_does_not_pass_fails_the_stream_without_a_page(pretend: Pretend) -> None:
    put(pretend, numbered(3))
    pretend.fault(path=VALUES, times=None, status=500, body="{}")

    gathered = read(pretend)

    assert isinstance(gathered.error, TransientError)
    assert gathered.pages == []


def test_only_so_many_lost_cells_are_kept_one_by_one(pretend: Pretend) -> None:
    put(pretend, [["n"], *([Formula("=NA()", "#N/A")] for _ in range(250))])

    gathered = read(pretend)

    assert sum(len(page.refused) for page in gathered.pages) == 100
    assert any("#N/A 250" in note for note in gathered.notes)
