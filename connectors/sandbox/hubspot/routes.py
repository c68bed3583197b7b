"""Reading a path of either dialect: `crm/v3/objects/deals` or `crm/objects/2026-09/deals`."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

DATED = frozenset({"2026-03", "2026-09"})
VERSIONS = frozenset({"v1", "v3", "v4"}) | DATED
LONE = frozenset({"oauth", "account-info", "crm-object-schemas"})  # APIs not below `crm`


@dataclass(frozen=True, slots=True)
class Route:
    """A path without its version; `parts` is empty when the path exists in no dialect."""

    version: str
    parts: tuple[str, ...]
    endpoint: str

    @classmethod
    @lru_cache(maxsize=4096)
    def of(cls, path: str) -> Self:
        """Split a path."""
        match path.strip("/").split("/"):
            case ["crm", "v3" | "v4" as version, *rest]:
                parts = ("crm", *rest)
            case ["crm", api, version, *rest] if version in DATED:
                parts = ("crm", api, *rest) if api != "schemas" else ()
            case ["crm", "objects", "v3" as version, *rest]:
                parts = ("crm", "objects", *rest)  # the one v3 API written this way: appointments
            case [api, version, *rest] if api in LONE and version in VERSIONS:
                parts = ("crm", *rest) if api == "crm-object-schemas" else (api, *rest)
            case _:
                version, parts = "", ()
        links = "associations" in parts
        if (version == "v4" and not links) or (version == "v3" and links):
            parts = ()  # associations are v4 where everything else is v3
        return cls(version, parts, _endpoint(parts))


def _endpoint(parts: tuple[str, ...]) -> str:  # noqa: PLR0911 - a table of paths
    match parts:
        case ("oauth" as lone, *_):
            return lone
        case ("account-info", *_):
            return "account"
        case ("crm", "associations", *_, "labels"):
            return "labels"
        case ("crm", *rest) if "associations" in rest:
            return "associations"
        case ("crm", "objects", _, "search"):
            return "search"
        case ("crm", "objects", _, "batch", "read"):
            return "batch_read"
        case ("crm", "objects", _):
            return "list"
        case ("crm", "objects", _, _):
            return "object"
        case ("crm", api, *_):
            return api
        case _:
            return "unknown"
