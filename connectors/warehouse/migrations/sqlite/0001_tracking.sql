-- Tracking tables of crm-sync, version 1.
-- Times are text, UTC, YYYY-MM-DDTHH:MM:SS.ffffffZ, set by SQLite's clock; JSON is text.

-- Which migrations this warehouse has seen.
CREATE TABLE sync_schema_version (
    version INTEGER NOT NULL PRIMARY KEY,  -- number of the migration file
    applied_at TEXT NOT NULL  -- UTC
) STRICT;

-- One row per sync run. Times are UTC, set by the database's clock.
CREATE TABLE sync_runs (
    run_id TEXT NOT NULL PRIMARY KEY,  -- the Prefect flow-run id
    source TEXT NOT NULL,  -- the vendor, lower case
    mode TEXT NOT NULL,  -- incremental, full or backfill
    status TEXT NOT NULL,  -- PENDING waits for its slot; the last five are final
    status_reason TEXT,  -- one sentence: why this status
    streams TEXT NOT NULL,  -- names asked for; an empty list means all
    parameters TEXT NOT NULL,  -- of the flow; never a credential
    deployment TEXT,  -- name of the Prefect deployment, null for a run from a shell
    flow_run_name TEXT,  -- as Prefect's UI shows it
    attempt INTEGER NOT NULL DEFAULT 1,  -- counted from 1
    host TEXT,  -- machine of the run's process
    pid INTEGER,  -- process id on that machine
    fence INTEGER,  -- number of the source's lock while this run held it
    created_at TEXT NOT NULL,  -- when the run was known first, UTC
    started_at TEXT,  -- when it got its slot, UTC
    heartbeat_at TEXT,  -- last sign of life, UTC
    finished_at TEXT,  -- when the status became final, UTC
    rows_read INTEGER NOT NULL DEFAULT 0,  -- records the vendor sent; the sum of the next five
    rows_inserted INTEGER NOT NULL DEFAULT 0,  -- rows that were new
    rows_updated INTEGER NOT NULL DEFAULT 0,  -- rows that changed
    rows_unchanged INTEGER NOT NULL DEFAULT 0,  -- rows already as sent, not rewritten
    rows_superseded INTEGER NOT NULL DEFAULT 0,  -- older versions and doubles within the read
    rows_rejected INTEGER NOT NULL DEFAULT 0,  -- rows refused whole, kept in sync_rejects
    rows_deleted INTEGER NOT NULL DEFAULT 0,  -- rows marked as deleted; not part of rows_read
    rows_damaged INTEGER NOT NULL DEFAULT 0,  -- rows stored without at least one of their values
    values_rejected INTEGER NOT NULL DEFAULT 0,  -- single values stored as null, kept in sync_rejects
    requests INTEGER NOT NULL DEFAULT 0,  -- requests sent to the vendor, repeats included
    retries INTEGER NOT NULL DEFAULT 0,  -- of which were repeats
    throttled_seconds REAL NOT NULL DEFAULT 0,  -- seconds spent waiting for a rate limit
    rss_mb REAL,  -- resident memory at the last beat, MB
    peak_rss_mb REAL,  -- highest resident memory so far, MB
    error_type TEXT,  -- class of the error that ended the run
    error_message TEXT,  -- its message, secrets removed
    resumed_from TEXT,  -- run whose unfinished read this one continued
    CONSTRAINT sync_runs_mode CHECK (mode IN ('incremental', 'full', 'backfill')),
    CONSTRAINT sync_runs_status CHECK (status IN (
        'PENDING', 'RUNNING', 'SUCCESS', 'PARTIAL', 'FAILED', 'CANCELLED', 'SKIPPED'
    )),
    CONSTRAINT sync_runs_final_when_finished CHECK (
        (status IN ('PENDING', 'RUNNING')) = (finished_at IS NULL)
    ),
    CONSTRAINT sync_runs_running_when_started CHECK (status <> 'RUNNING' OR started_at IS NOT NULL),
    CONSTRAINT sync_runs_counts_add_up CHECK (
        rows_read = rows_inserted + rows_updated + rows_unchanged + rows_superseded + rows_rejected
    )
) STRICT;

