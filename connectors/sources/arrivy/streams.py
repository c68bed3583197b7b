"""The streams: keys, types, and what an incremental run sees of each.

Ids and phones come as numbers and as text, so they are text; what may come as an object, a list
or their text is JSON. Fields not named here are inferred from what arrives.
"""

from __future__ import annotations

from datetime import timedelta

from connectors.model import Deletes, FieldType, Stream

TEXT, NUMBER, TIME, JSON = FieldType.TEXT, FieldType.NUMERIC, FieldType.TIMESTAMP, FieldType.JSON
DAY = timedelta(days=1)

SLOT = "schedule_slot"
"""Our own column: under which time a task is listed, see `schedule.slot`."""


def _all(kind: FieldType, *names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names, kind)


COMMON = {
    **_all(TEXT, "id", "owner", "name", "external_id", "phone", "image_id", "created_by"),
    **_all(TEXT, "updated_by", "template_id"),
    **_all(TIME, "created", "updated"),
    "extra_fields": JSON,
}
PLACED = {
    **COMMON,
    **_all(TEXT, "group_id", "mobile_number", "email", "zipcode", "color", "details", "notes"),
    **_all(JSON, "exact_location", "notifications", "additional_addresses", "address"),
}
TASK_FIELDS = {
    **_all(TEXT, "id", "owner", "title", "details", "external_id", "group_id", "template"),
    **_all(TEXT, "template_id", "status", "status_title", "status_id", "created_by", "updated_by"),
    **_all(TEXT, "customer_id", "customer_phone", "customer_mobile_number", "customer_zipcode"),
    **_all(TEXT, "customer_first_name", "customer_last_name", "customer_email", "customer_notes"),
    **_all(TEXT, "source", "source_id", "external_type", "booking_id", "series_id", "route_id"),
    **_all(TEXT, "travel_time", "wait_time", "task_time", "total_time"),
    # as people entered them, in any shape: the UTC ones beside them count
    **_all(TEXT, "start_datetime_original_iso_str", "end_datetime_original_iso_str"),
    **_all(TIME, SLOT, "start_datetime", "end_datetime", "due_datetime", "created", "updated"),
    **_all(
        JSON, "extra_fields", "template_extra_fields", "notifications", "customer_exact_location"
    ),
    **_all(JSON, "entity_ids", "resource_ids", "crew_ids", "worker_ids", "additional_addresses"),
    **_all(JSON, "group", "mileage", "files", "document_ids", "file_ids", "forms", "items"),
    "unscheduled": FieldType.BOOLEAN,
}
TASK_TIMES = ("start_datetime", "end_datetime", "due_datetime", "created", "updated")
OF_A_TASK = {
    **_all(TEXT, "id", "task_id", "time_original_iso_str"),
    **_all(TIME, SLOT, "time"),
}
STATUS_FIELDS = {
    **OF_A_TASK,
    **_all(TEXT, "type", "title", "reporter_id", "reporter_name", "source"),
    **_all(JSON, "extra_fields", "current_destination"),
}
RATING_FIELDS = {**OF_A_TASK, "rating": NUMBER, "text": TEXT}

AGAIN = (
    "Each run reads the schedule again from ARRIVY_DAYS_BACK days before the last run on, and all"
    " unscheduled and undated tasks"
)
BY_CALLS = (
    "By single requests (ARRIVY_DETAILS=calls) it sees only those of tasks edited since the last"
    " run, and that a task is gone only in a full read."
)
LONG_LIST = 10
"""Pages of a list that is read in every run; a longer one would use up the budget."""
WHOLE = (
    "Read whole in every run, so it sees every change and deletion; a list longer than 10 pages"
    " only once in ARRIVY_LISTS_EVERY_HOURS hours."
)

TASKS = Stream(
    name="tasks",
    fields=TASK_FIELDS,
    deletes=Deletes.WINDOW,
    sees=f"{AGAIN}: it sees every change and deletion there. Of older tasks it sees nothing, and"
    " one moved to an older day counts as deleted until the next full read, one moved back while"
    " it is read until the next run.",
)
TASK_STATUSES = Stream(
    name="task_statuses",
    key=("task_id", "id"),
    fields=STATUS_FIELDS,
    deletes=Deletes.WINDOW,
    after=("tasks",),
    sees=f"{AGAIN}, with their status history; that of older tasks needs a full read. {BY_CALLS}",
)
TASK_RATINGS = Stream(
    name="task_ratings",
    key=("task_id", "id"),
    fields=RATING_FIELDS,
    deletes=Deletes.WINDOW,
    after=("tasks",),
    sees=f"{AGAIN}, with their ratings; ratings of older tasks need a full read. {BY_CALLS}",
)
READINGS = Stream(
    name="location_readings",
    key=("entity", "time"),
    fields={**_all(TEXT, "entity"), **_all(NUMBER, "lat", "lng"), "time": TIME, "meta": JSON},
    after=("entities",),
    sees="Incremental runs see the readings since the last run less an hour; deletions never.",
    optional=True,
)
ENTITY = {**PLACED, "type": TEXT, "lastreading": JSON}


def _listed(name: str, fields: dict[str, FieldType], *key: str) -> Stream:
    return Stream(
        name=name,
        key=key or ("id",),
        fields=fields,
        deletes=Deletes.COMPARE,
        rereads=True,
        sees=WHOLE,
    )


MEMBERS = _listed("crew_members", {**ENTITY, **_all(TEXT, "crew_id", "crew_name")}, "crew_id", "id")
LISTS = {
    "entities": ("/entities", _listed("entities", ENTITY)),
    "groups": ("/groups", _listed("groups", {**PLACED, "description": TEXT})),
    "customers": ("/customers", _listed("customers", PLACED)),
    "bookings": ("/bookings", _listed("bookings", COMMON)),
    "statuses": (
        "/statuses",
        _listed("statuses", {**COMMON, **_all(TEXT, "title", "type", "type_id", "color")}),
    ),
    "crews": ("/crews", _listed("crews", {**COMMON, "entities_data": JSON})),
    "crew_members": ("/crews", MEMBERS),
    "resources": ("/resources", _listed("resources", {**COMMON, "type": TEXT})),
    "templates": ("/templates", _listed("templates", {**COMMON, "type": TEXT})),
}
"""Streams that are read whole, with their paths."""
STREAMS = (
    TASKS,
    TASK_STATUSES,
    TASK_RATINGS,
    *(stream for _, stream in LISTS.values()),
    READINGS,
)
