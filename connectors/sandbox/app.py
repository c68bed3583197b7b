"""A sandbox: vendors, the clock, faults and counts behind one server.

Control paths, all JSON, beside `/<vendor>/...`:

    GET  /__ledger/<vendor>             streams with their counts
    GET  /__ledger/<vendor>/<stream>    entries; `offset`, `limit`, and `records=0` for ids only
    GET  /__stats                       requests by vendor
    POST /__step                        let time pass; `vendor=` for one, `times=`
    GET, POST, DELETE /__faults         rules in force, add, remove all
    GET, POST /__clock                  {"now": iso}, {"advance": seconds} or {"release": true}
    POST /__set/<vendor>                a vendor's own switches, a JSON object
    POST /__reset                       records, faults and counts as they were at the start
"""

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Any, Self

import msgspec

from connectors.sandbox.clock import SETTLE, Clock, iso
from connectors.sandbox.counting import Seen, Statistics
from connectors.sandbox.faults import (
    AS_USUAL,
    Armed,
    Delivery,
    Faults,
    Rule,
    edited,
    made_up,
    read_rules,
)
from connectors.sandbox.ledger import Entry
from connectors.sandbox.messages import Request, Response, json_answer
from connectors.sandbox.server import Listener
from connectors.sandbox.vendors import VENDORS, Adjustable, Service, Vendor, World, build

POLL = 0.02  # seconds in which `stop` is noticed
REMEMBERED = 256  # answers kept for `Rule.repeat`, one per path


