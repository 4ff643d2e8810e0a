"""Impact: what a planned change of a CRM field would break."""

from __future__ import annotations

from crmdeck.model.enums import EffectKind, FieldChange, Severity
from crmdeck.model.wire import WireModel


class Effect(WireModel):
    """One thing that the change touches: what it is, and what happens to it.

    `name` is the mapping (`deal_registration.amount`), the rule, the field or, for `usage`, the
    name in the CRM. `object_type` is empty for `usage`.
    """

    kind: EffectKind
    severity: Severity
    object_type: str = ""
    name: str
    text: str


class Impact(WireModel):
    """The effects of a change of a field, the worst first.

    `severity` is the worst effect, None without any. `not_checked` are sentences about what could
    not be searched; with no effects it is the reason why the change may still break something.
    """

    connection: str
    object_type: str
    field_name: str
    change: FieldChange
    severity: Severity | None
    effects: tuple[Effect, ...] = ()
    not_checked: tuple[str, ...] = ()
