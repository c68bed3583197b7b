"""The fleet page in markdown: figures on top, a row per source, what runs, who has to act.

Narrow on purpose: Prefect's UI sets markdown in a column of 65 characters, so cells have two
lines. The trend is drawn in block characters: they look alike in both of its UIs and in a
terminal, and a page every ten minutes does not fill Prefect's database with pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from connectors.secrets import scrub
from connectors.warehouse import history
from flows import words
from flows.reports import advice, escaped, run_url, table

MARKS = {
    "fresh": "✔ fresh",
    "late": "● late",
    "failed": "✗ failed",
    "partial": "! partial",
    "never ran": "○ never ran",
    "off": "○ off",
}
NARROW = "\N{NO-BREAK SPACE}"  # keeps a figure and its unit on one line
COLUMNS = ("source", "last success", "last run", "trend", "rejects", "requests in 24 h", "next run")
LEGEND = (
    "Late: no success for two intervals of its schedule (a day where none is known). Trend: the "
    "last runs, the height is rows read (logarithmic), `!` partial, `✗` failed or cancelled. "
    "Requests: ours alone; other applications of the account count on top."
)


def markdown(found: Mapping[str, Sequence[history.Row]]) -> str:
    """Write the page. Text of vendors and settings is escaped, secrets are scrubbed."""
    sources, running = found["sources"], found["running"]
    lines = ["# Fleet", "", *figures(sources), ""]
    lines += [*table(COLUMNS, map(_cells, sources)), "", "## Running now", ""]
    lines += [_running(row) for row in running] or ["Nothing."]
    if acts := list(_to_do(sources)):
        lines += ["", "## Somebody has to act", "", *acts]
    return scrub("\n".join([*lines, "", LEGEND]))


def figures(sources: Sequence[history.Row]) -> list[str]:
    """Return the figures of the whole fleet as a table of one row."""
    states = Counter(str(row["state"]) for row in sources)
    return table(
        ("fresh", "late", "failed", "partial", "runs in 24 h", "rows today", "rejects open"),
        [
            (
                *(f"**{states[name]}**" for name in ("fresh", "late", "failed", "partial")),
                f"{sum(row['runs_day'] for row in sources):,}",
                f"{sum(row['rows_today'] for row in sources):,}",
                f"{sum(row.get('rejects_open', 0) for row in sources):,}",
            )
        ],
    )


def budget(row: history.Row) -> tuple[str, str]:
    """Say how many requests were used and, where the vendor counts the day, of how many."""
    used, granted = row["requests_day"], row["daily_requests"]
    return f"{used:,}", f"{used / granted:.0%} of {granted:,}" if granted else ""


def due(row: history.Row) -> tuple[str, str]:
    """Say when a source runs next and how often it does."""
    every = f"every {words.span(row['every_seconds'])}" if row["every_seconds"] else ""
    when = f"{row['next_run_at']:%m-%d %H:%M} UTC" if row["next_run_at"] else "not scheduled"
    return when, every


def _cells(row: history.Row) -> list[str]:
    last = ("", "")
    if "last_rows" in row:
        last = (f"{row['last_rows']:,}{NARROW}rows", f"in {words.span(row['last_seconds'])}")
    return [
        _two(_linked(str(row["title"]), row.get("last_run_id")), MARKS[row["state"]]),
        _two(_linked(words.ago(row.get("last_success_age")), row.get("last_success_run_id")), ""),
        _two(*last),
        row["trend"],
        f"{row.get('rejects_open', 0):,}",
        _two(*budget(row)),
        _two(*due(row)),
    ]


def _two(first: str, second: str) -> str:
    return f"{first}<br>{second}" if second else first


def _linked(text: str, run_id: str | None) -> str:
    url = run_url(run_id) if run_id else None
    return f"[{escaped(text)}]({url})" if url else escaped(text)


def _running(row: history.Row) -> str:
    name = _linked(f"{row['source']} {row['mode']}", row["run_id"])
    where = words.place(
        row["stream"], row["stream_rows"] or 0, row["total"], row["stream_seconds"] or 0.0
    )
    return (
        f"- {name}: {row['status']}, {escaped(where)}, {row['rss_mb'] or 0:.0f} MiB, "
        f"last beat {words.ago(row['beat_age'])}"
    )


def _to_do(sources: Sequence[history.Row]) -> Iterator[str]:
    for row in sources:
        if row["state"] not in {"failed", "partial"}:
            continue
        said = escaped(row["last_reason"] or "no reason is known")
        step = advice(row["last_status"], row["last_error_type"])
        yield f"- **{escaped(str(row['title']))}**: {said}" + (f" **{step}**" if step else "")
