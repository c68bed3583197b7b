"""CallRail: what the old platform lost, a test each, named after the bug."""

from __future__ import annotations

from datetime import timedelta

from connectors.errors import AccessError, RateLimited
from connectors.sources.callrail.days import instant
from connectors.warehouse.engine import Warehouse
from connectors.warehouse.runs import Status
from tests.sources.pretend import NOW, Pretend


def test_old_bug_only_about_a_week_of_calls_ever_arrives(pretend: Pretend) -> None:
    gathered = pretend.read("calls")

    times = [instant(record["start_time"]) or NOW for record in gathered.records]
    assert min(times) < NOW - timedelta(days=600)


def test_old_bug_columns_of_calls_that_were_asked_for_are_not_stored(pretend: Pretend) -> None:
    record = pretend.read("calls").records[0]

    assert {"recording", "agent_email", "note", "tags", "lead_status", "value"} <= record.keys()


def test_old_bug_form_submissions_stay_empty(pretend: Pretend) -> None:
    gathered = pretend.read("form_submissions")

    assert gathered.records
    assert all(record["submitted_at"] for record in gathered.records)


def test_old_bug_trackers_are_empty_after_the_first_success(pretend: Pretend) -> None:
    first = pretend.read("trackers")
    pretend.sandbox.step()

    second = pretend.read("trackers", cursor=None)

    assert len(second.records) == len(first.records) > 0
    assert "disabled" in {record["status"] for record in second.records}


def test_old_bug_renamed_tags_never_update(pretend: Pretend) -> None:
    pretend.sandbox.step()

    names = {record["name"] for record in pretend.read("tags").records}

    assert "Renamed 1" in names


def test_old_bug_only_the_first_page_of_companies_is_read(pretend: Pretend) -> None:
    assert pretend.complete(pretend.read("companies", page_size=2), "companies")


def test_old_bug_text_messages_have_the_wrong_path_and_shape(pretend: Pretend) -> None:
    directions = {record["direction"] for record in pretend.read("text_messages").records}

    assert directions == {"incoming", "outgoing"}


def test_old_bug_errors_of_one_account_are_swallowed(pretend: Pretend) -> None:
    account = pretend.vendor.book["accounts"].live_keys()[1]
    pretend.fault(path=f"/{account}/companies.json$", times=None, status=403)

    assert isinstance(pretend.read("companies").error, AccessError)


def test_old_bug_users_without_a_name_are_refused(pretend: Pretend) -> None:
    assert "" in {record["last_name"] for record in pretend.read("users").records}


def test_old_bug_only_the_first_page_of_accounts_is_read(pretend: Pretend) -> None:
    assert pretend.complete(pretend.read("accounts", page_size=1), "accounts")


def test_old_bug_later_edits_of_calls_are_never_seen(pretend: Pretend) -> None:
    before = pretend.context.clock()
    key = list(pretend.truth("calls"))[-1]
    pretend.vendor.book.change("calls", key, note="late", tags=[], value="1.00")
    pretend.advance(minutes=10)

    record = pretend.incremental("calls", before).by("id")[key]

    assert (record["note"], record["value"], record["tags"]) == ("late", "1.00", [])


def test_old_bug_tags_without_a_date_are_skipped(pretend: Pretend) -> None:
    gathered = pretend.read("tags")

    assert all("created_at" not in record for record in gathered.records)
    assert pretend.complete(gathered, "tags")


def test_old_bug_a_full_sync_of_most_streams_is_no_full_sync(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """Its flag had another name than the readers looked for; here an old edit must arrive."""
    pretend.sync(sqlite, "full")
    key = next(
        key
        for key, call in pretend.truth("calls").items()
        if (instant(call["start_time"]) or NOW) < NOW - timedelta(days=200)
    )
    pretend.vendor.book.change("calls", key, note="an old one")
    pretend.advance(minutes=10)

    _, reports = pretend.sync(sqlite, "full")

    assert pretend.stored(sqlite, "calls")[key]["note"] == "an old one"
    assert {name: report.counts.read for name, report in reports.items()} == {
        name: len(pretend.truth(name)) for name in reports
    }


def test_old_bug_the_start_date_of_calls_is_dropped(pretend: Pretend) -> None:
    since, until = NOW - timedelta(days=300), NOW - timedelta(days=200)

    gathered = pretend.read("calls", "backfill", since=since, until=until)

    times = [instant(record["start_time"]) or NOW for record in gathered.records]
    assert times
    assert all(since <= time < until for time in times)


def test_old_bug_rows_made_while_a_run_is_under_way_are_lost(
    pretend: Pretend, sqlite: Warehouse
) -> None:
    """Its next run began where the last one had ended, not where it had started."""
    arrived: list[str] = []

    def arrive() -> None:
        pretend.advance(minutes=20)  # the run takes its time
        arrived.append(pretend.vendor.book.new_call(pretend.context.clock()))

    pretend.fault(path="/calls.json$", call=arrive)
    pretend.sync(sqlite, "full")
    assert arrived[0] not in pretend.stored(sqlite, "calls")
    pretend.advance(minutes=20)

    status, _ = pretend.sync(sqlite)

    assert status is Status.SUCCESS
    assert arrived[0] in pretend.stored(sqlite, "calls")


def test_old_bug_three_429s_end_in_a_crash(pretend: Pretend) -> None:
    pretend.fault(path="/calls.json$", nth=3, times=None, status=429)

    gathered = pretend.read("calls", page_size=20)

    assert isinstance(gathered.error, RateLimited)
    assert gathered.records