class Sandbox:
    """Pretend vendors on a loopback port, from `start` (or entering) to `stop` (or leaving).

    Many can run at once.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        scale: float = 1.0,
        only: Sequence[str] = (),
        port: int = 0,
        now: datetime | None = None,
        settle: timedelta = SETTLE,
    ) -> None:
        """Prepare.

        `only`: vendor names, all when empty; `now` pins the clock; `settle`: see `Clock.stamp`.
        """
        self.clock = Clock(now, settle=settle)
        self.faults = Faults(seed)
        midnight = (
            self.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        )
        self._world = World(seed=seed, scale=scale, clock=self.clock, start=midnight)
        self._names = tuple(only) or tuple(VENDORS)
        self._port = port
        self._listener: Listener | None = None
        self._locks = {name: threading.RLock() for name in self._names}
        self._build()

    def start(self) -> str:
        """Serve in a daemon thread; answers the base URL, without a slash at its end."""
        self._open_services()
        self._listener = Listener(self._port, self._answer)
        threading.Thread(
            target=self._listener.serve_forever, args=(POLL,), daemon=True, name="sandbox"
        ).start()
        return self.base_url

    def stop(self) -> None:
        """End every connection and service."""
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
            self._close_services()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:port`. Raises `RuntimeError` before `start`."""
        if self._listener is None:
            raise RuntimeError("the sandbox is not started")
        return f"http://127.0.0.1:{self._listener.port}"

    def environment(self) -> dict[str, str]:
        """Settings of every vendor that make a client use this sandbox."""
        settings: dict[str, str] = {}
        for name, vendor in self._vendors.items():
            settings |= vendor.environment(f"{self.base_url}/{name}")
        return settings

    def vendor(self, name: str) -> Any:
        """The vendor itself, for what only tests of this process can do with it.

        Raises `KeyError`.
        """
        return self._vendors[name]

    def ledger(self, vendor: str, stream: str) -> list[Entry]:
        """The truth of a stream. Raises `KeyError` for an unknown vendor or stream."""
        with self._locks[vendor]:
            return list(self._vendors[vendor].ledger.entries(stream))

    def stats(self) -> dict[str, Any]:
        """Counts by vendor; see `Statistics.report`."""
        return {name: statistics.report() for name, statistics in self._statistics.items()}

    def requests(self, vendor: str) -> list[Seen]:
        """The latest requests to a vendor, oldest first."""
        return list(self._statistics[vendor].log)

    def step(self, *vendors: str) -> None:
        """Let time pass at these vendors, at all when none is named."""
        for name in vendors or self._names:
            with self._locks[name]:
                self._vendors[name].step()

    def fault(
        self, rule: Rule | None = None, call: Callable[[], object] | None = None, **fields: Any
    ) -> Armed:
        """Make something go wrong: a `Rule`, or its fields.

        `call` runs before the request is answered.
        """
        return self.faults.add(rule or Rule(**fields), call)

    def reset(self) -> None:
        """Records, faults and counts as they were at the start; the clock stays."""
        if self._listener is not None:
            self._close_services()
        self.faults.clear()
        self._build()
        if self._listener is not None:
            self._open_services()

    def _build(self) -> None:
        self._vendors: dict[str, Vendor] = {name: build(name, self._world) for name in self._names}
        self._statistics = {name: Statistics() for name in self._names}
        self._answers: dict[
            tuple[str, str, str], Response
        ] = {}  # the latest of each path, for `repeat`

    def _open_services(self) -> None:
        for vendor in self._vendors.values():
            if isinstance(vendor, Service):
                vendor.open()

    def _close_services(self) -> None:
        for vendor in self._vendors.values():
            if isinstance(vendor, Service):
                vendor.close()

    def _answer(self, request: Request) -> Delivery:
        prefix, _, path = request.path.lstrip("/").partition("/")
        if prefix.startswith("__"):
            return Delivery(response=self._control(prefix, path, request))
        if prefix not in self._vendors:
            return Delivery(
                response=json_answer({"error": f"no vendor {prefix!r} in this sandbox"}, 404)
            )
        return self._ask(
            prefix, replace(request, path=f"/{path}", base_url=f"{self.base_url}/{prefix}")
        )

    def _ask(self, name: str, request: Request) -> Delivery:
        vendor, statistics = self._vendors[name], self._statistics[name]
        armed = self.faults.find(name, request)
        rule = armed.rule if armed else AS_USUAL
        with self._locks[name]:
            endpoint = vendor.endpoint(request)
            statistics.arrive(endpoint)
            if armed and armed.call:
                armed.call()
            if rule.step:
                vendor.step()
            response = made_up(rule, self.clock.now()) or self._handled(vendor, request, rule)
            statistics.leave(
                Seen(
                    method=request.method,
                    path=request.path,
                    target=request.target,
                    endpoint=endpoint,
                    status=0 if rule.reset else response.status,
                )
            )
        return Delivery(response=response, rule=rule)

    def _handled(self, vendor: Vendor, request: Request, rule: Rule) -> Response:
        where = (vendor.name, request.method, request.path)
        if rule.repeat and where in self._answers:
            return self._answers[where]
        try:
            response = vendor.handle(request)
        except Exception as error:  # noqa: BLE001 - a defect of the sandbox must show in its counts, not as a hung client
            self._statistics[vendor.name].defects.append("".join(traceback.format_exception(error)))
            return json_answer({"error": f"sandbox defect: {error!r}"}, 500)
        if len(self._answers) >= REMEMBERED:
            self._answers.pop(next(iter(self._answers)))
        self._answers[where] = response
        return edited(rule, response) if rule.edit or rule.headers else response

    def _control(self, name: str, path: str, request: Request) -> Response:
        actions: dict[str, Callable[[str, Request], object]] = {
            "__ledger": self._show_ledger,
            "__stats": lambda _path, _request: self.stats(),
            "__step": self._do_step,
            "__faults": self._do_faults,
            "__clock": self._do_clock,
            "__set": self._do_set,
            "__reset": lambda _path, _request: self.reset(),
        }
        if name not in actions:
            return json_answer({"error": f"unknown control path {name}"}, 404)
        try:
            return json_answer(actions[name](path, request))
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            return json_answer({"error": f"{type(error).__name__}: {error}"}, 400)

    def _show_ledger(self, path: str, request: Request) -> object:
        vendor, _, stream = path.strip("/").partition("/")
        truth = self._vendors[vendor].ledger
        with self._locks[vendor]:
            if not stream:
                return {name: sum(1 for _ in truth.entries(name)) for name in truth.streams()}
            offset, limit = (
                int(request.query.get("offset", 0)),
                int(request.query.get("limit", 2**62)),
            )
            entries = islice(truth.entries(stream), offset, min(offset + limit, 2**62))
            if request.query.get("records") == "0":
                return [
                    {"id": entry.id, "version": entry.version, "deleted": entry.deleted}
                    for entry in entries
                ]
            return list(entries)

    def _do_step(self, _path: str, request: Request) -> object:
        vendors = request.queries.get("vendor", [])
        for _ in range(int(request.query.get("times", 1))):
            self.step(*vendors)
        return {"now": iso(self.clock.now())}

    def _do_faults(self, _path: str, request: Request) -> object:
        if request.method == "POST":
            for rule in read_rules(request.body):
                self.faults.add(rule)
        elif request.method == "DELETE":
            self.faults.clear()
        return self.faults.report()

    def _do_set(self, path: str, request: Request) -> object:
        vendor = self._vendors[path]
        if not isinstance(vendor, Adjustable):
            raise ValueError(f"{path} has no switches")  # noqa: TRY004 - answered as a bad request
        with self._locks[path]:
            vendor.adjust(request.json())
        return {"set": path}

    def _do_clock(self, _path: str, request: Request) -> object:
        if request.method == "POST":
            wish = request.json()
            if "now" in wish:
                self.clock.pin(datetime.fromisoformat(wish["now"]))
            if "advance" in wish:
                self.clock.advance(timedelta(seconds=float(wish["advance"])))
            if wish.get("release"):
                self.clock.release()
        return {"now": iso(self.clock.now())}
