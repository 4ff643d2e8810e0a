"""Impact: what a planned change of a CRM field would break."""

from __future__ import annotations

from crmdeck.model.enums import EffectKind, FieldChange, Severity
from crmdeck.model.wire import WireModel


class Effect(WireModel):
    """One thing that the change touches: what it is, and what happens to it.

    `name` is the mapping (`deal_registration.amount`), the rule, the field or the use in the
    CRM.
    """

    kind: EffectKind
    severity: Severity
    object_type: str = ""
    name: str
    text: str


class Impact(WireModel):
    """The effects of a change of a field, the worst first.

    `severity` is the worst effect. `not_checked` are sentences about what could not be
    searched.
    """

    connection: str
    object_type: str
    field_name: str
    change: FieldChange
    severity: Severity | None
    effects: tuple[Effect, ...] = ()
    not_checked: tuple[str, ...] = ()
