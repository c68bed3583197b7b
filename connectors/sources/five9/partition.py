"""Listing every contact of a service that has no paging and cuts answers silently.

Five9 gives at most 1,000 contacts an answer, in no order, and does not say that it left some out.
So a question whose answer has 1,000 is split into narrower ones that together ask for the same:
`number1 = 6%` becomes `60%` to `69%` and `6` itself. What cannot be split is said, never skipped.

The questions still to ask are the whole state of a read: stored after each answer, a read that
was interrupted goes on in the middle.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.errors import ContractError
from connectors.model import Record

CAP = 1_000  # contacts an answer holds at most
LONGEST = {"number1": 20, "number2": 20, "number3": 20}  # Five9 takes 16 digits
LONGEST_TEXT = 40
DIGITS = string.digits
LOWER = string.ascii_lowercase + string.digits
LETTERS = LOWER + string.ascii_uppercase
WILD = frozenset("%_")  # would match anything
MOMENT = "0000-00-00 00:00:00.000"  # how DATE_TIME values are written, if unrestricted
WHOLE_SECONDS = 19  # of them are enough for a value
NUMBERS = ("number1", "number2", "number3")
MAX_QUESTIONS = 500_000  # a bound, not a limit: a million contacts take some 4,500

Criteria = tuple[tuple[str, str], ...]  # field, pattern; all must match


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, and which fields must be empty in the records we keep of the answer."""

    criteria: Criteria
    empty: tuple[str, ...] = ()

    def to_json(self) -> list[Any]:
        """Return what a position stores."""
        return [[list(one) for one in self.criteria], list(self.empty)]

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> Question:
        """Read what `to_json` returned."""
        criteria, empty = stored
        return cls(tuple((name, pattern) for name, pattern in criteria), tuple(empty))

    def __str__(self) -> str:
        """Name the fields, never the values: those are people's numbers."""
        return " and ".join(
            f"{name} {'begins with' if pattern.endswith('%') else 'is'}"
            f" {len(pattern.rstrip('%'))} characters"
            for name, pattern in self.criteria
        )


@dataclass(slots=True)
class Split:
    """Narrower questions, and why they may not add up to the wider one."""

    questions: list[Question] = field(default_factory=list[Question])
    incomplete: str | None = None


Ask = Callable[[Criteria], list[Record]]


