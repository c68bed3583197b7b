"""Contacts: all of them, or those that changed.

`partition` explains how all are listed. Changes are found by the contact field that the domain
maps to LastModifiedDateTime, where there is one and patterns match its values; else by the
numbers in the call log, else by reading everything. The run's report says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.errors import ContractError, StreamError
from connectors.model import FieldType, Json, Page, Record, Request
from connectors.sources.five9.fields import Fields
from connectors.sources.five9.keys import RECORD_ID, Keys
from connectors.sources.five9.partition import (
    Criteria,
    Partition,
    Question,
    is_moment,
    odd_numbers,
)
from connectors.sources.five9.probes import Blank, blanks, patterns_match_times
from connectors.sources.five9.settings import Settings
from connectors.sources.five9.soap import Five9Api

EVERYTHING: Criteria = (("number1", "%"),)
MOST_LOOKUPS = 300  # numbers of the call log; above, reading everything costs no more
CALL_MARGIN = timedelta(hours=2)  # a contact is written when its call ends, not when it begins
OVERLAP = timedelta(minutes=5)  # clocks differ
SHORT, LONG = timedelta(days=2), timedelta(days=60)  # windows asked for by hour, by day

CallNumbers = Callable[[datetime, datetime], set[str]]


class Contacts:
    """One read of the contacts of a domain."""

    def __init__(
        self,
        api: Five9Api,
        settings: Settings,
        fields: Fields,
        numbers: CallNumbers,
        clock: Callable[[], datetime],
    ) -> None:
        self._api = api
        self._zone = ZoneInfo(settings.contact_zone)
        self._key_fields = settings.key_fields
        self._keys = Keys(settings.key_fields)
        self._fields = fields
        self._numbers = numbers
        self._clock = clock
        self._sample: list[Record] | None = None
        self._blank: Blank | None = None
        self._known: AbstractSet[str] = frozenset()
        self._learned: dict[str, FieldType] = {}
        self._notes: list[str] = []

    def read(self, request: Request) -> Iterator[Page]:
        """Yield contacts; each page's position holds the questions still to be asked."""
        stage, todo, truncated, count = self._resumed(request.position) or self._begin(request)
        everything = stage in {"all", "rest", "tail"}
        while stage:
            partition = Partition(
                ask=self._ask,
                todo=todo,
                blank_matches=lambda _rows: self._blanks() is Blank.MATCHES,
                moments=self._fields.modified,
                truncated=truncated,
            )
            for rows, missing in partition.answers():
                kept = self._within(rows, request) if stage == "changed" else rows
                count += 0 if stage == "tail" else len(kept)
                position = _position(stage, partition.todo, count, truncated=partition.truncated)
                yield from self._pages(kept, missing, position)
            truncated = partition.truncated
            stage, todo = self._next(stage, request, truncated=truncated)
        unique = self._key_fields and "number1" not in self._key_fields
        total = count if everything and unique else None
        yield Page(total=total, notes=self._said(), everything=everything)

    def _begin(self, request: Request) -> tuple[str, list[Question], bool, int]:
        if request.since is None or request.until is None:
            return "all", [Question(EVERYTHING)], False, 0
        modified = self._fields.modified
        if modified and patterns_match_times(self._ask, modified):
            self._notes.append(f"changes were found by the contact field {modified!r}")
            return "changed", self._moments(request.since, request.until), False, 0
        why = (
            f"patterns do not match {modified!r}"
            if modified
            else ("no contact field is mapped to LastModifiedDateTime")
        )
        try:
            numbers = self._numbers(request.since - CALL_MARGIN, request.until)
        except StreamError as error:
            why += f", and the call log cannot be read ({error})"
        else:
            if len(numbers) <= MOST_LOOKUPS:
                self._notes.append(
                    f"{why}: contacts were looked up by {len(numbers)} numbers of the call log; "
                    f"edits without a call wait for the next full read"
                )
                looked_up = [
                    Question(((name, number),))
                    for number in sorted(numbers)
                    for name in ("number1", "number2", "number3")
                ]
                return "called", looked_up, False, 0
            why += f", and {len(numbers)} numbers were called"
        self._notes.append(f"{why}: all contacts were read and compared")
        return "all", [Question(EVERYTHING)], False, 0

    def _next(self, stage: str, request: Request, *, truncated: bool) -> tuple[str, list[Question]]:
        """Return what follows a stage that came to its end; "" at the end of the read."""
        if stage == "all":
            return "rest", self._rest(truncated=truncated)
        if stage == "rest" and truncated:
            modified = self._fields.modified
            if modified and patterns_match_times(self._ask, modified):
                since = request.started_at - OVERLAP
                return "tail", self._moments(since, self._clock() + OVERLAP)
            self._notes.append(
                "contacts whose number changed while this was read may have been overlooked; the "
                "next read finds them"
            )
        return "", []

    def _rest(self, *, truncated: bool) -> list[Question]:
        """Return questions for what `number1 = %` and its digits do not find."""
        odd = odd_numbers(self._first()) if truncated else []
        if self._blanks() is Blank.MATCHES:
            return [*odd, Question((("number1", ""),))]
        self._notes.append(
            "Five9 cannot be asked here for contacts without a number: they were looked for by "
            "their second and third number"
        )
        return [
            *odd,
            Question((("number2", "%"),), ("number1",)),
            Question((("number3", "%"),), ("number1", "number2")),
        ]

    def _moments(self, since: datetime, until: datetime) -> list[Question]:
        """Return a question for each hour (day, month) from `since` up to `until`."""
        modified = self._fields.modified or ""
        span = until - since
        length = 13 if span <= SHORT else 10 if span <= LONG else 7
        prefixes: dict[str, None] = {}
        moment = since
        while moment < until + timedelta(hours=1):
            local = min(moment, until).astimezone(self._zone)
            prefixes[local.strftime("%Y-%m-%d %H")[:length]] = None
            moment += timedelta(hours=1)
        return [Question(((modified, f"{prefix}%"),)) for prefix in prefixes]

    def _within(self, rows: list[Record], request: Request) -> list[Record]:
        """Drop what changed outside the window asked for; what cannot be dated is kept."""
        since, until = request.since, request.until
        if since is None or until is None:
            return rows
        kept: list[Record] = []
        for row in rows:
            value = row.get(self._fields.modified or "") or ""
            if is_moment(value):
                moment = datetime.fromisoformat(value).replace(tzinfo=self._zone)
                if not since <= moment < until:
                    continue
            kept.append(row)
        return kept

    def _pages(self, rows: list[Record], missing: str | None, position: Json) -> Iterator[Page]:
        if not rows and not missing:
            return
        doubles = self._keys.give(rows)
        reasons = [missing] if missing else []
        if doubles:
            reasons.append(
                f"{doubles} contacts share their key with another and replace it: set "
                f"FIVE9_CONTACT_KEY to fields that tell them apart"
            )
        yield Page(
            records=rows,
            position=position,
            fields=self._take_learned(),
            incomplete="; ".join(reasons) or None,
            notes=self._said(),
        )

    def _ask(self, criteria: Criteria) -> list[Record]:
        """Ask for contacts that match all criteria; at most 1,000 of them come."""
        question: dict[str, Any] = {
            "criteria": [{"field": name, "value": pattern} for name, pattern in criteria]
        }
        if not self._key_fields:
            question["contactIdField"] = RECORD_ID
        answer = self._api.call("getContactRecords", lookupCriteria=question)
        rows = _rows(answer.find("return"))
        if rows:
            self._learn(rows[0].keys() - {RECORD_ID})
        if criteria == EVERYTHING:
            self._sample = [dict(row) for row in rows]
        return rows

    def _learn(self, names: AbstractSet[str]) -> None:
        """Find out the types of fields that were added since this read began."""
        new = names - (self._known or set(self._fields.types))
        self._known = (self._known or set(self._fields.types)) | names
        if new:
            types = self._fields.again()
            self._learned |= {name: types.get(name, FieldType.TEXT) for name in new}

    def _first(self) -> list[Record]:
        if self._sample is None:
            self._ask(EVERYTHING)
        return self._sample or []

    def _blanks(self) -> Blank:
        if self._blank is None:
            self._blank = blanks(self._ask, self._first())
        return self._blank

    def _take_learned(self) -> Mapping[str, FieldType]:
        learned, self._learned = self._learned, {}
        return learned

    def _said(self) -> Sequence[str]:
        notes, self._notes = [*self._notes, *self._keys.said()], []
        return notes

    def _resumed(self, position: Json | None) -> tuple[str, list[Question], bool, int] | None:
        if position is None:
            return None
        todo = [Question.from_json(one) for one in position["todo"]]
        return str(position["stage"]), todo, bool(position["truncated"]), int(position["count"])


def _position(
    stage: str, todo: Sequence[Question], count: int, *, truncated: bool
) -> dict[str, Any]:
    return {
        "stage": stage,
        "todo": [question.to_json() for question in todo],
        "truncated": truncated,
        "count": count,
    }


def _rows(found: Any) -> list[Record]:
    """Return the records of a `contactsLookupResult`; columns are in another order each time."""
    if found is None:
        return []
    names = [element.text or "" for element in found.iterfind("fields")]
    rows: list[Record] = []
    for record in found.iterfind("records"):
        values = record.find("values")
        data = [] if values is None else [each.text for each in values]
        if len(data) != len(names):
            raise ContractError(
                f"getContactRecords: a contact with {len(data)} values for {len(names)} fields"
            )
        rows.append(dict(zip(names, data, strict=True)))
    return rows
