"""A CRM on loopback with the main parts of Salesforce's and HubSpot's real APIs.

It has a history of changes, and faults on request. One server has several organizations, each with
its own prefix. The rest of a path is the vendor's real path, so a client only needs another host:

====================================  ==========================================================
endpoint                              vendor host that it replaces
====================================  ==========================================================
`http://127.0.0.1:PORT/sf/<org>`      `https://<my-domain>.my.salesforce.com` and, for sign-in,
                                      `https://login.salesforce.com`
`http://127.0.0.1:PORT/hs/<account>`  `https://api.hubapi.com` and, for `/oauth/authorize`,
                                      `https://app.hubspot.com`
====================================  ==========================================================

hubspot-api-client accepts the endpoint as `host=` (generated APIs) and `base_url=`
(`api_request`). simple-salesforce gets a requests session whose adapter replaces scheme and host
by the endpoint.

Salesforce paths: `/services/oauth2/{authorize,token,introspect,userinfo}`, `/services/data`,
`/services/data/vXX.0/{limits,sobjects,sobjects/X,sobjects/X/ID,sobjects/X/describe,query,
tooling/query,tooling/jobs/query,composite,tooling/composite,composite/sobjects,
ui-api/duplicates/X,ui-api/object-info/X/picklist-values/ID}`.

HubSpot paths, `V` being `2026-09`, `2026-03` or `v3`: `/crm/properties/V/{type}` and
`/crm/v3/properties/{type}`; the same for `pipelines`, `owners` and `objects`, which also takes
`{type}/ID`; `/crm-object-schemas/V/schemas` and `/crm/v3/schemas`; `/account-info/V/details` and
`/account-info/V/api-usage/daily/private-apps`; `/oauth/2026-03/{token,token/introspect}` and
`/oauth/v1/token`.

Surprising facts from the vendors' documentation:

- `composite` subrequests can have `httpHeaders` and use all sObject resources, describes included.
  The whole request counts as one call ("Send Multiple Requests Using Composite"). So 25
  conditional describes cost one call. The response for an unchanged one isn't documented; here it
  is an `httpStatusCode` of 304 with a null body.
- A write is checked as the vendor checks it: types, lengths, picklists, required fields, validation
  rules, unique values. What is written stays until the sandbox stops; queries don't return it.
- Salesforce's errors are a list of `errorCode` and `message`. Its OAuth endpoints answer `error`
  and `error_description`.

All tokens are made up, and valid on this server only.
"""

from crmdeck.sandbox.faults import Fault, FaultKind
from crmdeck.sandbox.scenario import HISTORY, Organization, Person, Scenario
from crmdeck.sandbox.server import Access, LoggedRequest, Sandbox

__all__ = [
    "HISTORY",
    "Access",
    "Fault",
    "FaultKind",
    "LoggedRequest",
    "Organization",
    "Person",
    "Sandbox",
    "Scenario",
]
