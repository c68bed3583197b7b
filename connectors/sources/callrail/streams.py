"""CallRail's streams: where each list is, how it is asked for, what its fields hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from connectors.model import Deletes, FieldType, Stream, Window

LOOKBACK = timedelta(days=30)  # edits and spam marks move no date; recordings come 20 min late
LAG = timedelta(minutes=1)  # a call is listed once it has ended

CALL_FIELDS = (
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
"""Every optional field of a call; one that CallRail does not know any more is left out."""

FORM_FIELDS = (
    *("company_name", "lead_status", "value", "note", "tags", "utm_source", "utm_medium"),
    *("utm_campaign", "utm_term", "utm_content", "form_name", "timeline_url", "milestones"),
    "custom",
)
CONVERSATION_FIELDS = ("lead_status", "source")
COMPANY_FIELDS = ("verified_caller_ids",)
TRACKER_FIELDS = ("campaign_name", "swap_targets")
SUMMARY_FIELDS = (
    *("total_calls", "missed_calls", "answered_calls", "first_time_callers"),
    *("average_duration", "formatted_average_duration", "leads"),
)

TEXT, INTEGER, NUMERIC = FieldType.TEXT, FieldType.INTEGER, FieldType.NUMERIC
BOOLEAN, TIMESTAMP, JSON = FieldType.BOOLEAN, FieldType.TIMESTAMP, FieldType.JSON

REREAD = (
    "Incremental runs read the last 30 days again (CALLRAIL_LOOKBACK_DAYS): {what} inside them are"
    " seen, older ones by a full read, which reaches back 25 months."
)
WHOLE = "Every run reads the whole list: all changes and deletions are seen."


def _window(name: str, what: str, *, fields: Mapping[str, FieldType]) -> Stream:
    return Stream(
        name=name,
        window=Window(lookback=LOOKBACK, lag=LAG),
        deletes=Deletes.WINDOW,
        sees=REREAD.format(what=what),
        fields=fields,
    )


CALLS = _window(
    "calls",
    "edits of notes, tags, values and lead states, late recordings, and calls removed as spam",
    fields={
        **dict.fromkeys(("id", "company_id", "tracker_id", "person_id", "customer_name"), TEXT),
        **dict.fromkeys(("customer_phone_number", "tracking_phone_number", "zip_code"), TEXT),
        **dict.fromkeys(("good_lead_call_id", "formatted_value", "note", "source"), TEXT),
        **dict.fromkeys(("duration", "recording_duration", "prior_calls", "total_calls"), INTEGER),
        **dict.fromkeys(("start_time", "created_at", "good_lead_call_time"), TIMESTAMP),
        **dict.fromkeys(("answered", "voicemail", "first_call"), BOOLEAN),
        **dict.fromkeys(("tags", "milestones", "keypad_entries", "speaker_percent"), JSON),
        **dict.fromkeys(("call_highlights", "keywords_spotted", "waveforms", "custom"), JSON),
        **dict.fromkeys(("integration_data", "conversational_transcript"), JSON),
        "value": NUMERIC,
    },
)
FORMS = _window(
    "form_submissions",
    "edits of notes, tags, values and lead states, and submissions that were removed",
    fields={
        **dict.fromkeys(("id", "company_id", "person_id", "note", "source"), TEXT),
        **dict.fromkeys(("form_data", "milestones", "tags", "custom"), JSON),
        **dict.fromkeys(("submitted_at", "created_at"), TIMESTAMP),
        "first_form": BOOLEAN,
        "value": NUMERIC,
    },
)
CONVERSATIONS = _window(
    "text_conversations",
    "new messages and changes of state in conversations that had a message, and removed ones",
    fields={
        **dict.fromkeys(("id", "company_id", "customer_name", "customer_phone_number"), TEXT),
        "last_message_at": TIMESTAMP,
        "recent_messages": JSON,
    },
)
MESSAGES = Stream(
    name="text_messages",
    fields={
        **dict.fromkeys(("id", "conversation_id", "content", "direction", "type"), TEXT),
        "created_at": TIMESTAMP,
        "ordinal": INTEGER,
        **dict.fromkeys(("media_urls", "sms_thread"), JSON),
    },
    window=Window(lookback=timedelta(days=1), lag=LAG),  # messages are never edited
    sees="Incremental runs see every message of conversations that had one since the last run;"
    " messages that were deleted at CallRail stay.",
)
SUMMARIES = Stream(
    name="call_summaries",
    key=("account_id", "day"),
    fields={
        "account_id": TEXT,
        "day": FieldType.DATE,
        **dict.fromkeys(("total_calls", "missed_calls", "answered_calls"), INTEGER),
        **dict.fromkeys(("first_time_callers", "leads"), INTEGER),
        **dict.fromkeys(("key", "date", "formatted_average_duration"), TEXT),
        "average_duration": NUMERIC,
    },
    window=Window(lookback=LOOKBACK, lag=LAG),
    sees="CallRail's own daily counts per account; incremental runs fetch the last 30 days again.",
)


def _whole(name: str, **fields: FieldType) -> Stream:
    known = {"id": TEXT, "created_at": TIMESTAMP, "disabled_at": TIMESTAMP, "company_id": TEXT}
    return Stream(name=name, fields={**known, **fields}, deletes=Deletes.COMPARE, sees=WHOLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list of CallRail: its path below the account, the member with its rows, its questions."""

    stream: Stream
    path: str
    rows: str  # the member of the answer that holds the records
    fields: tuple[str, ...] = ()  # to ask for beyond what always comes
    time: str | None = None  # the field that the date filter works on
    sort: str | None = None  # set where the list can be had oldest first
    moves: bool = False  # whether `time` changes, so that a record wanders between windows


ACCOUNTS = Listed(
    stream=Stream(
        name="accounts",
        fields={"id": TEXT, "numeric_id": TEXT, "created_at": TIMESTAMP},
        deletes=Deletes.COMPARE,
        sees=WHOLE,
    ),
    path="/a.json",
    rows="accounts",
)
COMPANIES = Listed(
    stream=_whole(
        "companies",
        time_zone=TEXT,
        swap_exclude_jquery=TEXT,  # boolean in the documentation, text in real answers
        swap_ppc_override=TEXT,
        swap_landing_override=TEXT,
        verified_caller_ids=JSON,
    ),
    path="companies.json",
    rows="companies",
    fields=COMPANY_FIELDS,
)
LISTS = (
    ACCOUNTS,
    COMPANIES,
    Listed(
        stream=_whole("trackers", tracking_numbers=JSON, company=JSON, call_flow=JSON, source=JSON),
        path="trackers.json",
        rows="trackers",
        fields=TRACKER_FIELDS,
    ),
    Listed(stream=_whole("tags"), path="tags.json", rows="tags"),
    Listed(stream=_whole("users", companies=JSON), path="users.json", rows="users"),
    Listed(
        stream=CALLS,
        path="calls.json",
        rows="calls",
        fields=CALL_FIELDS,
        time="start_time",
        sort="start_time",
    ),
    Listed(
        stream=FORMS,
        path="form_submissions.json",
        rows="form_submissions",
        fields=FORM_FIELDS,
        time="submitted_at",
        sort="submitted_at",
    ),
    Listed(
        stream=CONVERSATIONS,
        path="text-messages.json",
        rows="conversations",
        fields=CONVERSATION_FIELDS,
        time="last_message_at",
        moves=True,
    ),
)
BY_STREAM = {listed.stream.name: listed for listed in LISTS}
STREAMS = (*(listed.stream for listed in LISTS), MESSAGES, SUMMARIES)
