"""The streams: keys, types, and what an incremental run sees of each.

Ids come as numbers here and as text there, so they are text everywhere: they can be joined.
Fields not named here are inferred from what arrives.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.model import Deletes, FieldType, Stream

TEXT, NUMBER, TIME, JSON = FieldType.TEXT, FieldType.NUMERIC, FieldType.TIMESTAMP, FieldType.JSON
ADDRESS = ("street1", "street2", "city", "state", "zip", "country")
COORDINATES = ("latitude", "longitude")


def _all(kind: FieldType, *names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names, kind)


def _stream(
    name: str,
    *key: str,
    sees: str,
    fields: Mapping[str, FieldType] | None = None,
    version: str | None = None,
    optional: bool = False,
) -> Stream:
    return Stream(
        name=name,
        key=key,
        fields=_all(TEXT, *key) | dict(fields or {}),
        version=version,
        deletes=Deletes.COMPARE,
        sees=sees,
        optional=optional,
    )


LEAD_FIELDS = {
    **_all(TEXT, "userId", "userName", "firstName", "lastName", "businessName", "email"),
    **_all(TEXT, "phonePrimary", "phoneAlternate", *ADDRESS, "status", "notes", "campaignId"),
    **_all(NUMBER, *COORDINATES),
    **_all(TIME, "dateCreated", "dateModified", "statusModified", "ownerModified", "deletedAt"),
    **_all(JSON, "customFields", "integrationData", "appointment", "files"),
    "dateOfBirth": FieldType.DATE,
}
EVENT_FIELDS = {
    **_all(TEXT, "name", "abbreviation", "changedByUserId"),
    **_all(TIME, "statusUpdated", "leadCreated", "leadModified"),
    "active": FieldType.BOOLEAN,
    "position": FieldType.INTEGER,  # our own: the place in the lead's history, from 0
}
KNOCK_FIELDS = {
    **_all(TEXT, "dispositionLeadID", "dispositionType", "dispositionerID"),
    **_all(TEXT, "dispositionLeadStatusID", "dispositionLeadStatusName"),
    **_all(TEXT, "dispositionLeadStatusAbbreviation", "dispositionLeadStageID"),
    **_all(TEXT, "dispositionerProximityStatus", "currentLeadOwnerID", "currentLeadOwnerEmail"),
    **_all(TEXT, "currentLeadFirstName", "currentLeadLastName"),
    **_all(TIME, "dispositionTimestamp", "currentLeadCreated", "currentLeadModified"),
    **_all(TIME, "currentOnDeviceStatusCreated", "currentOnDeviceStatusModified"),
    **_all(NUMBER, "dispositionerProximityInFeet", "dispositionerProximityLatitude"),
    **_all(NUMBER, "dispositionerProximityLongitude", "currentLeadLatitude"),
    "currentLeadLongitude": NUMBER,
    "currentLeadIsActive": FieldType.BOOLEAN,
    "currentLeadCustomFields": JSON,
}
USER_FIELDS = {
    **_all(TEXT, "firstName", "lastName", "fullName", "email", "phone", "hireDate"),
    **_all(TEXT, "businessUnit", "department", "role", "office", "team", "region"),
    **_all(TEXT, "orgId", "supervisorId", "recruiterId", "cmsId", "leadRepCmsId", "photo_url"),
    **_all(TIME, "dateCreated", "dateModified"),
    "active": FieldType.BOOLEAN,
    "externalIds": JSON,
}
WHOLE = "Read whole in every run."
UNCONFIRMED = f"{WHOLE} The vendor's path is not confirmed: look at the first answer."

LEADS = _stream(
    "leads",
    "id",
    fields=LEAD_FIELDS,
    version="dateModified",
    sees="Incremental runs see leads whose dateModified moved since the last run's start; not"
    " deleted ones, nor changes that leave the date alone: a full read does (weekly).",
)
HISTORIES = _stream(
    "lead_status_histories",
    *("leadId", "id", "statusUpdated"),  # `id` is the status, and a status may come back
    fields=EVENT_FIELDS,
    sees="Incremental runs see the whole history of each lead whose status moved; the histories"
    " of deleted leads go with a full read.",
)
ACTIVITIES = _stream(
    "lead_status_activities",
    "dispositionID",
    fields=KNOCK_FIELDS,
    sees="Incremental runs see the knocks logged or changed since the last run's start; not"
    " later edits of the lead that do not touch its status: a full read does.",
)
USERS = _stream("users", "id", fields=USER_FIELDS, sees=WHOLE)
STATUSES = _stream(
    "lead_statuses",
    "id",
    fields={**_all(TEXT, "name", "abbreviation"), "active": FieldType.BOOLEAN},
    sees=WHOLE,
)
CUSTOM_FIELDS = _stream("lead_custom_fields", "id", sees=UNCONFIRMED, optional=True)
ORG_UNITS = _stream("org_units", "id", sees=UNCONFIRMED, optional=True)
ROLES = _stream("roles", "id", sees=UNCONFIRMED, optional=True)
STREAMS = (LEADS, HISTORIES, ACTIVITIES, USERS, STATUSES, CUSTOM_FIELDS, ORG_UNITS, ROLES)
