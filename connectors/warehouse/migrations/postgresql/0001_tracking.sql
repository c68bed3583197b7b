-- Tracking tables of crm-sync, version 1.
-- Run in the schema that comes first in search_path; connectors.warehouse.migrate does.

CREATE TABLE sync_schema_version (
    version integer NOT NULL PRIMARY KEY,
    applied_at timestamptz NOT NULL
);
COMMENT ON TABLE sync_schema_version IS 'Which migrations this warehouse has seen.';
COMMENT ON COLUMN sync_schema_version.version IS 'number of the migration file';
COMMENT ON COLUMN sync_schema_version.applied_at IS 'UTC';

CREATE TABLE sync_runs (
    run_id text NOT NULL PRIMARY KEY,
    source text NOT NULL,
    mode text NOT NULL,
    status text NOT NULL,
    status_reason text,
    streams jsonb NOT NULL,
    parameters jsonb NOT NULL,
    deployment text,
    flow_run_name text,
    attempt integer NOT NULL DEFAULT 1,
    host text,
    pid integer,
    fence bigint,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    heartbeat_at timestamptz,
    finished_at timestamptz,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_inserted bigint NOT NULL DEFAULT 0,
    rows_updated bigint NOT NULL DEFAULT 0,
    rows_unchanged bigint NOT NULL DEFAULT 0,
    rows_superseded bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    rows_deleted bigint NOT NULL DEFAULT 0,
    rows_damaged bigint NOT NULL DEFAULT 0,
    values_rejected bigint NOT NULL DEFAULT 0,
    requests bigint NOT NULL DEFAULT 0,
    retries bigint NOT NULL DEFAULT 0,
    throttled_seconds double precision NOT NULL DEFAULT 0,
    rss_mb double precision,
    peak_rss_mb double precision,
    error_type text,
    error_message text,
    resumed_from text,
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
);
COMMENT ON TABLE sync_runs IS 'One row per sync run. Times are UTC, set by the database''s clock.';
COMMENT ON COLUMN sync_runs.run_id IS 'the Prefect flow-run id';
COMMENT ON COLUMN sync_runs.source IS 'the vendor, lower case';
COMMENT ON COLUMN sync_runs.mode IS 'incremental, full or backfill';
COMMENT ON COLUMN sync_runs.status IS 'PENDING waits for its slot; the last five are final';
COMMENT ON COLUMN sync_runs.status_reason IS 'one sentence: why this status';
COMMENT ON COLUMN sync_runs.streams IS 'names asked for; an empty list means all';
COMMENT ON COLUMN sync_runs.parameters IS 'of the flow; never a credential';
COMMENT ON COLUMN sync_runs.deployment IS 'name of the Prefect deployment, null for a run from a shell';
COMMENT ON COLUMN sync_runs.flow_run_name IS 'as Prefect''s UI shows it';
COMMENT ON COLUMN sync_runs.attempt IS 'counted from 1';
COMMENT ON COLUMN sync_runs.host IS 'machine of the run''s process';
COMMENT ON COLUMN sync_runs.pid IS 'process id on that machine';
COMMENT ON COLUMN sync_runs.fence IS 'number of the source''s lock while this run held it';
COMMENT ON COLUMN sync_runs.created_at IS 'when the run was known first, UTC';
COMMENT ON COLUMN sync_runs.started_at IS 'when it got its slot, UTC';
COMMENT ON COLUMN sync_runs.heartbeat_at IS 'last sign of life, UTC';
COMMENT ON COLUMN sync_runs.finished_at IS 'when the status became final, UTC';
COMMENT ON COLUMN sync_runs.rows_read IS 'records the vendor sent; the sum of the next five';
COMMENT ON COLUMN sync_runs.rows_inserted IS 'rows that were new';
COMMENT ON COLUMN sync_runs.rows_updated IS 'rows that changed';
COMMENT ON COLUMN sync_runs.rows_unchanged IS 'rows already as sent, not rewritten';
COMMENT ON COLUMN sync_runs.rows_superseded IS 'older versions and doubles within the read';
COMMENT ON COLUMN sync_runs.rows_rejected IS 'rows refused whole, kept in sync_rejects';
COMMENT ON COLUMN sync_runs.rows_deleted IS 'rows marked as deleted; not part of rows_read';
COMMENT ON COLUMN sync_runs.rows_damaged IS 'rows stored without at least one of their values';
COMMENT ON COLUMN sync_runs.values_rejected IS 'single values stored as null, kept in sync_rejects';
COMMENT ON COLUMN sync_runs.requests IS 'requests sent to the vendor, repeats included';
COMMENT ON COLUMN sync_runs.retries IS 'of which were repeats';
COMMENT ON COLUMN sync_runs.throttled_seconds IS 'seconds spent waiting for a rate limit';
COMMENT ON COLUMN sync_runs.rss_mb IS 'resident memory at the last beat, MB';
COMMENT ON COLUMN sync_runs.peak_rss_mb IS 'highest resident memory so far, MB';
COMMENT ON COLUMN sync_runs.error_type IS 'class of the error that ended the run';
COMMENT ON COLUMN sync_runs.error_message IS 'its message, secrets removed';
COMMENT ON COLUMN sync_runs.resumed_from IS 'run whose unfinished read this one continued';

