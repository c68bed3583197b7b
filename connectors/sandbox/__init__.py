"""Pretend vendors that speak the real wire protocols, for tests, benchmarks and the demo.

The sandbox imports nothing of the connectors, so that no misreading of a vendor can be shared by
both sides.

    with Sandbox(seed=7, only=["hubspot"]) as sandbox:
        os.environ.update(sandbox.environment())
        sandbox.fault(vendor="hubspot", path="/search$", nth=3, status=429, retry_after=1)
        ...                                          # run a sync
        sandbox.step()                               # time passes, records change
        truth = sandbox.ledger("hubspot", "contacts")

As a process: `python -m connectors.sandbox`. Control paths: see `app`.

How to add a vendor: write `connectors/sandbox/<vendor>.py` (or a package) with a class, and add a
line to `vendors.VENDORS`. The class fulfils `vendors.Vendor`:

    class CallRail:
        name = "callrail"

        def __init__(self, world: World) -> None:
            self._world = world
            self.ledger = Ledger("calls", "companies")    # a `Records` per stream
            dice = world.random("callrail", "calls")      # seeded by purpose
            for number in range(world.count(300)):        # scaled
                record = {"id": f"CAL{number}", "start_time": iso(world.before_start(dice))}
                self.ledger["calls"].put(record["id"], record)

        def environment(self, base_url: str) -> dict[str, str]:
            return {"CALLRAIL_BASE_URL": base_url, "CALLRAIL_API_KEY": "sandbox-callrail-key"}

        def endpoint(self, request: Request) -> str: ...  # "calls": its class in the statistics
        def handle(self, request: Request) -> Response: ...
        def step(self) -> None: ...  # put and delete records, stamped by world.clock.stamp()

- `request`: `method`, `path` (without the vendor's prefix, decoded), `query` (last values),
  `queries` (all values), `headers` (lower-case names), `body`, `json()`, `form`, `target` (as
  sent), `base_url` (for links in answers).
- Answers: `json_answer(value, status, headers)`, `html_answer(status, title)`, or
  `Response(status=, body=, headers=, content_type=)`.
- Calls to one vendor (`handle`, `step`, reads of its ledger) never overlap: no locks are needed.
  Random choices come from `world.random(purpose...)` only; first records lie before `world.start`
  (`world.before_start(dice, days)`), and `world.clock.now()` is the time to compare with.
- A vendor with another protocol than HTTP also has `open()` and `close()` (`vendors.Service`).
- A ledger record is what a client sees at this moment; an `Entry` has `id`, `version`, `deleted`,
  `record`. A vendor of very many records may offer its own `Truth` instead of a `Ledger`.
- `Rolling` counts events in a rolling window, for rate limits. Limits are off unless the vendor's
  attributes are set: `sandbox.vendor("callrail").limits = ...`. A vendor with
  `adjust(settings)` can be set the same way from another process (`vendors.Adjustable`).
"""

from connectors.sandbox.app import Sandbox
from connectors.sandbox.clock import Clock, epoch_ms, iso
from connectors.sandbox.counting import Rolling, Seen
from connectors.sandbox.faults import Rule
from connectors.sandbox.ledger import Entry, Ledger, Records, Truth
from connectors.sandbox.messages import Request, Response, html_answer, json_answer
from connectors.sandbox.vendors import VENDORS, Service, Vendor, World

__all__ = [
    "VENDORS",
    "Clock",
    "Entry",
    "Ledger",
    "Records",
    "Request",
    "Response",
    "Rolling",
    "Rule",
    "Sandbox",
    "Seen",
    "Service",
    "Truth",
    "Vendor",
    "World",
    "epoch_ms",
    "html_answer",
    "iso",
    "json_answer",
]
