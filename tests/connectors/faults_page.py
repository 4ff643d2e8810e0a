"""Generates `docs/faults.md` from the tables: `python -m tests.connectors.faults_page`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from crmdeck.connectors import http
from crmdeck.connectors.faults import Fault, read_rows
from crmdeck.connectors.limits import Limits
from crmdeck.errors import CrmdeckError, QuotaExceededError, ReauthRequiredError
from crmdeck.sandbox import FaultKind

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"

INTRO = """\
# Error codes

For anyone who looks up an error of a CRM or of PartnerOS. Each entry has the CRM's answer, \
crmdeck's code, what crmdeck does, the cause and the next step. The first matching entry applies; \
the entries by HTTP status follow each vendor's own. A failed refresh keeps the cached schemas. If \
all objects fail, the connection is in `error`.

- *renews*: renews the token and repeats the request, once.
- *waits*: waits as the CRM asks, or for a growing time, and repeats the request within a budget.
- *sign-in*: ends the refresh; the connection is `reauth_required`, exit code 3.
- *stops*: ends the refresh; the connection is in `error`, exit code 1, or 2 for wrong usage.
- *skips*: that object fails, the others continue.
"""

SANDBOX = """
## Try an error

`crmdeck sandbox` starts a CRM on this machine and prints its address. Request a fault for one of \
its organizations, and remove it again:

<!-- needs: server -->
```sh
curl http://127.0.0.1:PORT/sandbox/faults \\
  -d '{{"org": "acme-prod", "kind": "throttled", "retry_after": 2, "times": 1}}'
curl -X DELETE http://127.0.0.1:PORT/sandbox/faults
```

Kinds: {kinds}.

Optional keys: `path`, `query`, `times`, `code` (for `forbidden`), `message` (the answer of \
`body`), `status` (for `moved`: 404 is an address that is off), `retry_after`, `seconds`, `size`, \
`object_type` and `field_name`. `/sandbox/script` takes a list of `steps`, which apply one after \
the other.
"""


def page() -> str:
    """Return the whole page."""
    parts = [INTRO, "\n## Salesforce\n\n", _list(read_rows("salesforce", "Salesforce"))]
    parts += ["\n## HubSpot\n\n", _list(read_rows("hubspot", "HubSpot"))]
    parts += ["\n## All, by HTTP status\n\n", _list(read_rows("http", "The CRM"))]
    parts += ["\n## PartnerOS\n\n", _list(read_rows("partneros", "PartnerOS"))]
    parts += ["\n## Network\n\n", "".join(map(_network_row, _network()))]
    parts.append(SANDBOX.format(kinds=", ".join(f"`{kind.value}`" for kind in FaultKind)))
    # The name of no CRM in particular, in the middle of a sentence.
    return re.sub(r"(?<=[a-z] )The CRM", "the CRM", "".join(parts))


def _list(faults: Sequence[Fault]) -> str:
    matches: dict[str, list[str]] = {}
    for match, result in map(_row, faults):
        matches.setdefault(result, []).append(match)
    return "".join(f"- {'; '.join(each)}: {result}\n" for result, each in matches.items())


def _row(fault: Fault) -> tuple[str, str]:
    answer = [", ".join(f"`{code}`" for code in fault.vendor_codes)]
    answer.append(", ".join(map(str, fault.statuses)))
    answer.append(f"“{fault.says}”" if fault.says else "")
    match = " ".join(part for part in answer if part) or "anything else"
    return match, f"`{fault.code}`, *{_does(fault)}*. {fault.cause or fault.message} {fault.remedy}"


def _does(fault: Fault) -> str:
    does = [word for word, holds in (("renews", fault.renew), ("waits", fault.wait)) if holds]
    if issubclass(fault.error, ReauthRequiredError):
        does.append("sign-in")
    else:
        stops = fault.whole or issubclass(fault.error, QuotaExceededError)
        does.append("stops" if stops else "skips")
    return ", then ".join(does)


def _network() -> tuple[CrmdeckError, ...]:
    who = "The CRM"
    return (
        http.unreachable(who, ConnectionError()),
        http.timed_out(who),
        http.broken_off(who, ConnectionError()),
        http.too_large(who, Limits().max_bytes_alone),
        http.too_complex(who),
        http.unknown_encoding(who, "br"),
        http.not_json(who),
    )


def _network_row(error: CrmdeckError) -> str:
    return f"- `{error.code}`: {error.cause or error.message} {error.remedy or ''}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
