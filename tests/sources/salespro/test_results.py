"""SalesPro's lead results: answers to questions that change, and the line items in them."""

from __future__ import annotations

import pytest

from connectors.sandbox.salespro.tables import LONG_LABEL
from connectors.sources.salespro.labels import COLUMNS, column_of
from tests.sources.salespro.export import Account, ago


def test_answers_become_columns_and_a_new_question_one_of_its_own(pretend: Account) -> None:
    pretend.empty()
    pretend.result(
        "e",
        ("Appointment Result ", "[CC] Sold"),
        ("Both Homeowners Present?", "Yes"),
        ("Sales Manager Present -", "N/A"),
        ("Total Job Amount", "$1,234.50"),
        ("Balance Form Of Payment", "-Cash"),
        (LONG_LABEL, "white"),
        ("R&amp;D Visit \\u0026 more?", "none"),
        ("What Else? (new)", "a dog"),
    )

    record = pretend.read("lead_results").by("estimate_id")["e"]

    said = {name: value for name, value in record.items() if value is not None}
    assert (
        said.items()
        >= {
            "status_bucket": "CC",
            "appointment_result": "[CC] Sold",
            "both_homeowners_present": "yes",
            "total_job_amount": "1234.50",
            "balance_type": "Cash",
            "color_selection": "white",
            "answer_what_else": "a dog",
        }.items()
    )
    assert record["sales_manager_present"] is None
    assert record["answer_r_d_visit_more"] is None
    assert set(COLUMNS) <= set(record)


def test_every_column_has_a_label_that_leads_to_it() -> None:
    assert {column_of(name.replace("_", " ").title()) for name in COLUMNS} == set(COLUMNS)


@pytest.mark.parametrize(
    ("answer", "stored"),
    [
        ("$12,300.00", "12300.00"),
        ("-$5", "-5"),
        ("1234", "1234"),
        ("$ 1,000,000", "1000000"),
        (".5", ".5"),
        ("1,5", "1,5"),
        ("about 20", "about 20"),
        ("n/a", None),
        (" - ", None),
        (12.5, "12.5"),
    ],
)
def test_money_is_read_where_it_is_clear_and_else_left_for_the_rejects(
    pretend: Account, answer: object, stored: str | None
) -> None:
    pretend.empty()
    pretend.result("e", ("Deposit Amount", answer))

    assert pretend.read("lead_results").by("estimate_id")["e"]["deposit_amount"] == stored


def test_line_items_come_from_numbered_jobs_or_from_the_one_job(pretend: Account) -> None:
    pretend.empty()
    pretend.result("many", ("Job Type 2", "Roof"), ("Job Type 2 Amount ", "$2.00"))
    pretend.result("many", ("Job Type 12", "Bath"), updated_at=ago(minutes=1))
    pretend.result("one", ("Job Type", "Siding"), ("Job Size", "$9,000"))
    pretend.result("none", ("Job Type 1", "N/A"), ("Notes", "x"))

    found = pretend.read("lead_result_line_items").by("estimate_id", "job_type_number")

    items = {key: (r["job_type"], r["job_type_amount"]) for key, r in found.items()}
    assert items == {("many", 12): ("Bath", None), ("one", 1): ("Siding", "9000")}


@pytest.mark.parametrize(
    "text",
    ['[{"title": "Res', "{}", "[1]", '"x"', "[" * 5000],
    ids=["cut", "object", "numbers", "word", "deep"],
)
def test_answers_that_cannot_be_read_are_kept_as_text_and_counted(
    pretend: Account, text: str
) -> None:
    pretend.empty()
    pretend.insert("lead_results", estimate_id="e", lead_results=text)

    gathered = pretend.read("lead_results")
    items = pretend.read("lead_result_line_items")

    assert gathered.by("estimate_id")["e"]["lead_results"] == text
    for told in (gathered, items):
        assert [note for note in told.notes if "1 lead results hold no readable JSON" in note]
    assert [page.whole for page in items.pages if page.whole] == []


@pytest.mark.parametrize("text", [None, "", "[]"])
def test_no_answers_are_no_trouble(pretend: Account, text: str | None) -> None:
    pretend.empty()
    pretend.insert("lead_results", estimate_id="e", lead_results=text)

    gathered = pretend.read("lead_results")

    assert gathered.by("estimate_id")["e"]["lead_results"] == text
    assert not [note for note in gathered.notes if "readable" in note]


@pytest.mark.parametrize("page_size", [2, 3, 5, 1000])
def test_the_newest_lead_result_makes_the_items_wherever_pages_end(
    pretend: Account, page_size: int
) -> None:
    """Versions of one estimate may lie on two pages; its items come once, from the newest."""
    expected = pretend.truth("lead_result_line_items")

    gathered = pretend.read("lead_result_line_items", page_size=page_size)

    assert pretend.keys("lead_result_line_items", gathered) == set(expected)
    assert len(gathered.records) == len(expected)
    spoken = [value for page in gathered.pages if page.whole for value in page.whole.values]
    assert len(spoken) == len(set(spoken))


def test_of_two_results_of_one_moment_always_the_same_one_counts(pretend: Account) -> None:
    """Thousands of rows share the time of one export; its chance order must decide nothing."""
    answers = [("Notes", "first"), ("Notes", "second"), ("Notes", "third")]
    told: set[tuple[str, str]] = set()
    for turn in range(3):
        pretend.empty()
        for note in answers[turn:] + answers[:turn]:
            pretend.result("e", note, ("Job Type 1", note[1]))
        (item,) = pretend.read("lead_result_line_items").records
        told.add((pretend.read("lead_results").records[-1]["notes"], item["job_type"]))

    assert told == {("third", "third")}
