"""The ways of signing in, as data: what each asks for. A face asks, a machine is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from crmdeck.errors import UsageError
from crmdeck.model import Platform, Source


@dataclass(frozen=True)
class Question:
    """One thing to ask for; `name` is that of the secret.

    `hidden`: not to be shown while it is typed. `from_file`: better read from a file. `lasting`:
    it belongs to the app, so that signing in again need not ask for it again.
    """

    name: str
    text: str
    hidden: bool = True
    required: bool = True
    from_file: bool = False
    lasting: bool = False


@dataclass(frozen=True)
class Flow:
    """One way of signing in. `own_host`: only the org's own URL will do, not a login host."""

    name: str
    title: str
    questions: tuple[Question, ...]
    browser: bool = False
    own_host: bool = False

    @property
    def names(self) -> frozenset[str]:
        """Return the names of all secrets that it asks for."""
        return frozenset(question.name for question in self.questions)

    def missing(self, given: Collection[str]) -> tuple[Question, ...]:
        """Return what it can't do without and is not in `given`."""
        return tuple(q for q in self.questions if q.required and q.name not in given)


_KEY = Question("client_id", "Consumer key of the app", hidden=False, lasting=True)
_SECRET = Question("client_secret", "Consumer secret of the app", lasting=True)
_MAYBE_SECRET = Question(
    "client_secret",
    "Consumer secret (empty where the app requires none)",
    required=False,
    lasting=True,
)
_APP_ID = Question("client_id", "Client id of the app", hidden=False, lasting=True)
_APP_SECRET = Question("client_secret", "Client secret of the app", lasting=True)
_REFRESH = Question("refresh_token", "Refresh token")

SALESFORCE_FLOWS = (
    Flow("browser", "Sign in with the browser", (_KEY, _MAYBE_SECRET), browser=True),
    Flow("refresh-token", "A refresh token that you have", (_KEY, _MAYBE_SECRET, _REFRESH)),
    Flow(
        "jwt",
        "JWT bearer: a certificate of the app, and a pre-authorized user",
        (
            _KEY,
            Question("username", "User name in Salesforce", hidden=False, lasting=True),
            Question("private_key", "Private key of the certificate", from_file=True, lasting=True),
        ),
    ),
    Flow(
        "client-credentials",
        "Client credentials: the app runs as a user of its own",
        (_KEY, _SECRET),
        own_host=True,
    ),
    Flow(
        "access-token",
        "An access token and its instance URL; nothing renews it",
        (Question("access_token", "Access token"),),
        own_host=True,
    ),
)
HUBSPOT_FLOWS = (
    Flow(
        "access-token",
        "A service key (Development, Keys, Service keys)",
        (Question("access_token", "Service key or token"),),
    ),
    Flow("browser", "Sign in with the browser (OAuth)", (_APP_ID, _APP_SECRET), browser=True),
    Flow("refresh-token", "A refresh token that you have", (_APP_ID, _APP_SECRET, _REFRESH)),
)
PARTNEROS_FLOWS = (
    Flow(
        "password",
        "E-mail and password; the session is kept, the password is not",
        (
            Question("username", "E-mail", hidden=False, lasting=True),
            Question("password", "Password"),
        ),
    ),
    Flow("session-token", "A session token", (Question("session_token", "Session token"),)),
)
# A machine gives all that a flow needs; what renews itself goes before what ends.
_BY_WHAT_IS_GIVEN = (
    "refresh-token",
    "jwt",
    "session-token",
    "password",
    "access-token",
    "client-credentials",
)


ENDING = ("access-token", "session-token")
"""The flows whose tokens end without anybody but a person to renew them."""


def flows_of(source: Source, platform: Platform) -> tuple[Flow, ...]:
    """Return the ways of signing in to a source, the usual one first; files have none."""
    match source:
        case Source.FILES:
            return ()
        case Source.PARTNEROS:
            return PARTNEROS_FLOWS
        case Source.SALESFORCE | Source.HUBSPOT | Source.SANDBOX:
            return SALESFORCE_FLOWS if platform is Platform.SALESFORCE else HUBSPOT_FLOWS


def find_flow(flows: tuple[Flow, ...], name: str) -> Flow:
    """Return the flow of that name; raises UsageError that says what to use instead."""
    for flow in flows:
        if flow.name == name:
            return flow
    if name in ("password", "soap", "login"):
        raise UsageError(
            "User name with password is not offered.",
            cause="Salesforce ends the OAuth password flow on 2027-02-20 and SOAP login() with "
            "Summer '27, and HubSpot has no such thing.",
            remedy="Use "
            + " or ".join(
                f"--flow {flow.name}"
                for flow in flows
                if flow.name in ("browser", "jwt", "client-credentials")
            )
            + "; docs/connections.md says how to set up the app.",
            code="PASSWORD_FLOW_RETIRED",
        )
    raise UsageError(
        f"There is no way of signing in called '{name}' here.",
        remedy="Use " + ", ".join(flow.name for flow in flows) + "." if flows else "Leave it out.",
        code="UNKNOWN_FLOW",
    )


def fitting_flow(flows: tuple[Flow, ...], given: Collection[str]) -> Flow | None:
    """Return the flow that `given` names of secrets are enough for, without a browser."""
    by_name = {flow.name: flow for flow in flows if not flow.browser}
    for name in _BY_WHAT_IS_GIVEN:
        flow = by_name.get(name)
        if flow is not None and not flow.missing(given):
            return flow
    return None


def flow_in_use(flows: tuple[Flow, ...], stored: Collection[str]) -> Flow | None:
    """Return the flow that stored secrets came from; a refresh token came from the browser."""
    by_name = {flow.name: flow for flow in flows}
    if "refresh_token" in stored and "browser" in by_name:
        return by_name["browser"]
    order = ("jwt", "client-credentials", "session-token", "access-token")
    if "username" in stored and "password" in by_name:
        return by_name["password"]
    return next(
        (by_name[n] for n in order if n in by_name and not by_name[n].missing(stored)), None
    )


def tidied(secrets: Mapping[str, str]) -> dict[str, str]:
    """Return secrets as they were meant: no space around them, a key's line breaks as such."""
    found = {name: value.strip() for name, value in secrets.items()}
    key = found.get("private_key")
    if key:
        found["private_key"] = key.replace("\\n", "\n") + "\n"
    return {name: value for name, value in found.items() if value}
