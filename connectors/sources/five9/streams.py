"""Every stream of Five9."""

from __future__ import annotations

from datetime import timedelta

from connectors.model import Deletes, FieldType, Stream, Window

CONTACT_KEY = "contact_key"
"""Field of our own: one key column, whatever a domain's contacts are told apart by."""

LAG = timedelta(minutes=1)  # clocks differ; a record being written is left to the next run
CONTACTS = Stream(
    name="contacts",
    key=(CONTACT_KEY,),
    fields={CONTACT_KEY: FieldType.TEXT},
    window=Window(lookback=timedelta(hours=1), lag=LAG),
    deletes=Deletes.COMPARE,
    rereads=True,
    after=("contact_fields",),
    sees="changes by the field mapped to LastModifiedDateTime, else numbers in the call log, "
    "else everything; deletions only where everything is read",
)
CALL_LOG = Stream(
    name="call_log",
    key=("CALL ID",),
    fields={
        "CALL ID": FieldType.TEXT,
        "TIMESTAMP": FieldType.TIMESTAMP,
        "ANI": FieldType.TEXT,
        "DNIS": FieldType.TEXT,
        "COST": FieldType.NUMERIC,
    },
    # dispositions and recordings are added to calls that ended a day ago
    window=Window(lookback=timedelta(days=2), lag=LAG),
    sees="calls since the last run, and later edits of calls up to two days old",
)
LOGINS = Stream(
    name="agent_login_logout",
    key=("AGENT", "LOGIN TIMESTAMP"),
    fields={
        "AGENT": FieldType.TEXT,
        "DATE": FieldType.DATE,
        "LOGIN TIMESTAMP": FieldType.TIMESTAMP,
        "LOGOUT TIMESTAMP": FieldType.TIMESTAMP,
    },
    # a session's logout comes long after its login
    window=Window(lookback=timedelta(days=2), lag=LAG),
    sees="sessions begun since the last run, and the end of sessions up to two days old",
)

WHOLE = "everything at each run: the lists are short and tell no times"
FLAG, NUMBER, TEXT = FieldType.BOOLEAN, FieldType.INTEGER, FieldType.TEXT

CONFIGURATION = (
    Stream(
        name="contact_fields",
        key=("name",),
        fields={"name": TEXT, "system": FLAG, "restrictions": FieldType.JSON},
        deletes=Deletes.COMPARE,
        sees=WHOLE,
    ),
    Stream(
        name="lists",
        key=("name",),
        fields={"name": TEXT, "size": NUMBER},
        deletes=Deletes.COMPARE,
        sees=WHOLE,
    ),
    Stream(
        name="dispositions",
        key=("name",),
        fields={
            "name": TEXT,
            "description": TEXT,
            "typeParameters": FieldType.JSON,
            "agentMustCompleteWorksheet": FLAG,
            "agentMustConfirm": FLAG,
            "resetAttemptsCounter": FLAG,
            "sendEmailNotification": FLAG,
            "sendIMNotification": FLAG,
            "trackAsFirstCallResolution": FLAG,
        },
        deletes=Deletes.COMPARE,
        sees=WHOLE,
    ),
    Stream(
        name="campaigns",
        key=("name",),
        fields={"name": TEXT, "description": TEXT, "trainingMode": FLAG},
        deletes=Deletes.COMPARE,
        sees=WHOLE,
    ),
    Stream(
        name="campaign_lists",
        key=("campaignName", "listName"),
        fields={
            "campaignName": TEXT,
            "listName": TEXT,
            "dialingPriority": NUMBER,
            "dialingRatio": NUMBER,
            "priority": NUMBER,
        },
        deletes=Deletes.COMPARE,
        after=("campaigns",),
        sees=WHOLE,
    ),
    Stream(
        name="users",
        key=("id",),
        fields={
            "id": TEXT,
            "active": FLAG,
            "canChangePassword": FLAG,
            "mustChangePassword": FLAG,
            "IEXScheduled": FLAG,
            "extension": TEXT,
            "phoneNumber": TEXT,
            "mediaTypeConfig": FieldType.JSON,
            "startDate": FieldType.TIMESTAMP,
        },
        deletes=Deletes.COMPARE,
        sees=f"{WHOLE}; passwords are left out",
    ),
    Stream(
        name="agent_groups",
        key=("id",),
        fields={"id": TEXT, "name": TEXT, "description": TEXT, "agents": FieldType.JSON},
        deletes=Deletes.COMPARE,
        sees=WHOLE,
    ),
    Stream(
        name="skills",
        key=("id",),
        fields={
            "id": TEXT,
            "name": TEXT,
            "description": TEXT,
            "messageOfTheDay": TEXT,
            "routeVoiceMails": FLAG,
        },
        deletes=Deletes.COMPARE,
        sees=WHOLE,
    ),
)
STREAMS = (*CONFIGURATION, CALL_LOG, LOGINS, CONTACTS)
