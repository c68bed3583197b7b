"""The two tabs of the system that this one replaces, as settings to build upon.

`{"preset": "marketing_leads", "spreadsheets": [...]}` takes over what it does not say itself.
Only columns that need a name or a type are listed: all others are read as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def _named(header: str, kind: str | None = None) -> dict[str, Any]:
    """Return a renamed column; leave it out of a spreadsheet that does not have it."""
    return {"name": header, "type": kind, "optional": True}


def _typed(kind: str, *headers: str) -> dict[str, Any]:
    return {header: {"type": kind, "optional": True} for header in headers}


MARKETING_LEADS: Mapping[str, Any] = {
    "stream": "marketing_leads",
    "tab": "Marketing Source Leads",
    "key": ["year", "_row_number"],  # `year` is a constant of each spreadsheet
    "columns": {
        **_typed("text", "first_name", "last_name", "phone_number", "form_submit_zipcode"),
        **_typed("text", "marketing_zip_check", "adgroup_id", "click_id", "after_hours"),
        **_typed("timestamp", "first_call_date_time", "f9_sys_created_date"),
        **_typed("integer", "recording_duration", "hold_time", "call_attempts"),
        **_typed("boolean", "lead_set", "manager_followup", "spouses_present"),
        **_typed("date", "preferred_appt_date"),
        "created_at": "timestamp",
        "email_address": "text",
        "Multiple Inquiry": _named("multiple_inquiry", "boolean"),
        "Appt Set By": _named("appt_set_by"),
        "Set Appt Date": _named("set_appt_date", "date"),
        "Appt Date-Time": _named("appt_date_time", "timestamp"),
        "Appt Result": _named("appt_result"),
        "Appt Result Reason": _named("appt_result_reason"),
        "Appt Attempts": _named("appt_attempts", "integer"),
        "MarketSharp Address": _named("marketsharp_address"),
        "Total Job Value": _named("total_job_value", "numeric"),
        "Cancel Job Value": _named("cancel_job_value", "numeric"),
        "Genius Division": _named("genius_division"),
        "Genius Marketing Source": _named("genius_marketing_source"),
        "MarketSharp Source": _named("marketsharp_source"),
        "marketing_channel": _named("channel"),
    },
}
MARKETING_SPENDS: Mapping[str, Any] = {
    "stream": "marketing_spends",
    "tab": "All Marketing Spend",
    "columns": {
        "Date": {"name": "spend_date", "type": "date"},
        "Cost": {"name": "cost", "type": "numeric"},
        "Campaign ID": _named("campaign_id", "text"),
        **_typed("date", "event_start_date", "event_end_date"),
        **_typed("numeric", "event_fee", "event_labor_cost"),
    },
}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "marketing_leads": MARKETING_LEADS,
    "marketing_spends": MARKETING_SPENDS,
}
