"""The search endpoint: filters, one sort rule, integer offsets, and a wall at 10,000."""

import operator as operators
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from connectors.sandbox.clock import epoch_ms
from connectors.sandbox.hubspot.answers import refuse
from connectors.sandbox.hubspot.objects import Objects
from connectors.sandbox.hubspot.rows import Row, mixed

WALL = 10_000
MAX_PAGE = 200
MAX_GROUPS, MAX_FILTERS, MAX_ALL_FILTERS = 5, 6, 18
REQUIRED = ("after", "filterGroups", "limit", "properties", "sorts")  # by the specs since 2026-09
FAR = 2**62
CACHED = 16  # result sets kept: a few readers paging at once

# what an operator on a whole number means as an inclusive range around its value
RANGES: dict[str, tuple[int | None, int | None]] = {
    "EQ": (0, 0),
    "GT": (1, None),
    "GTE": (0, None),
    "LT": (None, -1),
    "LTE": (None, 0),
    "BETWEEN": (0, 0),
}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "EQ": operators.eq,
    "NEQ": operators.ne,
    "GT": operators.gt,
    "GTE": operators.ge,
    "LT": operators.lt,
    "LTE": operators.le,
}

Comparable = Decimal | str
Test = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of row numbers out of a search."""

    total: int
    rows: list[Row]
    after: int | None


class Searches:
    """Answers searches over one kind."""

    def __init__(self, objects: Objects) -> None:
        self.disorder = 0  # milliseconds by which a sort by time may be wrong
        self._objects = objects
        self._results: dict[tuple[object, ...], list[int]] = {}

    def search(self, body: dict[str, Any], now: int, *, strict: bool) -> Found:
        """Run a search as the index stands at `now`. Raises `Refused`."""
        if strict and (missing := [name for name in REQUIRED if name not in body]):
            raise refuse(400, f"Invalid input JSON: required fields missing: {missing}")
        limit, offset = _whole(body.get("limit", 10)), _whole(body.get("after") or 0)
        if not 0 < limit <= MAX_PAGE:
            raise refuse(400, f"limit must be between 1 and {MAX_PAGE}, was {limit}")
        if offset + limit > WALL:
            raise refuse(400, f"The sum of after and limit exceeds the limit of {WALL}")
        indexes = self._sorted(self._groups(body), listed(body, "sorts"), now)
        page = indexes[offset : offset + limit]
        seen = (self._objects.indexed(self._objects.row(index), now) for index in page)
        more = offset + limit < len(indexes)
        return Found(
            len(indexes),
            [row for row in seen if row is not None],
            offset + limit if more else None,
        )

    def _groups(self, body: dict[str, Any]) -> list[list[dict[str, Any]]]:
        groups = [listed(group, "filters") for group in listed(body, "filterGroups")]
        if bare := listed(body, "filters"):
            groups.append(bare)
        if len(groups) > MAX_GROUPS or any(len(group) > MAX_FILTERS for group in groups):
            raise refuse(400, f"at most {MAX_GROUPS} groups of {MAX_FILTERS} filters are allowed")
        if sum(map(len, groups)) > MAX_ALL_FILTERS:
            raise refuse(400, f"at most {MAX_ALL_FILTERS} filters are allowed")
        for group in groups:
            for one in group:
                if one.get("propertyName") not in self._objects.properties:
                    name = one.get("propertyName")
                    raise refuse(400, f"There was a problem with the request: no property {name}")
        return groups or [[]]

    def _sorted(self, groups: list[list[dict[str, Any]]], sorts: list[Any], now: int) -> list[int]:
        found = self._matching(groups, now)
        if not sorts:
            return found
        if len(sorts) > 1:
            raise refuse(400, "only one sort is supported")
        rule = {"propertyName": sorts[0]} if isinstance(sorts[0], str) else sorts[0]
        name, down = rule.get("propertyName"), rule.get("direction") == "DESCENDING"
        if name not in self._objects.properties:
            raise refuse(400, f"cannot sort by unknown property {name}")
        if name == "hs_object_id":
            return found[::-1] if down else found
        return sorted(found, key=lambda index: self._sort_key(index, name, now), reverse=down)

    def _sort_key(self, index: int, name: str, now: int) -> tuple[bool, Any]:
        row = self._objects.indexed(self._objects.row(index), now)
        value = None if row is None else self._objects.value(row, name)
        if value is None:
            return (True, 0)
        key = comparable(value, self._objects.properties[name].type)
        if self.disorder and isinstance(key, Decimal):
            key += mixed(index) % self.disorder
        return (False, key)

    def _matching(self, groups: list[list[dict[str, Any]]], now: int) -> list[int]:
        """Row numbers that any group matches, ascending; ids ascend with them."""
        if len(groups) == 1:
            return self._of_group(groups[0], now)
        return sorted({index for group in groups for index in self._of_group(group, now)})

    def _of_group(self, filters: list[dict[str, Any]], now: int) -> list[int]:
        low, high, first, last = -FAR, FAR, -FAR, FAR
        rest: list[dict[str, Any]] = []
        for one in filters:
            bounds = self._bounds(one)
            if bounds is None:
                rest.append(one)
            elif one["propertyName"] == "hs_object_id":
                first, last = max(first, bounds[0]), min(last, bounds[1])
            else:
                low, high = max(low, bounds[0]), min(high, bounds[1])
        found = self._cached(low, high, rest, now)
        by_id = self._objects.id_of
        return found[bisect_left(found, first, key=by_id) : bisect_right(found, last, key=by_id)]

    def _cached(self, low: int, high: int, rest: list[dict[str, Any]], now: int) -> list[int]:
        objects = self._objects
        moment = now if objects.index_lag else 0
        key = (low, high, str(rest), objects.generation, moment)
        if key not in self._results:
            tests = [self._test(one) for one in rest]
            found = objects.modified_between(low, high, now)
            if tests:
                seen = ((index, objects.indexed(objects.row(index), now)) for index in found)
                found = [i for i, row in seen if row and all(test(row) for test in tests)]
            while len(self._results) >= CACHED:
                del self._results[next(iter(self._results))]
            self._results[key] = found
        return self._results[key]

    def _bounds(self, one: dict[str, Any]) -> tuple[int, int] | None:
        """The inclusive range that a filter on the cursor or the id means, if it means one."""
        name, operator = one["propertyName"], str(one.get("operator"))
        if name not in {self._objects.kind.cursor, "hs_object_id"} or operator not in RANGES:
            return None
        value = int(self._operand(one, name, "value"))
        if operator == "BETWEEN":
            return value, int(self._operand(one, name, "highValue"))
        low, high = RANGES[operator]
        return (-FAR if low is None else value + low), (FAR if high is None else value + high)

    def _operand(self, one: dict[str, Any], name: str, part: str) -> Any:
        kind = self._objects.properties[name].type
        text = one.get(part)
        if text is None:
            raise refuse(400, f"operator {one.get('operator')} needs {part}")
        if kind == "datetime" and str(text) == "0":
            raise refuse(500, "Internal Error", "INTERNAL_ERROR")
        try:
            value = comparable(str(text), kind)
        except (InvalidOperation, ValueError) as error:
            raise refuse(400, f"{part} {text!r} is no {kind}") from error
        if kind in {"datetime", "date", "number"} and not isinstance(value, Decimal):
            raise refuse(400, f"{part} {text!r} is no {kind}")
        return value

    def _test(self, one: dict[str, Any]) -> Test:
        """What a filter asks of a record. An empty value fails every test but its absence."""
        name, operator = one["propertyName"], one.get("operator")
        objects, kind = self._objects, self._objects.properties[one["propertyName"]].type

        def get(row: Row) -> Any:
            value = objects.value(row, name)
            return None if value in {None, ""} else comparable(value or "", kind)

        if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
            present = operator == "HAS_PROPERTY"
            return lambda row: (get(row) is not None) is present
        if operator in {"IN", "NOT_IN"}:
            wanted = {comparable(str(value), kind) for value in listed(one, "values")}
            inside = operator == "IN"
            return lambda row: (value := get(row)) is not None and (value in wanted) is inside
        if operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
            pattern = token_pattern(str(one.get("value") or ""))
            keep = operator == "CONTAINS_TOKEN"
            return lambda row: bool(pattern.search(objects.value(row, name) or "")) is keep
        low = self._operand(one, name, "value")
        if operator == "BETWEEN":
            high = self._operand(one, name, "highValue")
            return lambda row: (value := get(row)) is not None and low <= value <= high
        if operator not in COMPARE:
            raise refuse(400, f"unknown operator {operator}")
        holds = COMPARE[operator]
        return lambda row: (value := get(row)) is not None and holds(value, low)


def listed(body: Mapping[str, Any], name: str) -> list[Any]:
    """A list in a body; empty when it is missing or null. Raises `Refused` for anything else."""
    value: Any = body.get(name) or []
    if not isinstance(value, list):
        raise refuse(400, f"Invalid input JSON: {name} must be a list")
    return cast("list[Any]", value)


def comparable(text: str, kind: str) -> Comparable:
    """A value as filters and sorts compare it: times as epoch milliseconds, text without case.

    Raises `ValueError` or `InvalidOperation` for a number or a time that is none.
    """
    if kind == "number":
        return Decimal(text)
    if kind in {"datetime", "date"}:
        if re.fullmatch(r"-?\d+", text):
            return Decimal(text)
        if kind == "date":
            day = date.fromisoformat(text[:10])
            return Decimal(epoch_ms(datetime(day.year, day.month, day.day, tzinfo=UTC)))
        return Decimal(epoch_ms(datetime.fromisoformat(text)))
    return text.casefold()


def token_pattern(token: str) -> re.Pattern[str]:
    """A pattern that finds a word; `*` in it stands for any characters."""
    words = ".*".join(re.escape(part) for part in token.split("*"))
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise refuse(400, f"{value!r} is no whole number") from error