-- What one run did with one stream. Times are UTC.
CREATE TABLE sync_stream_runs (
    run_id TEXT NOT NULL,  -- the run
    source TEXT NOT NULL,  -- the vendor
    stream TEXT NOT NULL,  -- the kind of record
    status TEXT NOT NULL,  -- same words as sync_runs.status
    rows_read INTEGER NOT NULL DEFAULT 0,  -- records the vendor sent; the sum of the next five
    rows_inserted INTEGER NOT NULL DEFAULT 0,  -- rows that were new
    rows_updated INTEGER NOT NULL DEFAULT 0,  -- rows that changed
    rows_unchanged INTEGER NOT NULL DEFAULT 0,  -- rows already as sent, not rewritten
    rows_superseded INTEGER NOT NULL DEFAULT 0,  -- older versions and doubles within the read
    rows_rejected INTEGER NOT NULL DEFAULT 0,  -- rows refused whole, kept in sync_rejects
    rows_deleted INTEGER NOT NULL DEFAULT 0,  -- rows marked as deleted; not part of rows_read
    rows_damaged INTEGER NOT NULL DEFAULT 0,  -- rows stored without at least one of their values
    values_rejected INTEGER NOT NULL DEFAULT 0,  -- single values stored as null, kept in sync_rejects
    cursor_before TEXT,  -- live cursor when the stream was opened
    cursor_after TEXT,  -- live cursor when it ended
    source_count INTEGER,  -- records the vendor says it has; null where it does not say
    warehouse_count INTEGER,  -- live rows in the warehouse when the stream ended
    requests INTEGER NOT NULL DEFAULT 0,  -- requests sent to the vendor for this stream
    started_at TEXT NOT NULL,  -- UTC
    finished_at TEXT,  -- UTC
    error_type TEXT,  -- class of the error that ended the stream
    error_message TEXT,  -- its message, secrets removed
    notes TEXT NOT NULL,  -- sentences for the run report
    PRIMARY KEY (run_id, stream),
    FOREIGN KEY (run_id) REFERENCES sync_runs (run_id) ON DELETE CASCADE,
    CONSTRAINT sync_stream_runs_status CHECK (status IN (
        'PENDING', 'RUNNING', 'SUCCESS', 'PARTIAL', 'FAILED', 'CANCELLED', 'SKIPPED'
    )),
    CONSTRAINT sync_stream_runs_final_when_finished CHECK (
        (status IN ('PENDING', 'RUNNING')) = (finished_at IS NULL)
    ),
    CONSTRAINT sync_stream_runs_counts_add_up CHECK (
        rows_read = rows_inserted + rows_updated + rows_unchanged + rows_superseded + rows_rejected
    )
) STRICT;

-- Where each stream goes on. Written in the transaction of the rows it covers.
CREATE TABLE sync_checkpoints (
    source TEXT NOT NULL,  -- the vendor
    stream TEXT NOT NULL,  -- the kind of record
    cursor TEXT,  -- live cursor of incremental reads; null: nothing complete yet, read everything
    reads TEXT NOT NULL,  -- unfinished reads by mode: bounds, start and last committed position
    state_version INTEGER NOT NULL,  -- format of cursor and reads
    run_id TEXT NOT NULL,  -- run that wrote this
    updated_at TEXT NOT NULL,  -- UTC
    PRIMARY KEY (source, stream)
) STRICT;

-- Which run may write a source. The row stays, so that its fence only ever grows.
CREATE TABLE sync_locks (
    source TEXT NOT NULL PRIMARY KEY,  -- the vendor
    run_id TEXT,  -- holder; null: free
    fence INTEGER NOT NULL,  -- raised each time the lock is taken; a writer with an older one is refused
    acquired_at TEXT  -- when the holder took it, UTC
) STRICT;

-- Values and rows that were refused, kept until they are resolved.
CREATE TABLE sync_rejects (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,  -- run that met it; it may be pruned before this row
    source TEXT NOT NULL,  -- the vendor
    stream TEXT NOT NULL,  -- the kind of record
    key TEXT,  -- key of the record as JSON text, null when the record has none
    column_name TEXT,  -- null: the whole row was refused
    value TEXT,  -- the refused value
    reason TEXT NOT NULL,  -- why it could not be stored
    raw TEXT,  -- the record as the vendor sent it, JSON; text because a refused record may not fit jsonb
    created_at TEXT NOT NULL,  -- UTC
    resolved_at TEXT,  -- when a replay or a later sighting settled it, UTC; null: open
    resolved_by TEXT  -- run that settled it
) STRICT;

