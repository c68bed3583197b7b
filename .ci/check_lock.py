"""Fail when a lock file no longer fits pyproject.toml. Needs no network."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;[^\\]*)? \\\n((?:    --hash=.*\n)+)", re.MULTILINE
)


def pins(lock: str) -> dict[str, str]:
    """Name to version of every pinned package that has hashes."""
    return {canonicalize_name(name): version for name, version, _ in PIN.findall(lock)}


def faults(requirements: Mapping[str, list[str]], locks: Mapping[str, str]) -> Iterator[str]:
    """What is wrong, a sentence each. Both arguments are keyed by lock file name."""
    pinned = {name: pins(text) for name, text in locks.items()}
    for name, text in locks.items():
        for line in text.splitlines():
            if (
                re.match(r"[A-Za-z0-9]", line)
                and canonicalize_name(line.split("==")[0]) not in pinned[name]
            ):
                yield f"{name}: not a pin with hashes: {line}"
            if line.startswith("-") or "://" in line:
                yield f"{name}: names an index or a host: {line}"
        for wanted in map(Requirement, requirements[name]):
            version = pinned[name].get(canonicalize_name(wanted.name))
            if version is None or not wanted.specifier.contains(version, prereleases=True):
                yield f"{name}: pyproject.toml wants {wanted}, locked is {version}"
    run, dev = pinned.values()
    for package, version in run.items():
        if dev.get(package) != version:
            yield f"{package}: {version} to run, {dev.get(package)} to test"


def main() -> int:
    """Check the two lock files of this repository; 1 when they do not fit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    run = [*project["project"]["dependencies"], *groups["build"]]
    requirements = {"requirements.lock": run, "requirements-dev.lock": [*run, *groups["dev"]]}
    locks = {name: (ROOT / name).read_text() for name in requirements}
    found = list(faults(requirements, locks))
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        print("Run `make lock` and commit the two lock files.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
