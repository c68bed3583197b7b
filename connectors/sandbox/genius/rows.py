"""The rows of every table, those that others refer to first; the same dice give the same rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import TypeAlias

from connectors.sandbox.genius.schema import Column, Table, tables
from connectors.sandbox.genius.values import Value, moment, value_of

Row: TypeAlias = dict[str, Value]

# Table -> rows at scale 1. Lookups keep their size at any scale.
LOOKUPS: Mapping[str, int] = {
    "division_group": 6,
    "division_region": 5,
    "user_title": 12,
    "service": 8,
    "appointment_type": 6,
    "appointment_outcome_type": 4,
    "appointment_outcome": 14,
    "marketing_source_type": 9,
    "marketing_source": 30,
    "marketsharp_source": 20,
    "marketsharp_marketing_source_map": 24,
    "job_status": 10,
    "job_change_order_type": 3,
    "job_change_order_status": 4,
    "job_change_order_reason": 6,
    "integration_field_definition": 7,
    "third_party_source_type": 3,
}
COUNTS: Mapping[str, int] = {
    "division": 20,
    "user_data": 60,
    "users_userassociations": 50,
    "third_party_source": 200,
    "prospect": 300,
    "lead": 400,
    "prospect_source": 390,
    "appointment": 200,
    "appointment_to_service": 260,
    "quote": 300,
    "job": 80,
    "job_financing": 30,
    "job_change_order": 40,
    "job_change_order_item": 90,
    "integration_field": 25,
}
REFERENCES: Mapping[str, str] = {
    "group_id": "division_group",
    "region_id": "division_region",
    "division_id": "division",
    "division": "division",
    "title_id": "user_title",
    "user_associations_id": "users_userassociations",
    "prospect_id": "prospect",
    "prospect_source_id": "prospect_source",
    "appointment_id": "appointment",
    "job_id": "job",
    "service_id": "service",
    "complete_outcome_id": "appointment_outcome",
    "marketing_source_id": "marketing_source",
    "marketing_source": "marketing_source",
    "change_order_id": "job_change_order",
    "reason_id": "job_change_order_reason",
    "definition_id": "integration_field_definition",
    "third_party_source_id": "third_party_source",
    "third_party_source_type_id": "third_party_source_type",
}
KINDS: Mapping[str, str] = {  # table -> what its `type_id` refers to
    "appointment": "appointment_type",
    "appointment_outcome": "appointment_outcome_type",
    "marketing_source": "marketing_source_type",
    "job_change_order": "job_change_order_type",
}
NO_TIME = 0.005  # share of rows without updated_at, where it may be NULL
BULK = 0.1  # share of rows that an office-wide update stamped in the same second
DANGLING = 0.02  # share of references to nothing: 0, or a row that is gone
PARTIES = ("hubspot", "leap", "HubSpot")  # the collation does not tell the first from the last


@dataclass(slots=True, kw_only=True)
class Rows:
    """Makes the rows. `random` gives dice for a purpose; `before` is aware, times lie before it."""

    random: Callable[..., Random]
    before: datetime
    scale: float = 1.0
    counts: Mapping[str, int] = field(default_factory=dict[str, int])  # instead of the usual ones
    tables: Mapping[str, Table] = field(default_factory=tables)

    def count(self, table: str) -> int:
        """How many rows a table starts with."""
        if table in self.counts:
            return self.counts[table]
        if table in LOOKUPS:
            return LOOKUPS[table]
        return max(3, round(COUNTS[table] * self.scale))

    def of(self, table: str) -> Iterator[Row]:
        """The first rows of a table, by key."""
        dice = self.random("genius", table)
        for number in range(self.count(table)):
            yield self.row(table, number, dice)

    def row(self, table: str, number: int, dice: Random) -> Row:
        """The row of a number, its other values thrown anew."""
        shape = self.tables[table]
        row: Row = {c.name: self._value(dice, shape, c) for c in shape.columns}
        row |= self._key(table, number)
        if table == "third_party_source_type":
            row["label"] = PARTIES[number % len(PARTIES)]
        if "created_at" in row and "updated_at" in row:
            row["created_at"] = min(filter(None, (row["created_at"], row["updated_at"])), key=str)
        return row

    def _key(self, table: str, number: int) -> Row:
        shape = self.tables[table]
        if table == "appointment_to_service":  # one to three services an appointment
            services = self.count("service")
            visits = max(self.count("appointment"), 1)
            return {
                "appointment_id": number % visits + 1,
                "service_id": (number % visits + number // visits) % services + 1,
            }
        if table == "marketsharp_marketing_source_map":
            return {"marketsharp_id": f"{'Ms' if number % 2 else 'ms'}-{number:05d}"}
        first = 0 if table == "prospect" else 1  # key 0 is there, and easily forgotten
        return {shape.key[0]: number + first}

    def _value(self, dice: Random, table: Table, column: Column) -> Value:
        if column.name == "updated_at":
            return self._changed(dice, nullable=column.nullable)
        target = self._target(table.name, column.name)
        if target is None or column.kind not in {"int", "smallint"}:
            return value_of(dice, column, self.before)
        if column.nullable and dice.random() < 0.1:  # noqa: PLR2004 - a tenth
            return None
        if dice.random() < DANGLING:
            return dice.choice((0, 30_000))
        return dice.randrange(1, self.count(target) + 1)

    def _target(self, table: str, column: str) -> str | None:
        if column == "type_id":
            return KINDS.get(table)
        if column.endswith(("user_id", "_by")):
            return "user_data"
        return REFERENCES.get(column)

    def _changed(self, dice: Random, *, nullable: bool) -> Value:
        if nullable and dice.random() < NO_TIME:
            return None
        if dice.random() < BULK:
            return moment(Random(0), self.before, 100)  # noqa: S311 - pretend data; one second for all
        return moment(dice, self.before)
