"""Where else a field is used: what the cached schema shows of it, the verdict, and its wording."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from crmdeck.formats.formula import fields_in
from crmdeck.model import (
    FieldUsage,
    FieldUse,
    ObjectSchema,
    RuleKind,
    UsageVerdict,
)
from crmdeck.text import count

VERDICT_WORDS = {
    UsageVerdict.DEPENDED_ON: "depended on",
    UsageVerdict.LIKELY_SAFE: "likely safe",
    UsageVerdict.UNKNOWN: "unknown",
}

NOT_COVERED = (
    "Not among what Salesforce tells: list views, sharing rules, what a package keeps to itself, "
    "and other systems that read the field by name."
)
"""What no answer covers: it stands beside the verdict that nothing uses a field."""

# What an admin calls a type of the Tooling API, in order of what breaks worst.
_KINDS = {
    "Flow": ("flow", "flows"),
    "ValidationRule": ("validation rule", "validation rules"),
    "ApexTrigger": ("Apex trigger", "Apex triggers"),
    "ApexClass": ("Apex class", "Apex classes"),
    "WorkflowRule": ("workflow rule", "workflow rules"),
    "WorkflowFieldUpdate": ("field update", "field updates"),
    "CustomField": ("other field", "other fields"),
    "LightningComponentBundle": ("Lightning component", "Lightning components"),
    "AuraDefinitionBundle": ("Aura component", "Aura components"),
    "ApexPage": ("Visualforce page", "Visualforce pages"),
    "ApexComponent": ("Visualforce component", "Visualforce components"),
    "FlexiPage": ("Lightning page", "Lightning pages"),
    "Layout": ("page layout", "page layouts"),
    "QuickAction": ("quick action", "quick actions"),
    "EmailTemplate": ("e-mail template", "e-mail templates"),
    "Report": ("report", "reports"),
}


def uses_in_schema(schema: ObjectSchema, field_name: str) -> tuple[FieldUse, ...]:
    """Return what in the object type itself looks at a field: rules and formulas of others."""
    found = [
        FieldUse(kind="ValidationRule", name=rule.name)
        for rule in schema.rules or ()
        if rule.kind is RuleKind.VALIDATION and rule.active and field_name in rule.fields
    ]
    found += [
        FieldUse(kind="CustomField", name=field.name)
        for field in schema.fields
        if field.formula and field.name != field_name and fields_in(field.formula, [field_name])
    ]
    return tuple(found)


def judge_usage(
    object_type: str,
    field_name: str,
    told: Iterable[FieldUse],
    seen: Iterable[FieldUse],
    not_checked: Sequence[str],
) -> FieldUsage:
    """Return what uses a field, with the verdict; the caller sets `asked_at`.

    `told` is what the CRM answered, `seen` what the cached schema shows, `not_checked` what is not
    known. Whatever was found is depended on; that nothing was found is safe only where nothing
    is not_checked.
    """
    by_name: dict[tuple[str, str], FieldUse] = {}
    for position, use in enumerate((*told, *seen)):
        # A CRM leaves the suffix out where a schema has it; nameless ones are each their own.
        key = re.sub(r"__c$", "", use.name).casefold() or f"#{position}"
        by_name.setdefault((use.kind, key), use)
    uses = tuple(sorted(by_name.values(), key=_order))
    if uses:
        verdict = UsageVerdict.DEPENDED_ON
    else:
        verdict = UsageVerdict.UNKNOWN if not_checked else UsageVerdict.LIKELY_SAFE
    return FieldUsage(
        object_type=object_type,
        field_name=field_name,
        verdict=verdict,
        uses=uses,
        not_checked=tuple(not_checked),
    )


def kind_words(kind: str) -> tuple[str, str]:
    """Return how people call one, and several, of a kind; `CustomTab` is a custom tab."""
    if kind in _KINDS:
        return _KINDS[kind]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind).lower()
    return words, f"{words}s"


def usage_summary(usage: FieldUsage) -> str:
    """Return the verdict with its reason on one line."""
    word = VERDICT_WORDS[usage.verdict]
    if usage.uses:
        kinds = Counter(use.kind for use in usage.uses)
        told = ", ".join(count(number, *kind_words(kind)) for kind, number in kinds.items())
        return f"{word}: {told}"
    if usage.not_checked:
        return f"{word}: {usage.not_checked[0]}"
    return f"{word}: nothing that the CRM tells of uses it"


def use_name(use: FieldUse) -> str:
    """Return what something that uses a field is called, with the package that it is of."""
    name = use.name or "(not told)"
    return f"{name} (package {use.namespace})" if use.namespace else name


def uses_by_kind(usage: FieldUsage) -> dict[str, list[str]]:
    """Return the names of what uses a field by what people call its kind, the worst first."""
    found: dict[str, list[str]] = {}
    for use in usage.uses:
        found.setdefault(kind_words(use.kind)[1], []).append(use_name(use))
    return found


def _order(use: FieldUse) -> tuple[int, str, str]:
    known = list(_KINDS)
    place = known.index(use.kind) if use.kind in _KINDS else len(known)
    return place, use.kind, use.name.casefold()
