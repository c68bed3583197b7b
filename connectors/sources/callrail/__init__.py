"""CallRail, API v3.

Docs:    https://apidocs.callrail.com
Auth:    `Authorization: Token token="KEY"`, `CALLRAIL_API_KEY`. A key is a user's: rows of
         companies that the user cannot see are silently absent. 401 ends the run, 403 the stream.
Paging:  `page` and `per_page` (250 at most); counts may be missing. Offsets shift when records
         vanish, so dated lists are read oldest first, in closed ranges of whole days, and a
         list whose total shrinks or is not reached is read again, three times at most; then
         the run is PARTIAL and nothing in that range is deleted.
Deltas:  `start_date` and `end_date`, both inclusive, whole days cut in the zone of the company
         or the account (undocumented which: all zones of the account's companies and UTC are
         allowed for). Without dates CallRail answers `recent`, about a week: both are always
         sent. Nothing older than 25 months can be asked for. Nothing tells that a call was
         edited or removed as spam, so the last 30 days are read again each run and what is not
         there any more is deleted. Accounts, companies, trackers, tags and users are short and
         read whole; companies and trackers are switched off rather than deleted.
Limits:  1,000 requests an hour and 10,000 a day per account; answers may tell in
         `x-rate-limit-*` headers how much is used. A request for 250 rows counts like any other.
Oddities: times in four shapes (offsets with and without colon, a space for the T, Z); `value`
         and `recording_duration` as text or number, `speaker_percent`, `keypad_entries` and
         `tags` in changing shapes (kept as JSON); messages have no id of their own; fields a
         plan does not include are null; an unknown name in `fields` is a 400, and such a name is
         left out with a note. `text-messages` is written with a hyphen, its rows are
         conversations, their directions `incoming` and `outgoing`.

What happens when it goes wrong:
    429                 waits as Retry-After says, else with backoff; an hour or day that is used
                        up (by the headers) ends the run with the time to go on
    5xx, HTML, cut JSON asked again, then the stream fails; what was read before stays
    200 without list    the stream fails
    400                 optional fields are tried out; dates at the 25-month edge move up to three
                        days in; else the stream fails
    empty page, page twice, total that shrinks or promises more
                        the list is read again, see above; a total that promises too little is
                        not believed: reading ends with a page that is not full
    unknown status      stored as it is; no enumeration is checked
    odd or missing time the record is loaded, the warehouse judges the time
    no id               the record is loaded, the warehouse refuses it and the run is PARTIAL
"""

from connectors.model import Source
from connectors.sources.callrail.api import daily_requests
from connectors.sources.callrail.reader import CallRail, connect
from connectors.sources.callrail.settings import Settings
from connectors.sources.callrail.streams import STREAMS

__all__ = ["SOURCE", "STREAMS", "CallRail", "Settings", "connect"]

SOURCE = Source(
    name="callrail",
    title="CallRail",
    settings=Settings,
    streams=STREAMS,
    connect=connect,
    daily_requests=daily_requests,
)
