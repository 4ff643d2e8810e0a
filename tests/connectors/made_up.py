"""A made-up third CRM: one package with a profile and a connector, as in `docs/architecture.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from crmdeck.connectors.base import (
    Credentials,
    Discovered,
    Discovery,
    Known,
    Listing,
    Meter,
    Missing,
    TokenListener,
)
from crmdeck.connectors.limits import Limits
from crmdeck.errors import ReauthRequiredError
from crmdeck.model import (
    CancelToken,
    Connection,
    CrmPage,
    Field,
    FieldType,
    Flow,
    GoneReason,
    ObjectSchema,
    ProbeReport,
    Question,
    Scope,
    VendorProfile,
)

MODULE = __name__
FIELDS = (Field(name="name", label="Name", type=FieldType.STRING),)


def setup_page(
    connection: Connection, object_type: str | None, field_name: str | None
) -> CrmPage | None:
    return CrmPage(f"https://ledger.example/{object_type}")


PROFILE = VendorProfile(
    name="ledger",
    title="Ledger CRM",
    account="book",
    flows=(Flow("access-token", "API key", (Question("access_token", "API key"),)),),
    setup_page=setup_page,
)


class LedgerConnector:
    def __init__(self, credentials: Credentials) -> None:
        self.meter = Meter()
        self._credentials = credentials

    def probe(self) -> ProbeReport:
        if self._credentials.get("access_token") != "key":
            raise ReauthRequiredError("Ledger CRM rejected the API key.")
        return ProbeReport(user="ada@acme.example", organization="42")

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        self.probe()
        yield Listing(frozenset({"invoice"}), ("invoice",))
        yield Discovered(ObjectSchema(object_type="invoice", label="Invoice", fields=FIELDS))

    def explain_missing(self, missing: Sequence[Missing]) -> Mapping[Missing, GoneReason]:
        return {}


def open_connector(
    connection: Connection, credentials: Credentials, listener: TokenListener, limits: Limits
) -> LedgerConnector:
    return LedgerConnector(credentials)
