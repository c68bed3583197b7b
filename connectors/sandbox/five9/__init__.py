"""Five9's Configuration Web Services over SOAP, as its administrators' clients see them.

- One endpoint, `/wsadmin/<version>/AdminWebService`: POST with Basic auth; GET `?wsdl` gives a
  WSDL to whoever names any user, else 403.
- `getContactRecords`: criteria with `%`, all must match; at most 1,000 in a new order each time,
  the rest left out without a word; columns in another order now and then.
- Reports run for a few polls, print Pacific time, hold 50,000 rows, the rest left out.
- Quotas per class on the clock's minute, hour and day; `getCallCountersState` tells them.
- Three refusals in a row lock the account.

What only tests need is set by attributes or `/__set/five9`; see `Five9.adjust`.
"""

from connectors.sandbox.five9.vendor import PASSWORD, USERNAME, Five9

__all__ = ["PASSWORD", "USERNAME", "Five9"]
