"""Where else in a CRM a field is used, as far as the CRM tells."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from crmdeck.model.enums import UsageVerdict
from crmdeck.model.wire import UtcTime, WireModel


class FieldUse(WireModel):
    """One thing that uses a field: `kind` in the CRM's own words (`Flow`, `ApexClass`).

    `name` is empty where the CRM keeps it to itself, as of what a package of others holds;
    `namespace` is that of the package.
    """

    kind: str
    name: str = ""
    namespace: str | None = None


class FieldUsage(WireModel):
    """What uses a field, and what of that is not known.

    `not_checked` says, a sentence each, what could not be asked or was not answered: where there is
    any, that nothing was found proves nothing. `asked_at` is when the CRM was asked, None where
    it was not and only what the cache holds was looked through.
    """

    object_type: str
    field_name: str
    verdict: UsageVerdict
    uses: tuple[FieldUse, ...] = ()
    not_checked: tuple[str, ...] = Field(
        default=(), validation_alias=AliasChoices("notChecked", "untold")
    )
    asked_at: UtcTime | None = None
