"""CallRail's odd values, each as it ends in the warehouse. One sync for all of these tests."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.sources import callrail
from connectors.sources.callrail.days import instant
from tests.sources.one_sync import synced
from tests.sources.pretend import NOW, Pretend

QUESTION = "what is your question? " * 12 + "🙂"
LONG = "🏠 a long tale, " * 5_000


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows by stream and key beside the records they came from."""

    pretend: Pretend
    rows: dict[str, dict[Any, dict[str, Any]]]
    odd: str  # a call that was made odder than its like

    def pairs(self, stream: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        truth = self.pretend.truth(stream)
        return [(row, dict(truth[str(key)])) for key, row in self.rows[stream].items()]


def make_odder(pretend: Pretend) -> str:
    book = pretend.vendor.book
    key: str = book.new_call(NOW - timedelta(days=3))
    book.change("calls", key, tags=[7886701, 7886702], transcription=LONG, keypad_entries=[])
    form = book.new_form(NOW - timedelta(days=3))
    book.change("form_submissions", form, form_data={QUESTION: LONG, "": None})
    company = book["companies"].live_keys()[0]
    book.change("companies", company, fresh_switch={"on": True})
    return key


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stored]:
    names = ("accounts", "companies", "calls", "form_submissions", "call_summaries")
    folder = tmp_path_factory.mktemp("odd")
    with synced(callrail.SOURCE, folder, make_odder) as (pretend, warehouse, odd):
        yield Stored(pretend, {name: pretend.stored(warehouse, name) for name in names}, odd)


def test_times_with_a_local_offset_and_with_z_end_as_the_same_kind_of_instant(
    stored: Stored,
) -> None:
    for stream, field in (("calls", "start_time"), ("companies", "created_at")):
        for row, told in stored.pairs(stream):
            assert row[field] == instant(told[field])
            assert row[field].tzinfo is UTC


def test_accounts_have_a_time_with_a_space_before_its_offset(stored: Stored) -> None:
    for row, told in stored.pairs("accounts"):
        assert " -0" in told["created_at"]
        assert row["created_at"] == datetime.strptime(told["created_at"], "%Y-%m-%d %H:%M:%S %z")


def test_days_of_summaries_are_dates(stored: Stored) -> None:
    assert all(
        day.isoformat() == row["key"] for (_, day), row in stored.rows["call_summaries"].items()
    )


def test_an_id_that_is_now_a_number_and_now_text_is_text(stored: Stored) -> None:
    pairs = [(row, told) for row, told in stored.pairs("calls") if told["good_lead_call_id"]]

    assert {type(told["good_lead_call_id"]) for _, told in pairs} == {int, str}
    assert all(row["good_lead_call_id"] == str(told["good_lead_call_id"]) for row, told in pairs)


def test_plain_numbers_of_an_earlier_release_are_ids_like_others(stored: Stored) -> None:
    assert any(key.isdigit() for key in stored.rows["calls"])
    assert any(key.startswith("CAL") for key in stored.rows["calls"])


@pytest.mark.parametrize("field", ["keypad_entries", "speaker_percent", "tags"])
def test_members_that_change_their_shape_are_kept_as_they_came(stored: Stored, field: str) -> None:
    """Lists and text, lists and objects, names and objects and numbers."""
    pairs = stored.pairs("calls")

    shapes = {str(told[field])[:2] for _, told in pairs}  # `[{`, `['`, `[7`, `{'`, `1`
    assert len(shapes) > 1
    assert all(row[field] == told[field] for row, told in pairs)
    assert stored.rows["calls"][stored.odd]["tags"] == [7886701, 7886702]


def test_settings_that_are_now_boolean_and_now_text_are_text(stored: Stored) -> None:
    assert {row["swap_exclude_jquery"] for row in stored.rows["companies"].values()} == {
        None,
        "true",
        "false",
    }


def test_an_empty_amount_is_shown_as_two_dashes_and_kept(stored: Stored) -> None:
    rows = stored.rows["calls"].values()

    assert any(row["formatted_value"] == "--" and row["value"] is None for row in rows)


def test_a_customer_may_have_no_name_and_no_number(stored: Stored) -> None:
    rows = stored.rows["calls"].values()

    assert {None, "WIRELESS CALLER"} <= {row["customer_name"] for row in rows}
    assert "anonymous" in {row["customer_phone_number"] for row in rows}


def test_outbound_calls_are_calls(stored: Stored) -> None:
    assert {row["direction"] for row in stored.rows["calls"].values()} == {"inbound", "outbound"}


def test_long_texts_and_addresses_are_whole(stored: Stored) -> None:
    assert stored.rows["calls"][stored.odd]["transcription"] == LONG
    assert any(len(row["landing_page_url"]) > 2_000 for row in stored.rows["calls"].values())


def test_the_questions_of_a_form_may_be_anything(stored: Stored) -> None:
    answers = [row["form_data"] for row in stored.rows["form_submissions"].values()]

    assert {QUESTION: LONG, "": None} in answers


def test_a_field_that_callrail_added_becomes_a_column(stored: Stored) -> None:
    rows = stored.rows["companies"].values()

    assert [row["fresh_switch"] for row in rows if row["fresh_switch"]] == [{"on": True}]


def test_old_bug_most_columns_of_companies_are_never_filled(stored: Stored) -> None:
    for row, told in stored.pairs("companies"):
        assert told.keys() <= row.keys()
        assert row["script_url"] == told["script_url"]
        assert row["swap_cookie_duration"] == told["swap_cookie_duration"]
