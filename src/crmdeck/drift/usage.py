"""Where a field is used: uses that the schema shows, the verdict, and the words for it."""

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
    UsageVerdict.DEPENDED_ON: "in use",
    UsageVerdict.LIKELY_SAFE: "likely safe",
    UsageVerdict.UNKNOWN: "unknown",
}

NOT_COVERED = (
    "Salesforce doesn't report list views, sharing rules, the inside of packages, and other "
    "systems that read the field by name."
)
"""What no answer covers, shown next to the verdict that nothing uses a field."""

# Display names of Tooling API types, the most fragile first.
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
    "EmailTemplate": ("email template", "email templates"),
    "Report": ("report", "reports"),
}


def uses_in_schema(schema: ObjectSchema, field_name: str) -> tuple[FieldUse, ...]:
    """Return the validation rules and formulas of an object that use a field."""
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
    reported: Iterable[FieldUse],
    in_schema: Iterable[FieldUse],
    not_checked: Sequence[str],
) -> FieldUsage:
    """Return the uses of a field with the verdict, without `asked_at`.

    `reported` are the uses from the CRM, `in_schema` those that the cached schema shows,
    `not_checked` sentences about gaps. A field without uses is safe only if there are no gaps.
    """
    by_name: dict[tuple[str, str], FieldUse] = {}
    # The CRM's answer comes first, because only it names packages.
    for position, use in enumerate((*reported, *in_schema)):
        # A CRM omits the suffix that a schema has. Uses without a name are all different.
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
    """Return the singular and plural of a kind: custom tab, custom tabs for `CustomTab`."""
    if kind in _KINDS:
        return _KINDS[kind]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind).lower()
    return words, f"{words}s"


def usage_summary(usage: FieldUsage) -> str:
    """Return the verdict with its reason in one line."""
    word = VERDICT_WORDS[usage.verdict]
    if usage.uses:
        kinds = Counter(use.kind for use in usage.uses)
        found = ", ".join(count(number, *kind_words(kind)) for kind, number in kinds.items())
        return f"{word}: {found}"
    if usage.not_checked:
        return f"{word}: {usage.not_checked[0]}"
    return f"{word}: the CRM reports no use of it"


def use_name(use: FieldUse) -> str:
    """Return the name of a use, with its package."""
    name = use.name or "(unknown)"
    return f"{name} (package {use.namespace})" if use.namespace else name


def uses_by_kind(usage: FieldUsage) -> dict[str, list[str]]:
    """Return the names of the uses by the plural of their kind, the most fragile kind first."""
    found: dict[str, list[str]] = {}
    for use in usage.uses:
        found.setdefault(kind_words(use.kind)[1], []).append(use_name(use))
    return found


def _order(use: FieldUse) -> tuple[int, str, str]:
    # Kinds that are missing from the table come last, by name.
    known = list(_KINDS)
    place = known.index(use.kind) if use.kind in _KINDS else len(known)
    return place, use.kind, use.name.casefold()
