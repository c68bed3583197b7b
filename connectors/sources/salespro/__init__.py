"""SalesPro (Leap), read from the tables that Leap exports to AWS Athena, and from CSV exports.

Docs:    https://docs.aws.amazon.com/athena/latest/APIReference; the export itself has no public
         description: tables, keys and oddities are those that the system before this one met
Auth:    an IAM key (`SALESPRO_ACCESS_KEY_ID`, `SALESPRO_SECRET_ACCESS_KEY`), or without one the
         machine's own AWS identity; an S3 folder that takes results. It needs Athena's
         StartQueryExecution, GetQueryExecution, GetQueryResults and StopQueryExecution, to read
         the Glue catalogue and the data in S3, and to read and write that folder
Reading: start a query, ask for its state, page its result. One query per stream and run; it reads
         a snapshot, so pages cannot shift. 1,000 rows a page, the header counts in the first
Deltas:  `updated_at`, or `created_at` where a row has none (1 in 50), in half-open windows; whole
         milliseconds, without a zone (`SALESPRO_ZONE`, UTC unless set). The export runs at night
         and can be late by one night, so the last 48 hours are read again
Deletes: leave no trace; a full read compares keys. User activity is never deleted, and a CSV file
         may hold a part only, so nobody is deleted for missing in one
Limits:  per account and second 20 starts and 100 looks; 20 to 200 queries at a time; every query
         costs by the bytes it scans, which the report shows
Types:   as the table's metadata say (`athena:GetTableMetadata`, no query) and, should the key not
         be allowed to ask, Athena's column information beside the rows; values stay the text that
         Athena hands out, NULL and "" are told apart. A column that leaves the export keeps what
         it holds, as long as the metadata can be asked for
Oddities:
- several customer rows per customer, one per estimate: `row_id` tells them apart
- several lead results per estimate: the newest counts, for its line items too (see `line_items`)
- customers without a customer id, lead results without an estimate id: such rows are known to
  exist; they are left out and counted in the report
- user activity has no key: its own `id` where there is one, else a hash of its facts; the row
  number is not among them, since nothing says that it survives an export
- the labels of lead results are the company's own questions and change (see `labels`)
- a CSV file that lacks a known column is refused whole: what it does not say is not empty

Boto3 rather than PyAthena: five calls are all there is to do, and PyAthena would convert values
one by one that the warehouse parses by the column, poll without watching for a stop, and retry
without our budget. Boto3 is imported when a connection is opened: it takes half a second that
runs of other sources need not spend.

What happens when it goes wrong:
    FAILED              the stream fails with Athena's reason; where Athena says that it may pass,
                        the next run asks again
    CANCELLED           the stream fails, with who says why
    never ends          stopped after `SALESPRO_QUERY_MINUTES`, the stream fails; like one that was
                        cancelled, it is not started again by the same run
    throttled, 5xx      asked again with backoff; then the run ends (RateLimited) or the stream
                        fails; a start carries a token and never starts twice
    page lost, cut      asked again, the same token; a result that is gone is asked for anew, by
                        the same run or the next
    killed in between   the next run goes on with the same result, while it lives
    wrong key, expired  the run fails (CredentialsError)
    stop                StopQueryExecution, so that nothing runs on and is billed
"""

from connectors.model import Source
from connectors.sources.salespro.reader import SalesPro, connect
from connectors.sources.salespro.settings import Settings
from connectors.sources.salespro.streams import STREAMS

__all__ = ["SOURCE", "STREAMS", "SalesPro", "Settings", "connect"]

SOURCE = Source(
    name="salespro",
    title="SalesPro",
    settings=Settings,
    streams=STREAMS,
    connect=connect,
    enabled_by_default=False,
)
