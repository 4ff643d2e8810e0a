"""`docs/faults.md`, drawn from the tables: `python -m tests.connectors.faults_page`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from crmdeck.connectors import http
from crmdeck.connectors.faults import Fault, read_rows
from crmdeck.errors import CrmdeckError, QuotaExceededError, ReauthRequiredError

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
COLUMNS = ("the CRM says", "code", "what, why", "what next", "crmdeck")

INTRO = """\
# What can fail, and what crmdeck does then

Drawn from the tables in `crmdeck/knowledge/faults`, by `python -m \
tests.connectors.faults_page`; a test holds it. The first row that fits counts; the rows by status \
come after the vendor's own. `code` is stable: it is in `--json`, in the audit log, and in the \
server's answers.

Whatever fails, what was cached stays. What concerns one object is that object's failure, and the \
others go on; where all fail, the connection is in `error`. An attempt that ended early has \
written nothing but its own record.

| crmdeck | |
|---|---|
| renews | renews the token, once however many threads want it, and asks once more; \
refused again, it stops |
| waits | waits as the CRM says (without a word: a little longer each time), within a \
budget, and asks again |
| stops: reauthorize | ends the refresh; the connection is `reauth_required`, the \
command exits with 3 |
| stops | ends the refresh; the connection is in `error`, the command exits with 1 or, \
for a wrong request, 2 |
| that object | is one object's failure |
"""

SANDBOX = """
## To see it happen

`crmdeck sandbox` starts a CRM on this machine and prints its address. Faults are ordered by HTTP, \
for one of its organizations, and go when they are told to:

<!-- needs: server -->
```sh
curl http://127.0.0.1:PORT/sandbox/faults \\
  -d '{"org": "acme-prod", "kind": "throttled", "retry_after": 2, "times": 1}'
curl -X DELETE http://127.0.0.1:PORT/sandbox/faults
```

Of what there is to order, `path`, `query`, `times`, `code`, `message`, `status`, `retry_after`, \
`seconds`, `size`, `object_type` and `field_name` say more. `/sandbox/script` takes `steps`, one \
after the other.

| kind | what comes of it |
|---|---|
"""

OUTCOMES = {
    "expired_token": "renewed once; with nothing to renew it by: reauthorize",
    "revoked_refresh_token": "reauthorize, after one attempt to renew",
    "rotated_refresh_token": "the new one is stored before it is used",
    "unauthorized": "two requests and one renewal, then reauthorize",
    "forbidden": "by its `code`, as below",
    "throttled": "waits, or stops at once where the daily allowance is used up",
    "server_error": "that object; where the list of objects fails, the connection",
    "unavailable": "waits, then as `server_error`",
    "truncated": "as `server_error`",
    "html": "as `server_error`",
    "moved": "the connection, with the address that it leads to; with `status` 404 as when it is "
    "switched off",
    "oversized": "as `server_error`; nothing beyond the limit is read",
    "hang": "as `server_error`, when the timeout is over",
    "slow": "waits for it up to the timeout",
    "hidden_object": "drift: hidden, or removed where the CRM can tell",
    "hidden_field": "drift: hidden, or removed where the CRM can tell",
    "lost_schema": "that object",
}


def page() -> str:
    """Return the whole page."""
    parts = [INTRO, "\n## Salesforce\n\n", _table(read_rows("salesforce"))]
    parts += ["\n## HubSpot\n\n", _table(read_rows("hubspot"))]
    parts += ["\n## Both, by the HTTP status alone\n\n", _table(read_rows("http"))]
    parts += ["\n## PartnerOS\n\n", _table(read_rows("partneros"))]
    parts += ["\n## The network\n\n", _rows(COLUMNS[1:4], map(_network_row, _network()))]
    parts += [SANDBOX, *(f"| `{kind}` | {outcome} |\n" for kind, outcome in OUTCOMES.items())]
    return "".join(parts)


def _table(faults: Sequence[Fault]) -> str:
    return _rows(COLUMNS, map(_row, faults))


def _rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _row(fault: Fault) -> tuple[str, ...]:
    says = [", ".join(f"`{code}`" for code in fault.vendor_codes)]
    says.append(", ".join(map(str, fault.statuses)))
    says.append(f"“{fault.says}”" if fault.says else "")
    said = " ".join(part for part in says if part) or "anything else"
    return said, f"`{fault.code}`", f"{fault.message} {fault.cause}", fault.remedy, _does(fault)


def _does(fault: Fault) -> str:
    does = [word for word, holds in (("renews", fault.renew), ("waits", fault.wait)) if holds]
    if issubclass(fault.error, ReauthRequiredError):
        does.append("stops: reauthorize")
    else:
        stops = fault.whole or issubclass(fault.error, QuotaExceededError)
        does.append("stops" if stops else "that object")
    return ", then ".join(does)


def _network() -> tuple[CrmdeckError, ...]:
    who = "The CRM"
    return (
        http.unreachable(who, ConnectionError()),
        http.timed_out(who),
        http.broken_off(who, ConnectionError()),
        http.too_large(who, 32 * 1024 * 1024),
        http.not_json(who),
    )


def _network_row(error: CrmdeckError) -> tuple[str, ...]:
    return f"`{error.code}`", f"{error.message} {error.cause}", error.remedy or ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
