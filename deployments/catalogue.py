"""The catalogue of sources and streams, written from the registry into README and docs.

`make docs` writes it, `make check` fails when it is out of date.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from connectors.model import Source, Stream
from connectors.registry import SOURCES
from connectors.settings import variables


def overview() -> str:
    """Return the README's table: a row per source."""
    lines = ["| source | streams | how a run starts | gate |", "|---|---|---|---|"]
    for source in SOURCES.values():
        names = [stream.name for stream in source.streams]
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")  # noqa: PLR2004 - a row of the table
        gate = f"`ENABLE_{source.name.upper()}`" + (
            "" if source.enabled_by_default else ", off by default"
        )
        start = f"`prefect deployment run 'sync-source/{source.name}'`"
        lines.append(f"| {source.title} | {shown} | {start} | {gate} |")
    return "\n".join(lines)


def streams() -> str:
    """Return the page of all streams and settings."""
    return "\n".join(line for source in SOURCES.values() for line in _of(source))


def _of(source: Source) -> Iterator[str]:
    yield f"\n## {source.title}\n"
    yield "| stream | key | incremental | deletions | what an incremental run sees |"
    yield "|---|---|---|---|---|"
    for stream in source.streams:
        name = f"`{source.name}_{stream.name}`"
        key = ", ".join(stream.key)
        note = " Only when asked for." if stream.optional else ""
        yield (
            f"| {name} | {key} | {_incremental(stream)} | {stream.deletes.value} |"
            f" {_cell(stream.sees)}{note} |"
        )
    yield "\n| setting | meaning |"
    yield "|---|---|"
    for variable, field in variables(source.settings).items():
        yield f"| `{variable}` | {_cell(field.description or '')} |"


def _incremental(stream: Stream) -> str:
    if stream.window is None:
        return "by the source's own cursor, or whole"
    return f"by time: {_span(stream.window.lookback)} back, {_span(stream.window.lag)} behind now"


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    for size, unit in ((1_440, "d"), (60, "h")):
        if minutes and minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
