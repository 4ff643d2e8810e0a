"""A CRM on loopback: enough of Salesforce's and HubSpot's real APIs, with a history and faults.

One server holds several organizations. Each has a prefix of its own; what follows the prefix is
the vendor's real path, so a client is pointed at `url + prefix` and otherwise left as it is:

====================================  ==========================================================
endpoint                              vendor host that it stands for
====================================  ==========================================================
`http://127.0.0.1:PORT/sf/<org>`      `https://<my-domain>.my.salesforce.com` and, for sign-in,
                                      `https://login.salesforce.com`
`http://127.0.0.1:PORT/hs/<portal>`   `https://api.hubapi.com` and, for `/oauth/authorize`,
                                      `https://app.hubspot.com`
====================================  ==========================================================

hubspot-api-client takes the endpoint as `host=` (generated APIs) and `base_url=`
(`api_request`). simple-salesforce is given a requests session whose adapter replaces scheme and
host by the endpoint and keeps the path behind it.

Salesforce paths: `/services/oauth2/{authorize,token,revoke,introspect,userinfo}`,
`/services/data`, `/services/data/vXX.0/{limits,sobjects,sobjects/X/describe,query,tooling/query,
composite,composite/batch}`. HubSpot paths, `V` being `2026-09`, `2026-03` or `v3`:
`/crm/properties/V/{type}` and `/crm/v3/properties/{type}`; likewise `pipelines`, `owners` and
`objects`; `/crm-object-schemas/V/schemas` and `/crm/v3/schemas`; `/account-info/V/details` and
`/account-info/V/api-usage/daily/private-apps`; `/oauth/2026-03/{token,token/introspect}` and
`/oauth/v1/token`.

What the sandbox takes from the vendors' documentation where it surprises:

- `composite/batch` subrequests know `method`, `url` and `richInput` and no headers, so a describe
  in a batch is never conditional; each subrequest counts against the daily limit
  (developer.salesforce.com, "Batch Request Body", "Composite Batch").
- `composite` subrequests may carry `httpHeaders`, all sObject resources are allowed, describes
  among them, and the whole request counts as one call ("Send Multiple Requests Using
  Composite"). So 25 conditional describes cost one call. What an unchanged one looks like in
  there is not documented; here it is an `httpStatusCode` of 304 with a null body.
- Salesforce answers errors as a list of `errorCode` and `message`, its OAuth endpoints as
  `error` and `error_description`.

Nothing here is a secret: tokens are made up, valid on this server only.
"""

from crmdeck.sandbox.faults import Fault, FaultKind
from crmdeck.sandbox.scenario import HISTORY, Organization, Person, Scenario
from crmdeck.sandbox.server import HubSpotAccess, LoggedRequest, SalesforceAccess, Sandbox

__all__ = [
    "HISTORY",
    "Fault",
    "FaultKind",
    "HubSpotAccess",
    "LoggedRequest",
    "Organization",
    "Person",
    "SalesforceAccess",
    "Sandbox",
    "Scenario",
]
