"""Serve the pretend vendors: `python -m connectors.sandbox`.

Prints the environment that makes clients use them, as `export NAME=value` lines, then a line
`ready`, and serves until it is told to stop (SIGTERM or SIGINT).
"""

import argparse
import shlex
import signal
import sys
from datetime import datetime
from pathlib import Path

import msgspec

from connectors.sandbox.app import Sandbox
from connectors.sandbox.faults import Rule, read_rules
from connectors.sandbox.vendors import VENDORS

STOPPING = {signal.SIGTERM, signal.SIGINT}


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; 2 when the arguments are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox", description="Pretend vendors on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same records")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the number of records")
    parser.add_argument(
        "--only", type=vendor_names, default=(), help=f"some of {','.join(VENDORS)}"
    )
    parser.add_argument("--faults", type=rules_of_file, default=(), help="JSON file of fault rules")
    parser.add_argument(
        "--clock", type=instant, default=None, help="pin the clock at this instant (ISO, with zone)"
    )
    options = parser.parse_args(arguments)
    # Waited for, not handled: two at once deadlock a handler that sets an event. Threads that
    # begin later leave them alone too, and a shell's background has SIGINT ignored until here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    sandbox = Sandbox(
        seed=options.seed,
        scale=options.scale,
        only=options.only,
        port=options.port,
        now=options.clock,
    )
    for rule in options.faults:
        sandbox.fault(rule)
    with sandbox:
        lines = [
            f"export {name}={shlex.quote(value)}" for name, value in sandbox.environment().items()
        ]
        sys.stdout.write("\n".join([*lines, "ready", ""]))
        sys.stdout.flush()
        signal.sigwait(STOPPING)
    return 0


def vendor_names(text: str) -> tuple[str, ...]:
    """Names of a comma list. Raises `ArgumentTypeError` for one that is not there."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := set(names) - set(VENDORS):
        raise argparse.ArgumentTypeError(
            f"no vendor {', '.join(sorted(unknown))}; there are {', '.join(VENDORS)}"
        )
    return names


def rules_of_file(path: str) -> list[Rule]:
    """Rules of a JSON file. Raises `ArgumentTypeError` when it cannot be read."""
    try:
        return read_rules(Path(path).read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from error


def instant(text: str) -> datetime:
    """An aware instant. Raises `ArgumentTypeError` without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text}: needs a zone, for example a Z at the end")
    return moment


if __name__ == "__main__":
    sys.exit(main())
