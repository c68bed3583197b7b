"""What the pretend accounts hold, in the shapes of CallRail's answers."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sandbox.clock import iso

Record = dict[str, Any]

ALWAYS = (
    *("id", "answered", "business_phone_number", "customer_city", "customer_country"),
    *("customer_name", "customer_phone_number", "customer_state", "direction", "duration"),
    *("recording", "recording_duration", "recording_player", "start_time"),
    *("tracking_phone_number", "voicemail"),
)
"""What a call shows without `fields`."""

EXTRA_OF_CALLS = (
    *("agent_email", "call_highlights", "call_summary", "call_type", "campaign", "company_id"),
    *("company_name", "company_time_zone", "conversational_transcript", "created_at", "custom"),
    *("device_type", "fbclid", "first_call", "formatted_business_phone_number"),
    *("formatted_call_type", "formatted_customer_location", "formatted_customer_name"),
    *("formatted_customer_name_or_phone_number", "formatted_customer_phone_number"),
    *("formatted_duration", "formatted_tracking_phone_number", "formatted_tracking_source"),
    *("formatted_value", "ga", "gclid", "good_lead_call_id", "good_lead_call_time"),
    *("integration_data", "keypad_entries", "keywords", "keywords_spotted", "landing_page_url"),
    *("last_requested_url", "lead_score", "lead_score_explanation", "lead_status", "medium"),
    *("milestones", "msclkid", "note", "person_id", "prior_calls", "referrer_domain"),
    *("referring_url", "sentiment", "session_uuid", "source", "source_name", "speaker_percent"),
    *("tags", "timeline_url", "total_calls", "tracker_id", "transcription", "utm_campaign"),
    *("utm_content", "utm_medium", "utm_source", "utm_term", "utma", "utmb", "utmc", "utmv"),
    *("utmz", "value", "voice_assist_message", "waveforms", "zip_code"),
)
EXTRA_OF_FORMS = (
    *("company_name", "lead_status", "value", "note", "tags", "utm_source", "utm_medium"),
    *("utm_campaign", "utm_term", "utm_content", "form_name", "timeline_url", "milestones"),
    "custom",
)
EXTRA = {
    "calls": EXTRA_OF_CALLS,
    "form_submissions": EXTRA_OF_FORMS,
    "text_conversations": ("lead_status", "source"),
    "companies": ("verified_caller_ids",),
    "trackers": ("campaign_name", "swap_targets"),
}
"""What comes only when asked for by `fields`."""

ZONES = (
    "America/Denver",
    "America/New_York",
    "America/Los_Angeles",
    "America/Phoenix",  # without daylight saving
    "Pacific/Honolulu",
)
CAMPAIGNS = ("Google Ads", "Direct mail", "Yard signs 🪧", "Bing", None)


def masked(prefix: str, number: int) -> str:
    """An id as CallRail writes them: a prefix and 32 hex digits."""
    return f"{prefix}{hashlib.md5(f'{prefix}{number}'.encode()).hexdigest()}"  # noqa: S324 - an invented id


def local(moment: datetime, zone: str) -> str:
    """`2026-02-10T00:45:19.781-08:00`: the time at the company."""
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="milliseconds")


def account(number: int, name: str, created: datetime) -> Record:
    """An account; its `created_at` has a shape of its own."""
    return {
        "id": masked("ACC", number),
        "name": name,
        "numeric_id": 900_000_000 + number,
        "outbound_recording_enabled": False,
        "inbound_recording_enabled": True,
        "hipaa_account": False,
        "created_at": created.astimezone(ZoneInfo("America/New_York")).strftime(
            "%Y-%m-%d %H:%M:%S %z"
        ),
    }


def company(number: int, zone: str, created: datetime) -> Record:
    """A company. Two of its settings are now boolean, now text."""
    return {
        "id": masked("COM", number),
        "name": f"Roofers of {zone.rpartition('/')[2].replace('_', ' ')}",
        "status": "active",
        "time_zone": zone,
        "created_at": iso(created),
        "disabled_at": None,
        "dni_active": number % 2 == 0 or None,
        "script_url": f"//cdn.callrail.example/{number}/swap.js",
        "callscore_enabled": False,
        "lead_scoring_enabled": number % 3 == 0,
        "swap_exclude_jquery": (None, "true", False)[number % 3],
        "swap_ppc_override": (False, None, "false")[number % 3],
        "swap_landing_override": None,
        "swap_cookie_duration": 6,
        "swap_cookie_duration_unit": "months",
        "callscribe_enabled": True,
        "keyword_spotting_enabled": False,
        "form_capture": True,
        "verified_caller_ids": [f"+1303555{number:04d}"],
    }


def tracker(number: int, of: Mapping[str, Any], created: datetime) -> Record:
    """A tracking number, or a pool of them."""
    pool = number % 4 == 0
    numbers = [f"+1720555{number * 10 + n:04d}" for n in range(8 if pool else 1)]
    return {
        "id": masked("TRK", number),
        "name": f"Tracker {number}",
        "type": "session" if pool else "source",
        "status": "active",
        "destination_number": "+13035550100",
        "tracking_numbers": numbers,
        "whisper_message": None,
        "sms_supported": True,
        "sms_enabled": number % 2 == 0,
        "company": {"id": of["id"], "name": of["name"]},
        "call_flow": {"type": "basic", "recording_enabled": True, "greeting_text": None},
        "source": {"type": ("all", "google_my_business", "direct")[number % 3]},
        "created_at": iso(created),
        "disabled_at": None,
        "campaign_name": CAMPAIGNS[number % 5],
        "swap_targets": ["3035550100"],
        **({"pool_size": len(numbers)} if pool else {}),
    }


def tag(number: int, company_id: str | None) -> Record:
    """A tag; it carries no date."""
    return {
        "id": 7_886_700 + number,
        "name": f"Tag {number}",
        "tag_level": "company" if company_id else "account",
        "color": ("red1", "orange3", "gray1")[number % 3],
        "background_color": "gray1",
        "company_id": company_id,
        "status": "enabled",
    }


def user(number: int, of: Mapping[str, Any], created: datetime) -> Record:
    """A user."""
    return {
        "id": masked("USR", number),
        "email": f"user{number}@example.com",
        "first_name": f"First{number}",
        "last_name": "" if number == 1 else f"O'Last{number}",
        "name": f"First{number} O'Last{number}",
        "role": ("admin", "manager", "reporting", "analyst")[number % 4],
        "accepted": number % 5 != 0,
        "created_at": local(created, "America/New_York"),
        "companies": [{"id": of["id"], "name": of["name"]}],
    }


def call(
    number: int, of: Mapping[str, Any], tracker_id: str, at: datetime, dice: Random, *, old: bool
) -> Record:
    """A call. `old` ones come in the shapes of an earlier release."""
    zone, answered = str(of["time_zone"]), dice.random() < 0.8  # noqa: PLR2004 - a share
    duration = dice.randrange(5, 900) if answered else 0
    call_id = str(100_000 + number) if old and number % 2 else masked("CAL", number)
    value = f"{dice.randrange(1, 90_000) / 100:.2f}" if dice.random() < 0.3 else None  # noqa: PLR2004 - a share
    customer = f"+1303{dice.randrange(10_000_000):07d}"
    seconds: Any = duration if old else str(duration)
    return dict.fromkeys(EXTRA_OF_CALLS) | {
        "id": call_id,
        "answered": answered,
        "business_phone_number": "+13035550100",
        "customer_city": "Denver",
        "customer_country": "US",
        "customer_name": (None, "ACME 🙂 LLC", "WIRELESS CALLER", "Ana O'Neil")[number % 4],
        "customer_phone_number": customer if number % 50 else "anonymous",
        "customer_state": "CO",
        "direction": "outbound" if number % 9 == 0 else "inbound",
        "duration": duration,
        "recording": f"https://api.callrail.example/v3/calls/{call_id}/recording.json"
        if answered
        else None,
        "recording_duration": seconds if answered else None,
        "recording_player": f"https://app.callrail.example/calls/{call_id}" if answered else None,
        "start_time": local(at, zone),
        "tracking_phone_number": f"+1720555{number % 10_000:04d}",
        "voicemail": not answered and number % 2 == 0,
        "company_id": of["id"],
        "company_name": of["name"],
        "company_time_zone": zone,
        "created_at": local(at, zone),
        "first_call": number % 3 == 0,
        "formatted_duration": f"{duration // 60}m {duration % 60}s",
        "formatted_value": f"${value}" if value else "--",
        "good_lead_call_id": (number if old else str(number)) if value else None,
        "keypad_entries": ["1", "2"] if old else "1",
        "landing_page_url": f"https://e.example/?q={'x' * (2500 if number % 97 == 0 else 20)}",
        "lead_status": (None, "good_lead", "not_a_lead", "previously_marked_good_lead")[number % 4],
        "milestones": {
            "first_touch": {
                "event_date": local(at - timedelta(hours=2), zone),
                "source": "Google Ads",
                "landing": "https://e.example/?a=1",
            },
            "last_touch": None,
        },
        "note": None if number % 6 else "called back, wants a slate roof",
        "person_id": masked("PER", number % 40),
        "prior_calls": number % 5,
        "source": "Google Ads",
        "speaker_percent": [60, 40] if old else {"agent": 60, "customer": 40},
        "tags": ["Opportunity"] if old else [tag(number % 20, str(of["id"]))],
        "total_calls": number % 5 + 1,
        "tracker_id": tracker_id,
        "value": value,
        "zip_code": f"{number % 100_000:05d}",
    }


def form(number: int, of: Mapping[str, Any], at: datetime) -> Record:
    """A form submission with whatever questions the form had."""
    zone = str(of["time_zone"])
    return dict.fromkeys(EXTRA_OF_FORMS) | {
        "id": masked("FRM", number) if number % 3 else str(5_000_000 + number),
        "company_id": of["id"],
        "company_name": of["name"],
        "person_id": masked("PER", number % 40) if number % 2 else None,
        "form_data": {
            "name": "A B",
            "what is your question? (please be as exact as you can 🙂, it helps us)": "roof",
            "email": f"lead{number}@example.com",
        },
        "form_url": "https://e.example/contact",
        "landing_page_url": "https://e.example/",
        "referrer": "google",
        "referring_url": None,
        "submitted_at": local(at, zone),
        "first_form": number % 2 == 0,
        "customer_phone_number": f"+1303555{number % 10_000:04d}",
        "customer_email": f"lead{number}@example.com",
        "customer_name": "A B",
        "formatted_customer_phone_number": "303-555-0199",
        "formatted_customer_name": "A B",
        "source": "Google Organic",
        "keywords": None,
        "campaign": None,
        "medium": "organic",
        "value": "12.50" if number % 4 == 0 else None,
        "tags": [],
    }


def message(number: int, at: datetime, zone: str) -> Record:
    """A text message."""
    return {
        "direction": "incoming" if number % 2 else "outgoing",
        "content": f"message {number} 🏠",
        "created_at": local(at, zone),
        "type": "mms" if number % 5 == 0 else "sms",
        "media_urls": [f"https://e.example/{number}.jpg"] if number % 5 == 0 else [],
        "sms_thread": {"id": masked("SMT", number // 10)},
    }


def conversation(number: int, of: Mapping[str, Any], tracker_id: str) -> Record:
    """A conversation without its messages."""
    digits = "abcdefghijklmnopqrstuvwxyz0123456789"
    name = "".join(digits[number * 7 // 36**place % 36] for place in range(4))
    return {
        "id": f"k{name}",
        "company_id": of["id"],
        "initial_tracker_id": tracker_id,
        "current_tracker_id": tracker_id,
        "customer_name": None,
        "customer_phone_number": f"+1303555{number % 10_000:04d}",
        "initial_tracking_number": "+17205550111",
        "current_tracking_number": "+17205550111",
        "state": "active",
        "company_time_zone": of["time_zone"],
        "company_name": of["name"],
        "tracker_name": "Website pool",
        "lead_status": None,
        "source": "Google Ads",
    }


def message_key(conversation_id: str, said: Mapping[str, Any], ordinal: int) -> str:
    """The key that a copy needs: CallRail gives messages none.

    Conversation, hash of what never changes in a message, and an ordinal among equals.
    """
    when = datetime.fromisoformat(said["created_at"]).astimezone(UTC).isoformat()
    parts = [when, said["direction"], said["type"], said["content"], said["media_urls"]]
    return (
        f"{conversation_id}:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}:{ordinal}"
    )