CREATE TABLE sync_stream_runs (
    run_id text NOT NULL,
    source text NOT NULL,
    stream text NOT NULL,
    status text NOT NULL,
    rows_read bigint NOT NULL DEFAULT 0,
    rows_inserted bigint NOT NULL DEFAULT 0,
    rows_updated bigint NOT NULL DEFAULT 0,
    rows_unchanged bigint NOT NULL DEFAULT 0,
    rows_superseded bigint NOT NULL DEFAULT 0,
    rows_rejected bigint NOT NULL DEFAULT 0,
    rows_deleted bigint NOT NULL DEFAULT 0,
    rows_damaged bigint NOT NULL DEFAULT 0,
    values_rejected bigint NOT NULL DEFAULT 0,
    cursor_before jsonb,
    cursor_after jsonb,
    source_count bigint,
    warehouse_count bigint,
    requests bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    error_type text,
    error_message text,
    notes jsonb NOT NULL,
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
);
COMMENT ON TABLE sync_stream_runs IS 'What one run did with one stream. Times are UTC.';
COMMENT ON COLUMN sync_stream_runs.run_id IS 'the run';
COMMENT ON COLUMN sync_stream_runs.source IS 'the vendor';
COMMENT ON COLUMN sync_stream_runs.stream IS 'the kind of record';
COMMENT ON COLUMN sync_stream_runs.status IS 'same words as sync_runs.status';
COMMENT ON COLUMN sync_stream_runs.rows_read IS 'records the vendor sent; the sum of the next five';
COMMENT ON COLUMN sync_stream_runs.rows_inserted IS 'rows that were new';
COMMENT ON COLUMN sync_stream_runs.rows_updated IS 'rows that changed';
COMMENT ON COLUMN sync_stream_runs.rows_unchanged IS 'rows already as sent, not rewritten';
COMMENT ON COLUMN sync_stream_runs.rows_superseded IS 'older versions and doubles within the read';
COMMENT ON COLUMN sync_stream_runs.rows_rejected IS 'rows refused whole, kept in sync_rejects';
COMMENT ON COLUMN sync_stream_runs.rows_deleted IS 'rows marked as deleted; not part of rows_read';
COMMENT ON COLUMN sync_stream_runs.rows_damaged IS 'rows stored without at least one of their values';
COMMENT ON COLUMN sync_stream_runs.values_rejected IS 'single values stored as null, kept in sync_rejects';
COMMENT ON COLUMN sync_stream_runs.cursor_before IS 'live cursor when the stream was opened';
COMMENT ON COLUMN sync_stream_runs.cursor_after IS 'live cursor when it ended';
COMMENT ON COLUMN sync_stream_runs.source_count IS 'records the vendor says it has; null where it does not say';
COMMENT ON COLUMN sync_stream_runs.warehouse_count IS 'live rows in the warehouse when the stream ended';
COMMENT ON COLUMN sync_stream_runs.requests IS 'requests sent to the vendor for this stream';
COMMENT ON COLUMN sync_stream_runs.started_at IS 'UTC';
COMMENT ON COLUMN sync_stream_runs.finished_at IS 'UTC';
COMMENT ON COLUMN sync_stream_runs.error_type IS 'class of the error that ended the stream';
COMMENT ON COLUMN sync_stream_runs.error_message IS 'its message, secrets removed';
COMMENT ON COLUMN sync_stream_runs.notes IS 'sentences for the run report';

CREATE TABLE sync_checkpoints (
    source text NOT NULL,
    stream text NOT NULL,
    cursor jsonb,
    reads jsonb NOT NULL,
    state_version integer NOT NULL,
    run_id text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (source, stream)
);
COMMENT ON TABLE sync_checkpoints IS 'Where each stream goes on. Written in the transaction of the rows it covers.';
COMMENT ON COLUMN sync_checkpoints.source IS 'the vendor';
COMMENT ON COLUMN sync_checkpoints.stream IS 'the kind of record';
COMMENT ON COLUMN sync_checkpoints.cursor IS 'live cursor of incremental reads; null: nothing complete yet, read everything';
COMMENT ON COLUMN sync_checkpoints.reads IS 'unfinished reads by mode: bounds, start and last committed position';
COMMENT ON COLUMN sync_checkpoints.state_version IS 'format of cursor and reads';
COMMENT ON COLUMN sync_checkpoints.run_id IS 'run that wrote this';
COMMENT ON COLUMN sync_checkpoints.updated_at IS 'UTC';

CREATE TABLE sync_locks (
    source text NOT NULL PRIMARY KEY,
    run_id text,
    fence bigint NOT NULL,
    acquired_at timestamptz
);
COMMENT ON TABLE sync_locks IS 'Which run may write a source. The row stays, so that its fence only ever grows.';
COMMENT ON COLUMN sync_locks.source IS 'the vendor';
COMMENT ON COLUMN sync_locks.run_id IS 'holder; null: free';
COMMENT ON COLUMN sync_locks.fence IS 'raised each time the lock is taken; a writer with an older one is refused';
COMMENT ON COLUMN sync_locks.acquired_at IS 'when the holder took it, UTC';

