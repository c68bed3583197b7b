"""A pretend HubSpot portal: the CRM REST API in both dialects, v3/v4 and dated.

    GET  crm/v3/objects/{type}                          crm/objects/2026-09/{type}
    POST crm/v3/objects/{type}/search | batch/read      crm/objects/2026-09/{type}/...
    POST crm/v4/associations/{from}/{to}/batch/read     crm/associations/2026-09/...
    GET  properties, schemas, owners, pipelines, lists, account-info; POST oauth token

Facts are those of developers.hubspot.com and, where that is silent, of what public connectors saw.

Roles: `vendor` guards and switches, `routes` reads paths, `reads` and `small` answer them,
`access` knows tokens, `quotas` limits, `kinds` and `catalog` say which objects and properties
there are, `objects` holds records (made on the fly from a row number, so that a million cost
nothing until read), `search`, `links` (associations), `directory` (owners, pipelines, lists),
`changes` lets time pass, `truth` is the ledger.
"""

from connectors.sandbox.hubspot.quotas import Limits
from connectors.sandbox.hubspot.vendor import HubSpot

__all__ = ["HubSpot", "Limits"]