-- How a vendor's field names became columns.
CREATE TABLE sync_columns (
    source TEXT NOT NULL,  -- the vendor
    stream TEXT NOT NULL,  -- the kind of record
    name TEXT NOT NULL,  -- the vendor's name of the field
    column_name TEXT NOT NULL,  -- name of the column
    type TEXT NOT NULL,  -- what the column holds, in the words of connectors.model.FieldType
    origin TEXT NOT NULL,  -- who named the type: the vendor, our declaration, or inference
    overflow INTEGER NOT NULL CHECK (overflow IN (0, 1)),  -- true: no column of its own, kept in _extra
    first_seen_at TEXT NOT NULL,  -- UTC
    last_seen_at TEXT NOT NULL,  -- UTC
    PRIMARY KEY (source, stream, name),
    UNIQUE (source, stream, column_name),
    CONSTRAINT sync_columns_origin CHECK (origin IN ('vendor', 'declared', 'inferred'))
) STRICT;

-- Signs of life, kept as long as their run.
CREATE TABLE sync_heartbeats (
    run_id TEXT NOT NULL,  -- the run
    at TEXT NOT NULL,  -- UTC
    rss_mb REAL,  -- resident memory, MB
    rows INTEGER,  -- rows committed by the run so far
    stream TEXT,  -- stream being read
    page INTEGER,  -- pages read of that stream so far
    PRIMARY KEY (run_id, at),
    FOREIGN KEY (run_id) REFERENCES sync_runs (run_id) ON DELETE CASCADE
) STRICT;

CREATE INDEX sync_runs_by_source ON sync_runs (source, created_at);
CREATE INDEX sync_runs_by_time ON sync_runs (created_at);
CREATE INDEX sync_runs_living ON sync_runs (source) WHERE status IN ('PENDING', 'RUNNING');
CREATE INDEX sync_stream_runs_by_stream ON sync_stream_runs (source, stream, started_at);
CREATE INDEX sync_rejects_open ON sync_rejects (source, stream) WHERE resolved_at IS NULL;
CREATE INDEX sync_rejects_by_run ON sync_rejects (run_id);

-- What the platform before this one called its runs: one row per run and stream, so that
-- its reports keep working. Runs that never opened a stream show as 'all'; skipped ones not at all.
CREATE VIEW sync_history AS
WITH parts AS (
    SELECT
        runs.source,
        parts.stream,
        parts.status,
        parts.started_at,
        parts.finished_at,
        parts.rows_read,
        parts.rows_inserted,
        parts.rows_updated,
        parts.rows_rejected,
        parts.requests,
        coalesce(parts.error_message, runs.error_message, runs.status_reason) AS said,
        runs.parameters,
        runs.peak_rss_mb,
        runs.created_at
    FROM sync_stream_runs AS parts
    INNER JOIN sync_runs AS runs ON parts.run_id = runs.run_id
    UNION ALL
    SELECT
        runs.source,
        'all' AS stream,
        runs.status,
        coalesce(runs.started_at, runs.created_at) AS started_at,
        runs.finished_at,
        runs.rows_read,
        runs.rows_inserted,
        runs.rows_updated,
        runs.rows_rejected,
        runs.requests,
        coalesce(runs.error_message, runs.status_reason) AS said,
        runs.parameters,
        runs.peak_rss_mb,
        runs.created_at
    FROM sync_runs AS runs
    WHERE NOT EXISTS (SELECT 1 FROM sync_stream_runs AS parts WHERE parts.run_id = runs.run_id)
)
SELECT
    source AS crm_source,
    stream AS sync_type,
    source || '_' || stream AS endpoint,
    started_at AS start_time,
    finished_at AS end_time,
    CASE status
        WHEN 'SUCCESS' THEN 'success'
        WHEN 'PARTIAL' THEN 'partial'
        WHEN 'PENDING' THEN 'running'
        WHEN 'RUNNING' THEN 'running'
        ELSE 'failed'
    END AS status,
    rows_read AS records_processed,
    rows_inserted AS records_created,
    rows_updated AS records_updated,
    rows_rejected AS records_failed,
    CASE WHEN status IN ('PARTIAL', 'FAILED', 'CANCELLED') THEN said END AS error_message,
    parameters AS configuration,
    json_object(
        'duration_seconds', (julianday(finished_at) - julianday(started_at)) * 86400.0,
        'requests', requests,
        'peak_rss_mb', peak_rss_mb
    ) AS performance_metrics,
    created_at
FROM parts
WHERE status <> 'SKIPPED';
