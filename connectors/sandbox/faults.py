"""What goes wrong next, said as data.

A rule picks requests (vendor, method, path, which of the matching ones) and says what happens to
them. Rules are tried in the order they were set; the first that acts on a request is the only one
that does. As JSON, for `/__faults` and `--faults`, a rule is an object with the names of `Rule`'s
fields.
"""

import random
import re
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec

from connectors.sandbox.messages import Request, Response, html_answer

Retry = Literal["seconds", "date"]


class Rule(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which requests to trouble, and how.

    Without `status`, `body`, `html` or `bomb` the vendor answers as usual, and its answer is
    then edited, cut or delayed.
    """

    # which requests
    vendor: str | None = None  # None: any
    method: str | None = None
    path: str = ""  # regular expression searched in the path without the vendor's prefix
    contains: str = ""  # text that the URL with its query, or the body, must contain
    nth: int = 1  # acts from the nth matching request on, counted since the rule was set
    times: int | None = 1  # on that many of them; None: until removed
    share: float = 1.0  # on each with this probability (seeded)

    # what the answer is
    status: int | None = None
    headers: dict[str, str] = {}  # added to whatever is answered
    body: str | None = None
    html: bool = False  # an HTML error page with that status
    retry_after: float | None = None  # seconds
    retry_after_form: Retry = "seconds"  # or the same as an HTTP date
    repeat: bool = False  # the answer before, of the same vendor, method and path, once more
    edit: tuple[str, str] | None = None  # regular expression and replacement, over the whole body
    bomb: int | None = None  # gzip of that many bytes of spaces

    # how it travels
    latency: float = 0.0  # seconds before anything is sent
    cut: float | None = (
        None  # this share of the body (0 to 1), then the connection ends; the header promised all
    )
    stall: float = 0.0  # seconds of silence in the middle of the body
    drip: float = 0.0  # seconds between single bytes of the body
    reset: Literal["before", "headers"] | None = (
        None  # TCP reset before a byte is sent, or after the headers
    )

    # what happens at the vendor before it answers
    step: bool = False  # records change between two pages of a reader


AS_USUAL = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An answer and how it is to travel."""

    response: Response
    rule: Rule = AS_USUAL


class Armed:
    """A rule in force, with its counts and, from tests in the same process.

    Something to call first.
    """

    def __init__(self, rule: Rule, call: Callable[[], object] | None, dice: random.Random) -> None:
        self.rule = rule
        self.call = call
        self.matched = 0
        self.acted = 0
        self._dice = dice
        self._path = re.compile(rule.path)

    def acts_on(self, vendor: str, request: Request) -> bool:
        """Whether the rule acts on this request; counts it."""
        rule = self.rule
        if rule.vendor not in {None, vendor} or rule.method not in {None, request.method}:
            return False
        if not self._path.search(request.path):
            return False
        if (
            rule.contains
            and rule.contains not in request.target
            and rule.contains.encode() not in request.body
        ):
            return False
        self.matched += 1
        if self.matched < rule.nth or (rule.times is not None and self.acted >= rule.times):
            return False
        if rule.share < 1 and self._dice.random() >= rule.share:
            return False
        self.acted += 1
        return True


class Faults:
    """The rules in force. Safe to share by threads."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._armed: list[Armed] = []

    def add(self, rule: Rule, call: Callable[[], object] | None = None) -> Armed:
        """Put a rule in force."""
        dice = random.Random(f"{self._seed}:faults:{len(self._armed)}")  # noqa: S311 - pretend trouble
        armed = Armed(rule, call, dice)
        with self._lock:
            self._armed.append(armed)
        return armed

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._armed.clear()

    def find(self, vendor: str, request: Request) -> Armed | None:
        """The rule that acts on this request, if any."""
        with self._lock:
            return next((armed for armed in self._armed if armed.acts_on(vendor, request)), None)

    def report(self) -> list[dict[str, Any]]:
        """Rules with how often they matched and acted."""
        with self._lock:
            return [
                {
                    "rule": msgspec.to_builtins(armed.rule),
                    "matched": armed.matched,
                    "acted": armed.acted,
                }
                for armed in self._armed
            ]


def read_rules(text: bytes) -> list[Rule]:
    """Rules of a JSON text: one object or a list.

    Raises `msgspec.ValidationError` or `DecodeError`.
    """
    rules = msgspec.json.decode(text, type=Rule | list[Rule])
    return [rules] if isinstance(rules, Rule) else rules


def made_up(rule: Rule, now: datetime) -> Response | None:
    """The answer that a rule gives instead of the vendor's, if it gives one."""
    headers = dict(rule.headers)
    if rule.retry_after is not None:
        at = format_datetime(now + timedelta(seconds=rule.retry_after), usegmt=True)
        headers["Retry-After"] = at if rule.retry_after_form == "date" else f"{rule.retry_after:g}"
    if rule.bomb is not None:
        headers["Content-Encoding"] = "gzip"
        return Response(status=rule.status or 200, body=_bomb(rule.bomb), headers=headers)
    if rule.html:
        return html_answer(rule.status or 200, "Something went wrong", headers)
    if rule.status is None and rule.body is None:
        return None
    return Response(status=rule.status or 200, body=(rule.body or "").encode(), headers=headers)


def edited(rule: Rule, response: Response) -> Response:
    """The vendor's answer after a rule's edits."""
    body = response.body
    if rule.edit is not None:
        pattern, text = rule.edit
        body = re.sub(pattern.encode(), text.encode(), body)
    return replace(response, body=body, headers={**response.headers, **rule.headers})


@lru_cache(maxsize=4)
def _bomb(size: int) -> bytes:
    """`size` spaces, gzipped piece by piece so that the sandbox itself stays small."""
    packer, piece = zlib.compressobj(wbits=16 + zlib.MAX_WBITS), b" " * 1_048_576
    packed = [packer.compress(piece) for _ in range(size // len(piece))]
    packed += [packer.compress(piece[: size % len(piece)]), packer.flush()]
    return b"".join(packed)
