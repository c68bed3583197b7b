-- Views for dashboards, version 2: what docs/dashboards.md charts. They hold no state.

-- Ended runs by day (UTC, of their start or else their creation) and source; skipped ones left
-- out. success_rate is 0 to 1 of those that succeeded, were partial or failed; null when there
-- were none.
CREATE VIEW sync_daily AS
SELECT
    substr(coalesce(started_at, created_at), 1, 10) AS day,
    source,
    count(*) AS runs,
    sum(CASE WHEN status = 'SUCCESS' THEN 1 ELSE 0 END) AS succeeded,
    sum(CASE WHEN status = 'PARTIAL' THEN 1 ELSE 0 END) AS partial,
    sum(CASE WHEN status = 'FAILED' THEN 1 ELSE 0 END) AS failed,
    sum(CASE WHEN status = 'CANCELLED' THEN 1 ELSE 0 END) AS cancelled,
    sum(CASE WHEN status = 'SUCCESS' THEN 1.0 ELSE 0.0 END)
    / nullif(sum(CASE WHEN status IN ('SUCCESS', 'PARTIAL', 'FAILED') THEN 1 ELSE 0 END), 0)
        AS success_rate,
    sum(rows_read) AS rows_read,
    sum(rows_inserted + rows_updated + rows_deleted) AS rows_written,
    sum(rows_rejected) AS rows_rejected,
    sum(values_rejected) AS values_rejected,
    sum(requests) AS requests,
    sum(throttled_seconds) AS throttled_seconds,
    sum((julianday(finished_at) - julianday(coalesce(started_at, created_at))) * 86400.0) AS seconds,
    max(peak_rss_mb) AS peak_rss_mb
FROM sync_runs
WHERE finished_at IS NOT NULL AND status <> 'SKIPPED'
GROUP BY 1, 2;

-- One row per source that ever ended a run: the last outcome, the last success of an incremental
-- or full run, hours since then, living runs, open rejects.
CREATE VIEW sync_sources AS
WITH ended AS (
    SELECT
        source,
        status,
        status_reason,
        finished_at,
        row_number() OVER (PARTITION BY source ORDER BY finished_at DESC, run_id DESC) AS place
    FROM sync_runs
    WHERE finished_at IS NOT NULL AND status <> 'SKIPPED'
),

whole AS (
    SELECT
        source,
        max(finished_at) AS finished_at
    FROM sync_runs
    WHERE status = 'SUCCESS' AND mode <> 'backfill'
    GROUP BY source
),

living AS (
    SELECT
        source,
        count(*) AS runs
    FROM sync_runs
    WHERE finished_at IS NULL
    GROUP BY source
),

open_rejects AS (
    SELECT
        source,
        count(*) AS rejects
    FROM sync_rejects
    WHERE resolved_at IS NULL
    GROUP BY source
)

SELECT
    ended.source,
    ended.status AS last_status,
    ended.status_reason AS last_reason,
    ended.finished_at AS last_finished_at,
    whole.finished_at AS last_success_at,
    (julianday('now') - julianday(whole.finished_at)) * 24.0 AS hours_since_success,
    coalesce(living.runs, 0) AS living,
    coalesce(open_rejects.rejects, 0) AS open_rejects
FROM ended
LEFT JOIN whole ON ended.source = whole.source
LEFT JOIN living ON ended.source = living.source
LEFT JOIN open_rejects ON ended.source = open_rejects.source
WHERE ended.place = 1;

-- One row per stream: how long its runs take (seconds), how fast they are, what the last one
-- found. source_count is what the vendor says it has, where it says.
CREATE VIEW sync_streams AS
WITH ended AS (
    SELECT
        source,
        stream,
        status,
        rows_read,
        source_count,
        warehouse_count,
        finished_at,
        (julianday(finished_at) - julianday(started_at)) * 86400.0 AS seconds,
        row_number() OVER (
            PARTITION BY source, stream ORDER BY finished_at DESC, run_id DESC
        ) AS place
    FROM sync_stream_runs
    WHERE finished_at IS NOT NULL
)

SELECT
    source,
    stream,
    count(*) AS runs,
    avg(seconds) AS average_seconds,
    max(seconds) AS longest_seconds,
    sum(rows_read) AS rows_read,
    sum(rows_read) / nullif(sum(seconds), 0) AS rows_per_second,
    max(CASE WHEN place = 1 THEN status END) AS last_status,
    max(CASE WHEN place = 1 THEN finished_at END) AS last_finished_at,
    max(CASE WHEN place = 1 THEN warehouse_count END) AS warehouse_count,
    max(CASE WHEN place = 1 THEN source_count END) AS source_count
FROM ended
GROUP BY source, stream;

-- Classes of errors by source and stream; stream is null where a run ended outside any stream.
CREATE VIEW sync_errors AS
SELECT
    source,
    stream,
    error_type,
    count(*) AS times,
    min(at) AS first_at,
    max(at) AS last_at
FROM (
    SELECT
        source,
        stream,
        error_type,
        finished_at AS at
    FROM sync_stream_runs
    WHERE error_type IS NOT NULL
    UNION ALL
    SELECT
        source,
        NULL AS stream,
        error_type,
        finished_at AS at
    FROM sync_runs
    WHERE
        error_type IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM sync_stream_runs AS parts
            WHERE parts.run_id = sync_runs.run_id AND parts.error_type IS NOT NULL
        )
) AS errors
GROUP BY source, stream, error_type;

-- Refused values and rows that nothing has settled yet, counted by reason; column_name is null for
-- whole rows.
CREATE VIEW sync_open_rejects AS
SELECT
    source,
    stream,
    column_name,
    reason,
    count(*) AS times,
    min(created_at) AS first_at,
    max(created_at) AS last_at
FROM sync_rejects
WHERE resolved_at IS NULL
GROUP BY source, stream, column_name, reason;
