"""Which streams there are, where each is read from, and what is asked of Athena for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from connectors.model import Deletes, FieldType, Request, Stream, Window
from connectors.sources.salespro.labels import COLUMNS

WINDOW = Window(
    lookback=timedelta(hours=48),  # a nightly export, and one night that it failed
    lag=timedelta(0),  # what shows late is the lookback's matter
)
CHANGED = "changed_at"
TIMES = {"created_at": FieldType.TIMESTAMP, "updated_at": FieldType.TIMESTAMP}
VERSION = {CHANGED: FieldType.TIMESTAMP}
SEES = "Incremental runs see new and changed rows; deleted ones go with the next full read."
MILLISECOND = timedelta(milliseconds=1)
BY_VERSION = f"estimate_id, {CHANGED} NULLS FIRST, lead_results"
"""Versions of one estimate, newest last. Of two with the same time always the same one counts, for
answers and line items alike; without this the export's chance order would decide anew each run."""

Shape = Literal["rows", "customers", "activity", "answers", "line items"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One stream of an exported table."""

    stream: Stream
    table: str
    shape: Shape = "rows"
    columns: str = "*"
    changed: str = "coalesce(updated_at, created_at)"
    order: str | None = None

    @property
    def takes_all_columns(self) -> bool:
        """Whether whatever the table has becomes a column; else all of them are declared."""
        return self.columns == "*"

    def statement(self, request: Request) -> str:
        """Return the SELECT for a request: all rows, or those of its window.

        Nothing in it comes from outside: names are ours, times are formatted here.
        """
        zone = ZoneInfo(request.stream.zone)
        parts = [f"SELECT {self.columns}, {self.changed} AS {CHANGED} FROM {self.table}"]  # noqa: S608
        bounds = [
            f"{self.changed} {sign} timestamp '{literal(bound, zone)}'"
            for sign, bound in ((">=", request.since), ("<", request.until))
            if bound is not None
        ]
        if bounds:
            parts.append(f"WHERE {' AND '.join(bounds)}")
        if self.order:
            parts.append(f"ORDER BY {self.order}")
        return " ".join(parts)


def literal(moment: datetime, zone: ZoneInfo) -> str:
    """Return a time as the export writes one, up to the next whole millisecond.

    Rows have whole milliseconds, so that `>=` and `<` mean the same for both.
    """
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    if whole < moment:
        whole += MILLISECOND
    local = whole.astimezone(UTC).astimezone(zone)
    return local.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


EXPORTS = (
    Export(
        stream=Stream(
            name="customers",
            key=("row_id",),
            fields={"row_id": FieldType.TEXT, **VERSION},
            version=CHANGED,
            window=WINDOW,
            deletes=Deletes.COMPARE,
            sees=SEES,
        ),
        table="customer",
        shape="customers",
    ),
    Export(
        stream=Stream(
            name="estimates",
            key=("estimate_id",),
            fields={"estimate_id": FieldType.TEXT, **VERSION},
            version=CHANGED,
            window=WINDOW,
            deletes=Deletes.COMPARE,
            sees=SEES,
        ),
        table="estimate",
    ),
    Export(
        stream=Stream(
            name="credit_applications",
            key=("leap_credit_app_id",),
            fields={"leap_credit_app_id": FieldType.TEXT, **VERSION},
            version=CHANGED,
            window=WINDOW,
            deletes=Deletes.COMPARE,
            sees=SEES,
        ),
        table="credit_applications",
    ),
    Export(
        stream=Stream(
            name="lead_results",
            key=("estimate_id",),
            fields={
                "estimate_id": FieldType.TEXT,
                **VERSION,
                "lead_results": FieldType.JSON,
                **COLUMNS,
            },
            version=CHANGED,
            window=WINDOW,
            deletes=Deletes.COMPARE,
            sees=SEES,
        ),
        table="lead_results",
        shape="answers",
        order=BY_VERSION,
    ),
    Export(
        stream=Stream(
            name="lead_result_line_items",
            key=("estimate_id", "job_type_number"),
            fields={
                "estimate_id": FieldType.TEXT,
                "job_type_number": FieldType.INTEGER,
                "job_type": FieldType.TEXT,
                "job_type_amount": FieldType.NUMERIC,
                **VERSION,
            },
            version=CHANGED,
            window=WINDOW,
            deletes=Deletes.COMPARE,
            sees="Items that left a lead result go with its next version.",
        ),
        table="lead_results",
        shape="line items",
        columns="estimate_id, lead_results",
        order=BY_VERSION,
    ),
    Export(
        stream=Stream(
            name="user_activity",
            key=("activity_id",),
            fields={"activity_id": FieldType.TEXT, **VERSION},
            window=WINDOW,
            sees="New activity; an export that rewrites old activity needs a full read.",
        ),
        table="user_activity",
        shape="activity",
        changed="created_at",
    ),
)

BOOLEANS = (
    "canSearchAllEstimates",
    "isActive",
    "isManager",
    "isAvailableToCall",
    "canActivateUsers",
    "canChangeSettings",
    "canSubmitCreditApps",
    "disableChangeCompany",
)
MOMENTS = ("createdAt", "updatedAt", "last_edit_date", "lastLoginDate", "deactivatedDate")
OFFICE_FIELDS = ("name", "companyId", "company", "last_edit_user")
USER_FIELDS = ("username", "nameFirst", "nameLast", "email", "phoneNumber", "company")
CSV_SEES = "The newest file that was dropped; nobody is deleted for missing in one."

OFFICES = Stream(
    name="offices",
    key=("objectId",),
    version="updatedAt",
    fields={
        "objectId": FieldType.TEXT,
        **dict.fromkeys(OFFICE_FIELDS, FieldType.TEXT),
        **dict.fromkeys(BOOLEANS[:1], FieldType.BOOLEAN),
        **dict.fromkeys(MOMENTS[:3], FieldType.TIMESTAMP),
    },
    sees=CSV_SEES,
)
USERS = Stream(
    name="users",
    key=("objectId",),
    version="updatedAt",
    fields={
        "objectId": FieldType.TEXT,
        **dict.fromkeys(USER_FIELDS, FieldType.TEXT),
        **dict.fromkeys(BOOLEANS[1:], FieldType.BOOLEAN),
        **dict.fromkeys((*MOMENTS[:2], *MOMENTS[3:]), FieldType.TIMESTAMP),
        "allowedOffices": FieldType.JSON,
    },
    sees=CSV_SEES,
)

BY_NAME = {export.stream.name: export for export in EXPORTS}
STREAMS = (*(export.stream for export in EXPORTS), OFFICES, USERS)
