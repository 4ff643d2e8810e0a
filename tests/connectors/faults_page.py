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
from tests.docs.drawn import kinds

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"

INTRO = """\
# Error codes

Look up an error's code, its cause, and the next step. Codes don't change between versions.

## crmdeck

An error can have a narrower code than its kind in this table. If no HTTP status is listed, it is \
500.

| code | exit code | HTTP | meaning |
|---|---|---|---|
"""

TEAM_INTRO = """
## A workspace in PostgreSQL

| code | cause and next step |
|---|---|
"""

# The engines raise these by name, without a class of their own.
TEAM = {
    "CACHE_DISK_FULL": ("The server's disk is full. crmdeck changed nothing."),
    "CACHE_MISSING": (
        "No one has opened the workspace for writing yet, and this user can't create the tables."
    ),
    "CACHE_NO_PERMISSION": (
        "The user's role lacks a grant. Run the SQL of `crmdeck team grants` again."
    ),
    "CACHE_TOO_OLD": (
        "The owner has to open the workspace once with this version of crmdeck. A version"
        " from before the first release needs a new database."
    ),
    "DATABASE_MISSING": ("The database or the user doesn't exist."),
    "DATABASE_NOT_OURS": ("The database contains other tables. crmdeck left them untouched."),
    "DATABASE_POOLER": (
        "pgbouncer rejects the options in the URL. Set the schema for the role instead: "
        "`ALTER ROLE ... SET search_path`."
    ),
    "DATABASE_SIGN_IN": (
        "The server rejects the user, the password, or connections from this machine "
        "(`pg_hba.conf`)."
    ),
    "DATABASE_TIMEOUT": ("The server's `statement_timeout` for this user is too short."),
    "DATABASE_TLS": (
        "The server has no TLS, or its certificate doesn't match `sslmode` and `sslrootcert`."
    ),
    "DATABASE_UNREACHABLE": (
        "The host and port don't respond, or the connection broke. If crmdeck didn't save"
        " a change, the message shows which one."
    ),
    "EXTRA_MISSING": ("The extra isn't installed. Run `uv tool install '.[team]'`."),
    "HOME_NOT_A_URL": (
        "The URL isn't a PostgreSQL URL, or its password has a special character that "
        "isn't percent-encoded. crmdeck doesn't repeat the URL, because it can contain a "
        "password."
    ),
    "REFRESH_RUNNING": (
        "Another process is refreshing the connection. The error shows its user and the time."
    ),
    "REFRESH_TAKEN_OVER": (
        "This process was paused or cut off for a minute, and another one has started the"
        " refresh. This process wrote nothing."
    ),
    "SECRETS_ELSEWHERE": (
        "This machine has no secrets for the connection. The error shows the user who "
        "refreshed it last. [Move the secrets to the workspace](teams.md#share-secrets-"
        "between-servers)."
    ),
    "SECRETS_KEY_MISSING": ("This machine has no key for the secrets of the workspace."),
    "SECRETS_KEY_WRONG": ("This machine has another key than the error shows."),
    "WRITE_UNCONFIRMED": (
        "The connection broke while the database saved a change, and crmdeck couldn't "
        "find out whether it was saved. Check with `crmdeck audit`."
    ),
}

VENDORS = """
## Responses of a CRM

Each table lists a response, crmdeck's code, what crmdeck does, the cause and the next step. The \
first matching row applies; the rows by HTTP status follow each vendor's own. A failed refresh \
keeps the cached schemas. If all objects fail, the connection is in `error`.

| crmdeck | meaning |
|---|---|
| *renews* | renews the token and repeats the request once |
| *waits* | waits as the CRM asks, or for a growing time, and repeats the request within a budget |
| *sign-in* | ends the refresh; the connection is `reauth_required`, exit code 3 |
| *stops* | ends the refresh; the connection is in `error`, exit code 1, or 2 for wrong usage |
| *skips* | skips the object and continues with the others |
"""

HEAD = """
| response | code | crmdeck | cause and next step |
|---|---|---|---|
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

Optional keys: `path`, `query`, `times`, `code` (for `forbidden`), `message` (the response of \
`body`), `status` (for `moved`: 404 is an address that is off), `retry_after`, `seconds`, `size`, \
`object_type` and `field_name`. `/sandbox/script` takes a list of `steps`, which apply one after \
the other.
"""


def page() -> str:
    """Return the whole page."""
    parts = [INTRO, _own(), TEAM_INTRO]
    parts += [f"| `{code}` | {text} |\n" for code, text in sorted(TEAM.items())]
    parts.append(VENDORS)
    for title, name, who in (
        ("Salesforce", "salesforce", "Salesforce"),
        ("HubSpot", "hubspot", "HubSpot"),
        ("All, by HTTP status", "http", "The CRM"),
        ("PartnerOS", "partneros", "PartnerOS"),
    ):
        parts += [f"\n### {title}\n", HEAD, _table(read_rows(name, who))]
    parts += ["\n### Network\n\n| code | cause and next step |\n|---|---|\n"]
    parts += map(_network_row, _network())
    parts.append(SANDBOX.format(kinds=", ".join(f"`{kind.value}`" for kind in FaultKind)))
    # The name of no CRM in particular, in the middle of a sentence.
    return re.sub(r"(?<=[a-z] )The CRM", "the CRM", "".join(parts))


def _own() -> str:
    """Return crmdeck's own errors by code."""
    shown = {kind for kind in kinds() if ".pictures" not in kind.__module__}
    return "".join(
        f"| `{kind.code}` | {int(kind.exit_code)} "
        f"| {'' if kind.http_status == 500 else int(kind.http_status)} "
        f"| {(kind.__doc__ or '').splitlines()[0]} |\n"
        for kind in sorted(shown, key=lambda kind: kind.code)
    )


def _table(faults: Sequence[Fault]) -> str:
    matches: dict[str, list[str]] = {}
    for match, result in map(_row, faults):
        matches.setdefault(result, []).append(match)
    return "".join(f"| {'; '.join(each)} | {result} |\n" for result, each in matches.items())


def _row(fault: Fault) -> tuple[str, str]:
    response = [", ".join(f"`{code}`" for code in fault.vendor_codes)]
    response.append(", ".join(map(str, fault.statuses)))
    response.append(f"“{fault.says}”" if fault.says else "")
    match = " ".join(part for part in response if part) or "anything else"
    cause = f"{fault.cause or fault.message} {fault.remedy}"
    return match, f"`{fault.code}` | *{_does(fault)}* | {cause}"


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
    return f"| `{error.code}` | {error.cause or error.message} {error.remedy or ''} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