CREATE TABLE sync_rejects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    source text NOT NULL,
    stream text NOT NULL,
    key text,
    column_name text,
    value text,
    reason text NOT NULL,
    raw text,
    created_at timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text
);
COMMENT ON TABLE sync_rejects IS 'Values and rows that were refused, kept until they are resolved.';
COMMENT ON COLUMN sync_rejects.run_id IS 'run that met it; it may be pruned before this row';
COMMENT ON COLUMN sync_rejects.source IS 'the vendor';
COMMENT ON COLUMN sync_rejects.stream IS 'the kind of record';
COMMENT ON COLUMN sync_rejects.key IS 'key of the record as JSON text, null when the record has none';
COMMENT ON COLUMN sync_rejects.column_name IS 'null: the whole row was refused';
COMMENT ON COLUMN sync_rejects.value IS 'the refused value';
COMMENT ON COLUMN sync_rejects.reason IS 'why it could not be stored';
COMMENT ON COLUMN sync_rejects.raw IS 'the record as the vendor sent it, JSON; text because a refused record may not fit jsonb';
COMMENT ON COLUMN sync_rejects.created_at IS 'UTC';
COMMENT ON COLUMN sync_rejects.resolved_at IS 'when a replay or a later sighting settled it, UTC; null: open';
COMMENT ON COLUMN sync_rejects.resolved_by IS 'run that settled it';

CREATE TABLE sync_columns (
    source text NOT NULL,
    stream text NOT NULL,
    name text NOT NULL,
    column_name text NOT NULL,
    type text NOT NULL,
    origin text NOT NULL,
    overflow boolean NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (source, stream, name),
    UNIQUE (source, stream, column_name),
    CONSTRAINT sync_columns_origin CHECK (origin IN ('vendor', 'declared', 'inferred'))
);
COMMENT ON TABLE sync_columns IS 'How a vendor''s field names became columns.';
COMMENT ON COLUMN sync_columns.source IS 'the vendor';
COMMENT ON COLUMN sync_columns.stream IS 'the kind of record';
COMMENT ON COLUMN sync_columns.name IS 'the vendor''s name of the field';
COMMENT ON COLUMN sync_columns.column_name IS 'name of the column';
COMMENT ON COLUMN sync_columns.type IS 'what the column holds, in the words of connectors.model.FieldType';
COMMENT ON COLUMN sync_columns.origin IS 'who named the type: the vendor, our declaration, or inference';
COMMENT ON COLUMN sync_columns.overflow IS 'true: no column of its own, kept in _extra';
COMMENT ON COLUMN sync_columns.first_seen_at IS 'UTC';
COMMENT ON COLUMN sync_columns.last_seen_at IS 'UTC';

CREATE TABLE sync_heartbeats (
    run_id text NOT NULL,
    at timestamptz NOT NULL,
    rss_mb double precision,
    rows bigint,
    stream text,
    page bigint,
    PRIMARY KEY (run_id, at),
    FOREIGN KEY (run_id) REFERENCES sync_runs (run_id) ON DELETE CASCADE
);
COMMENT ON TABLE sync_heartbeats IS 'Signs of life, kept as long as their run.';
COMMENT ON COLUMN sync_heartbeats.run_id IS 'the run';
COMMENT ON COLUMN sync_heartbeats.at IS 'UTC';
COMMENT ON COLUMN sync_heartbeats.rss_mb IS 'resident memory, MB';
COMMENT ON COLUMN sync_heartbeats.rows IS 'rows committed by the run so far';
COMMENT ON COLUMN sync_heartbeats.stream IS 'stream being read';
COMMENT ON COLUMN sync_heartbeats.page IS 'pages read of that stream so far';

CREATE INDEX sync_runs_by_source ON sync_runs (source, created_at);
CREATE INDEX sync_runs_by_time ON sync_runs (created_at);
CREATE INDEX sync_runs_living ON sync_runs (source) WHERE status IN ('PENDING', 'RUNNING');
CREATE INDEX sync_stream_runs_by_stream ON sync_stream_runs (source, stream, started_at);
CREATE INDEX sync_rejects_open ON sync_rejects (source, stream) WHERE resolved_at IS NULL;
CREATE INDEX sync_rejects_by_run ON sync_rejects (run_id);

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
    jsonb_build_object(
        'duration_seconds', extract(epoch FROM finished_at - started_at),
        'requests', requests,
        'peak_rss_mb', peak_rss_mb
    ) AS performance_metrics,
    created_at
FROM parts
WHERE status <> 'SKIPPED';
COMMENT ON VIEW sync_history IS 'What the platform before this one called its runs: one row per run and stream, so that its reports keep working. Runs that never opened a stream show as ''all''; skipped ones not at all.';
