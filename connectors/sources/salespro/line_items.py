"""Lead results: JSON of questions and answers, made into columns and line items.

[{"title": "Job Type 1", "value": "Roof"}, {"title": "Job Type 1 Amount", "value": "$12,300.00"}]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from connectors.model import FieldType, Record
from connectors.sources.salespro.labels import COLUMNS, column_of, item_of, words

NOTHING = frozenset({"", "n/a", "na", "none", "null", "-"})
BUCKET = re.compile(r"\s*\[([^\]]{1,60})\]")
MONEY = re.compile(r"(-?)\$?(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|-?\.\d+)")
"""Commas stand between thousands; elsewhere they may be somebody's decimal point."""


class UnreadableError(ValueError):
    """A lead result is no list of questions and answers."""


def pairs(text: str | None) -> list[tuple[str, str | None]]:
    """Return the answers of a lead result in their order, each with its label.

    Raises `UnreadableError`; NULL and "" are answers that were never given.
    """
    if not text:
        return []
    try:
        found: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise UnreadableError from error
    if not isinstance(found, list):
        raise UnreadableError
    answers: list[tuple[str, str | None]] = []
    for each in cast("list[Any]", found):
        if not isinstance(each, dict):
            raise UnreadableError
        entry = cast("dict[str, Any]", each)
        answers.append((str(entry.get("title") or ""), _text(entry.get("value"))))
    return answers


def columns(text: str | None) -> Record:
    """Return an answer per column; of several for one column the first that says something.

    Raises `UnreadableError`.
    """
    record: Record = dict.fromkeys(COLUMNS)
    for label, answer in pairs(text):
        if item_of(label):
            continue
        column = column_of(label)
        if record.get(column) is None:
            record[column] = said(answer, COLUMNS.get(column, FieldType.TEXT))
    if tag := BUCKET.match(record["appointment_result"] or ""):
        record["status_bucket"] = tag[1].strip()
    return record


def items(text: str | None) -> Iterator[Record]:
    """Yield the line items by number: numbered jobs, else the one job of "Job Type".

    Raises `UnreadableError`.
    """
    found: dict[int, list[str | None]] = {}
    single: list[str | None] = [None, None]
    for label, answer in pairs(text):
        if place := item_of(label):
            number, is_amount = place
            item = found.setdefault(number, [None, None])
        elif (plain := words(label)) in {"job type", "job size"}:
            item, is_amount = single, plain == "job size"
        else:
            continue
        if item[is_amount] is None:
            item[is_amount] = said(answer, FieldType.NUMERIC if is_amount else FieldType.TEXT)
    if 1 not in found or found[1] == [None, None]:
        found[1] = single
    for number, (job, amount) in sorted(found.items()):
        if job is not None or amount is not None:
            yield {"job_type_number": number, "job_type": job, "job_type_amount": amount}


def said(answer: str | None, kind: FieldType) -> str | None:
    """Return what an answer says: nothing for "n/a" and its like, money without its signs.

    What does not fit its type stays as it is: the warehouse refuses it and keeps it.
    """
    if answer is None or (plain := answer.strip()).lower() in NOTHING:
        return None
    if kind is FieldType.NUMERIC:
        money = MONEY.fullmatch(plain.replace(" ", ""))
        return f"{money[1]}{money[2].replace(',', '')}" if money else plain
    plain = plain.removeprefix("-").strip()
    if kind is FieldType.BOOLEAN:
        first = re.match(r"(yes|no)\b", plain, re.IGNORECASE)
        return first[1].lower() if first else plain
    return plain or None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
