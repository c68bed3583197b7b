"""The smallest vendor there can be: what the sandbox's docstring promises is enough."""

from connectors.sandbox import Ledger, Request, Response, World, iso, json_answer


class Toy:
    """Things with an id and a time."""

    name = "toy"

    def __init__(self, world: World) -> None:
        self._world = world
        self.ledger = Ledger("things")
        self.opened = False
        dice = world.random("toy", "things")
        for number in range(world.count(3)):
            self.ledger["things"].put(str(number), {"made": iso(world.before_start(dice))})

    def open(self) -> None:
        """Start what is not HTTP."""
        self.opened = True

    def close(self) -> None:
        """Stop it."""
        self.opened = False

    def environment(self, base_url: str) -> dict[str, str]:
        """Where it is."""
        return {"TOY_BASE_URL": base_url}

    def endpoint(self, request: Request) -> str:
        """One class."""
        return "things"

    def handle(self, request: Request) -> Response:
        """All things, with what was asked; a path that no client should use."""
        if request.path == "/broken":
            raise LookupError("no such thing")
        return json_answer(
            {
                "things": self.ledger["things"].live(),
                "asked": [request.method, request.path, request.queries, request.body.decode()],
                "next": f"{request.base_url}/more",
            }
        )

    def step(self) -> None:
        """One thing changes, one goes, one comes."""
        things = self.ledger["things"]
        first, second, *_ = things.live_keys()
        things.put(first, {"made": iso(self._world.clock.stamp())})
        things.delete(second)
        things.put(str(len(things)), {"made": iso(self._world.clock.stamp())})
