"""The questions of lead results, and the columns that their answers go to.

Labels are written by each company: they change, carry remarks in brackets, stray dashes, escaped
ampersands. What is compared is therefore only their words. A label that nobody has mapped becomes
a column of its own, `answer_...`, so that a new question shows up by itself.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache

from connectors.model import FieldType

TEXT, MONEY, YES_NO = FieldType.TEXT, FieldType.NUMERIC, FieldType.BOOLEAN

COLUMNS: dict[str, FieldType] = {
    "status_bucket": TEXT,  # the tag before an appointment's result: "[CC] Sold" is CC
    "appointment_result": TEXT,
    "result_reason_demo_not_sold": TEXT,
    "result_reason_no_demo": TEXT,
    "both_homeowners_present": YES_NO,
    "sales_manager_present": YES_NO,
    "job_size": MONEY,
    "total_job_amount": MONEY,
    "one_year_price": MONEY,
    "last_price_offered": MONEY,
    "last_payment_offered": MONEY,
    "no_brainer_commitment": MONEY,
    "customers_final_price_commitment": MONEY,
    "deposit_type": TEXT,
    "deposit_amount": MONEY,
    "balance_type": TEXT,
    "balance_amount": MONEY,
    "preferred_payment": TEXT,
    "financing": TEXT,
    "financing_approved": YES_NO,
    "loan_docs_signed": YES_NO,
    "job_type": TEXT,
    "services": TEXT,
    "requested_start_month": TEXT,
    "deadline": TEXT,
    "timing": TEXT,
    "scheduling_notes": TEXT,
    "upload_estimate_sheet_company_cam": YES_NO,
    "st8_completed": YES_NO,
    "did_use_company_cam": YES_NO,
    "client_most_likely_to_add_on": TEXT,
    "warm_up_topic": TEXT,
    "urgency_time_frame": TEXT,
    "additional_services_demoed_priced": TEXT,
    "describe_rapport_hot_button": TEXT,
    "company_story_pain_point": TEXT,
    "call_to_action": TEXT,
    "price_conditioning_response": TEXT,
    "notes": TEXT,
    "closing_notes": TEXT,
    "notes_for_install_team": TEXT,
    "details_discussed_for_install": TEXT,
    "measurement_tool": TEXT,
    "dumpster_preference": TEXT,
    "color_selection": TEXT,
    "has_consider_solar": TEXT,
}
"""Derived columns with their types. A label of the same words goes there without being listed."""

ALSO = {
    "result": "appointment_result",
    "customer no brainer payment commitment": "no_brainer_commitment",
    "customer s final price commitment": "customers_final_price_commitment",
    "balance form of payment": "balance_type",
    "did you upload estimate sheet to company cam": "upload_estimate_sheet_company_cam",
    "project notes": "notes_for_install_team",
    "notes for install team or project notes": "notes_for_install_team",
    "measurement tool used": "measurement_tool",
    "measurement tools used": "measurement_tool",
}
STARTS = {
    "details discussed with homeowner": "details_discussed_for_install",
    "has would this customer ever consider solar": "has_consider_solar",
}
"""Beginnings of labels whose ends differ."""
ST8 = re.compile(r"\bst ?8\b")  # two questions about New Jersey's form ST-8, worded freely
ITEM = re.compile(r"job type (\d{1,3})( amount)?")

BY_WORDS = {column.replace("_", " "): column for column in COLUMNS} | ALSO


@lru_cache(maxsize=4096)
def words(label: str) -> str:
    """Return a label's words: lower case, without brackets and punctuation."""
    plain = html.unescape(label.replace("\\u0026", "&"))
    plain = re.sub(r"\([^)]*\)?", "", plain)
    return re.sub(r"[\W_]+", " ", plain).strip().lower()


@lru_cache(maxsize=4096)
def column_of(label: str) -> str:
    """Return the column of a label's answer; `answer_...` for one that is not known."""
    said = words(label)
    if column := BY_WORDS.get(said):
        return column
    for start, column in STARTS.items():
        if said.startswith(start):
            return column
    if ST8.search(said):
        return "st8_completed"
    return f"answer_{said.replace(' ', '_') or 'without_label'}"


@lru_cache(maxsize=4096)
def item_of(label: str) -> tuple[int, bool] | None:
    """Return a label's line item and whether it is the amount; None for other labels."""
    found = ITEM.fullmatch(words(label))
    return (int(found[1]), found[2] is not None) if found else None
