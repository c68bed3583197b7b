"""LeadConduit (ActiveProspect).

Docs:    https://developer.activeprospect.com
Auth:    HTTP Basic, any user name, the account's key as password, `LEADCONDUIT_API_KEY`. Without
         `Accept: application/json` everything is 403. Free accounts get 401 for `/flows` and
         `/fields` with a good key: told apart by asking for one event.
Paging:  `/events` is a bare array; `sort=asc&after_id=<last id>`, 1,000 at most. No count, no next
         link: reading ends after two pages in a row that are not full.
Deltas:  `start` and `end` are inclusive, in whole seconds as far as known, so `end` is asked for
         a second later than wanted. Ids begin with the second in which a lead or step *began*; an
         event appears when it is over, a lead's own event after its whole flow. So the last 30
         minutes are read again each run. Events never change and are forgotten after 90 days.
Limits:  none documented; 2 requests a second, Retry-After honoured.
Oddities: typed lead values are objects, `normal` is the value; plain types, custom fields and
         changed fields come plain. Members named by the account (a step's key) appear at the top
         of an event: they are kept in `appended`. Field ids hold dots and up to 240 characters.
         Times are ms since 1970. `/user` and `/account` show the API key: it is left out, and so
         is whatever else is named like a secret; `/credentials` is never asked for.

What happens when it goes wrong:
    401                 the run ends; for a list, see above, the stream fails
    403                 the stream fails
    429                 waits as Retry-After says, else with backoff; then ends with a time to go on
    5xx, HTML, cut JSON asked again, then the stream fails; never taken for the end of the events
    200 without array   the stream fails; `null` for a short list is an empty one
    empty page          followed by a second look from the same place
    page twice          asked for again, twice; then the stream fails
    order not by id     read on after the highest id, and the run is PARTIAL
    checkpoint older than the retention    the run is PARTIAL and says which days are lost
    stored id refused   read from its time on
    unknown type or outcome    stored as it is
    a time that is none the event is loaded with `started_at` empty, the number itself judged
    no id               the event is loaded, the warehouse refuses it and the run is PARTIAL;
                        a page without any id fails the stream
"""

from connectors.model import Source
from connectors.sources.leadconduit.reader import LeadConduit, connect
from connectors.sources.leadconduit.settings import Settings
from connectors.sources.leadconduit.streams import STREAMS

__all__ = ["SOURCE", "STREAMS", "LeadConduit", "Settings", "connect"]

SOURCE = Source(
    name="leadconduit", title="LeadConduit", settings=Settings, streams=STREAMS, connect=connect
)
