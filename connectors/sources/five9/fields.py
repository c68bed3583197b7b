"""Contact fields: what a domain's contacts consist of, and what their values are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from connectors.model import FieldType, Record
from connectors.sources.five9.soap import Five9Api

OPERATION, LISTS = "getContactFields", ("restrictions",)
TYPES = {
    "NUMBER": FieldType.NUMERIC,
    "CURRENCY": FieldType.NUMERIC,
    "PERCENT": FieldType.NUMERIC,
    "BOOLEAN": FieldType.BOOLEAN,
    "DATE": FieldType.DATE,
    "DATE_TIME": FieldType.TIMESTAMP,
}
"""Text for all others. A date in another format than ISO stays text: some lose the year."""
FORMATS = {"DateFormat": "yyyy-MM-dd", "TimeFormat": "HH:mm:ss.SSS"}


class Fields:
    """The contact fields of a domain, asked for when first wanted."""

    def __init__(self, api: Five9Api) -> None:
        self._api = api

    @cached_property
    def all(self) -> list[Record]:
        """Every contact field as Five9 describes it."""
        return self._api.records(OPERATION, LISTS)

    @property
    def types(self) -> Mapping[str, FieldType]:
        """Field name -> what it holds."""
        return {str(each["name"]): _type(each) for each in self.all}

    @property
    def modified(self) -> str | None:
        """The field that the system writes at each change of a contact, where there is one."""
        return next(
            (str(e["name"]) for e in self.all if e.get("mapTo") == "LastModifiedDateTime"), None
        )

    def again(self) -> Mapping[str, FieldType]:
        """Ask anew: contacts came with a field that was not there before."""
        del self.all
        return self.types


def _type(field: Record) -> FieldType:
    kind = TYPES.get(str(field.get("type")), FieldType.TEXT)
    formats = {each.get("type"): each.get("value") for each in field.get("restrictions") or ()}
    if any(formats.get(name, usual) != usual for name, usual in FORMATS.items()):
        return FieldType.TEXT
    return kind