@dataclass(slots=True)
class Partition:
    """A list of questions that together cover what is wanted.

    `moments`: the field, if any, whose values are times; `blank_matches`: tells, given an
    answer, whether `field = ""` finds the contacts in which the field is empty.
    """

    ask: Ask
    todo: list[Question]
    blank_matches: Callable[[Sequence[Record]], bool]
    moments: str | None = None
    truncated: bool = False  # an answer was full: the read is no longer one snapshot
    folds: bool | None = None  # whether Five9 takes A for a, which its manual does not say

    def answers(self) -> Iterator[tuple[list[Record], str | None]]:
        """Ask what is left, last first; yield the records of whole answers.

        With a yield may come the reason why contacts are missing. `todo` then holds what is
        still to be asked.
        """
        asked = 0
        while self.todo:
            asked += 1
            if asked > MAX_QUESTIONS:
                raise ContractError(
                    f"contacts: more than {MAX_QUESTIONS} questions; Five9 does not narrow its "
                    f"answers as asked"
                )
            question = self.todo.pop()
            rows = self.ask(question.criteria)
            reason = None
            if len(rows) >= CAP:
                self.truncated = True
                split = self.split(question, rows)
                reason = split.incomplete
                self.todo += reversed(split.questions)
                if split.questions and not reason:
                    rows = []  # each of them comes again
            kept = [row for row in rows if not any(row.get(name) for name in question.empty)]
            yield kept, reason

    def split(self, question: Question, rows: Sequence[Record]) -> Split:
        """Return narrower questions for one whose answer `rows` is full."""
        name, pattern = question.criteria[-1]
        if pattern.endswith("%") and not pattern.startswith("%"):
            longest = LONGEST.get(name, LONGEST_TEXT)
            if len(pattern) <= (len(MOMENT) if name == self.moments else longest):
                return self._by_next_character(question, rows)
        if pattern == "%":
            return self._by_next_character(question, rows)
        return self._by_next_field(question, rows)

    def _by_next_character(self, question: Question, rows: Sequence[Record]) -> Split:
        *others, (name, pattern) = question.criteria
        prefix = pattern[:-1]
        seen = {
            value[len(prefix)] for row in rows if len(value := row.get(name) or "") > len(prefix)
        }
        if name == self.moments:
            stems = [prefix + rest for rest in _next_of_moment(prefix)]
        else:
            alphabet = DIGITS
            if name not in LONGEST:
                folds = self._ignores_case(question, rows)
                alphabet = LOWER if folds else LETTERS
                seen = {sign.lower() if folds and sign.isascii() else sign for sign in seen}
            stems = [prefix + each for each in [*alphabet, *sorted(seen - set(alphabet) - WILD)]]
        patterns = [f"{stem}%" for stem in stems]
        if prefix and (name != self.moments or len(prefix) >= WHOLE_SECONDS):
            patterns.append(prefix)
        return Split(
            [Question((*others, (name, each)), question.empty) for each in patterns],
            _wild(question) if seen & WILD and name != self.moments else None,
        )

    def _by_next_field(self, question: Question, rows: Sequence[Record]) -> Split:
        """An exact value with too many contacts: tell them apart by another field."""
        used = {name for name, _ in question.criteria}
        name = next((one for one in self._order(question) if one not in used), None)
        if name is None:
            return Split(
                incomplete=f"{CAP} or more contacts share the same {', '.join(sorted(used))}: "
                f"Five9 gives only {CAP} of them"
            )
        split = self._by_next_character(
            Question((*question.criteria, (name, "%")), question.empty), rows
        )
        if self.blank_matches(rows):
            split.questions.append(Question((*question.criteria, (name, "")), question.empty))
        elif any(not row.get(name) for row in rows):
            split.incomplete = (
                f"{CAP} or more contacts share a {question.criteria[-1][0]}, and Five9 cannot be "
                f"asked for those of them without {name}"
            )
        return split

    def _ignores_case(self, question: Question, rows: Sequence[Record]) -> bool:
        """Tell, by a value of `rows` that is known; without one, both cases are asked for."""
        *others, (name, _) = question.criteria
        values = (row.get(name) or "" for row in rows)
        known = next((v for v in values if v.isascii() and v.swapcase() != v), None)
        if self.folds is None and known is not None and not WILD & set(known):
            found = self.ask((*others, (name, known.swapcase())))
            self.folds = any(row.get(name) == known for row in found)
        return bool(self.folds)

    def _order(self, question: Question) -> tuple[str, ...]:
        first, pattern = question.criteria[0]
        if first == self.moments:
            return ("number1", "first_name", "last_name", "zip")
        if first in NUMBERS and not pattern:
            return ("number2", "number3", "last_name", "first_name", "zip")
        return ("first_name", "last_name", "zip", "street")


def odd_numbers(rows: Sequence[Record]) -> list[Question]:
    """Return questions for first numbers that hold more than digits.

    Five9 stores digits only, says its manual; imports of long ago may not have.
    """
    seen = {sign for row in rows for sign in row.get("number1") or "" if not sign.isdigit()}
    signs = sorted((set("+(-. #*x") | seen) - WILD)
    return [Question((("number1", f"%{sign}%"),)) for sign in signs]


def is_moment(value: str) -> bool:
    """Whether a DATE_TIME value is written as year, month, day, time of day."""
    return re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?", value) is not None


def _next_of_moment(prefix: str) -> list[str]:
    """Return what may follow the beginning of a DATE_TIME: a digit, after its separator."""
    rest = MOMENT[len(prefix) :]
    separators = rest[: len(rest) - len(rest.lstrip("-: ."))]
    return [separators + digit for digit in DIGITS] if rest else []


def _wild(question: Question) -> str:
    return (
        f"{question.criteria[-1][0]} holds % or _, which Five9 cannot be asked for: contacts of "
        f"that kind may be missing"
    )
