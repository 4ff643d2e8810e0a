"""Where else a field is used in a CRM, as far as the CRM reports it."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from crmdeck.model.enums import UsageVerdict
from crmdeck.model.wire import UtcTime, WireModel


class FieldUse(WireModel):
    """A user of a field: `kind` in the CRM's own words (`Flow`, `ApexClass`).

    `name` is empty if the CRM hides it; `namespace` is that of the managed package.
    """

    kind: str
    name: str = ""
    namespace: str | None = None


class FieldUsage(WireModel):
    """What uses a field, and what couldn't be checked.

    `not_checked` has sentences about what wasn't answered; unless it is empty, an empty `uses`
    proves nothing. `asked_at` is when the CRM was asked; None if only the cached schema was
    searched.
    """

    object_type: str
    field_name: str
    verdict: UsageVerdict
    uses: tuple[FieldUse, ...] = ()
    # Answers of earlier versions have `untold`, also stored ones.
    not_checked: tuple[str, ...] = Field(
        default=(), validation_alias=AliasChoices("notChecked", "untold")
    )
    asked_at: UtcTime | None = None
