"""What a planned change of a field breaks, as far as the cached schemas and mappings show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crmdeck.drift.detect import AcceptedField
from crmdeck.drift.usage import kind_words, use_name
from crmdeck.errors import UsageError
from crmdeck.formats.formula import paths_in
from crmdeck.model import (
    Direction,
    Effect,
    EffectKind,
    Field,
    FieldChange,
    FieldUsage,
    ObjectSchema,
    RuleKind,
    Severity,
)

RENAMED, REMOVED, SHORTENED = FieldChange.RENAMED, FieldChange.REMOVED, FieldChange.SHORTENED
SAFE, RISKY, BREAKING = Severity.SAFE, Severity.RISKY, Severity.BREAKING

_READS = {
    RENAMED: (RISKY, "reads the field by its old name"),
    REMOVED: (BREAKING, "reads the field; the CRM rejects the removal, or this stops working"),
    SHORTENED: (SAFE, "reads the field, and keeps working with shorter values"),
}
_OTHER_RULE = {
    RENAMED: (RISKY, "checks the field by its old name"),
    REMOVED: (RISKY, "checks the field, and no longer applies"),
    SHORTENED: (SAFE, "checks the field, and keeps working with shorter values"),
}
_DEPENDS = {
    RENAMED: (RISKY, "takes its allowed values from the field by its old name"),
    REMOVED: (BREAKING, "takes its allowed values from the field, and loses that dependency"),
}
_USES = {
    RENAMED: (RISKY, "uses the field by its old name"),
    REMOVED: (BREAKING, "uses the field; the CRM rejects the removal, or this stops working"),
    SHORTENED: (SAFE, "uses the field: check what it writes"),
}
_SHOWS = {
    RENAMED: (SAFE, "shows the field"),
    REMOVED: (RISKY, "shows the field, and loses it"),
    SHORTENED: (SAFE, "shows the field"),
}
_SHOWING_KINDS = frozenset({"Layout", "FlexiPage", "Report", "QuickAction"})

Relations = Mapping[str, Mapping[str, tuple[str, tuple[str, ...]]]]
"""By object and relationship name in lower case: the lookup field, and the objects it leads to."""


def require_length(field: Field, change: FieldChange) -> None:
    """Raise UsageError if a field without a known length is to be shortened."""
    if change is SHORTENED and not field.length and not field.precision:
        raise UsageError(
            f"{field.name} can't be shortened.",
            cause="The cached schema has neither a length nor a number of digits for the field.",
            remedy="Use --if removed or --if renamed",
            code="NO_LENGTH",
        )


def mapping_effects(
    change: FieldChange,
    mapped: Iterable[AcceptedField],
    partner_fields: Mapping[tuple[str, str], Field],
) -> list[Effect]:
    """Return the effects on the accepted mappings of the field.

    `partner_fields` are the PartnerOS fields by object pair and name.
    """
    found = []
    for one in mapped:
        severity = BREAKING
        if change is RENAMED:
            text = "the mapping uses the old name, and fails until you move it"
        elif change is REMOVED:
            text = "the mapping loses its CRM field, and fails"
        elif one.direction is Direction.PULL:
            severity, text = SAFE, "PartnerOS gets shorter values"
        else:
            partner = partner_fields.get((one.object_pair, one.partner_field))
            length = partner.length if partner else None
            allows = f"{length:,} characters" if length else "any length"
            severity = RISKY
            text = f"the CRM rejects longer values, and PartnerOS allows {allows}"
        name = f"{one.object_pair.partition('--')[0]}.{one.partner_field}"
        found.append(
            Effect(
                kind=EffectKind.MAPPING,
                severity=severity,
                object_type=one.crm_object,
                name=name,
                text=text,
            )
        )
    return found


def relations_of(schema: ObjectSchema) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the lookups of an object by relationship name in lower case."""
    found = {}
    for field in schema.fields:
        if field.references:
            name = field.relationship_name or _usual_relationship(field.name)
            found[name.casefold()] = (field.name, field.references)
    return found


def schema_effects(
    change: FieldChange,
    target: tuple[str, str],
    schema: ObjectSchema,
    relations: Relations,
) -> list[Effect]:
    """Return the effects on the rules and fields of an object if the field `target` changes.

    `target` is an object and a field; `schema` may be of another object.
    """
    found = []

    def note(kind: EffectKind, name: str, outcome: tuple[Severity, str]) -> None:
        severity, text = outcome
        found.append(
            Effect(
                kind=kind, severity=severity, object_type=schema.object_type, name=name, text=text
            )
        )

    own = schema.object_type == target[0]
    for rule in schema.rules or ():
        if not rule.active:
            continue
        is_read = rule.kind is RuleKind.VALIDATION and _reads(
            rule.expression, target, schema.object_type, relations
        )
        if is_read or (own and target[1] in (*rule.fields, rule.field)):
            outcomes = _READS if rule.kind is RuleKind.VALIDATION else _OTHER_RULE
            note(EffectKind.RULE, rule.name, outcomes[change])
    for field in schema.fields:
        if (schema.object_type, field.name) == target:
            continue
        if _reads(field.formula or "", target, schema.object_type, relations):
            note(EffectKind.FORMULA, field.name, _READS[change])
        default = field.default if field.default_is_formula else None
        if _reads(default or "", target, schema.object_type, relations):
            severity, text = _READS[change]
            note(EffectKind.FORMULA, field.name, (severity, f"its default value {text}"))
        if own and field.controller == target[1] and change in _DEPENDS:
            note(EffectKind.PICKLIST, field.name, _DEPENDS[change])
        for kind, words in (
            (EffectKind.LOOKUP_FILTER, field.lookup_filter),
            (EffectKind.ROLLUP, field.rollup),
        ):
            if _names(words or "", target, own):
                note(kind, field.name, _READS[change])
    return found


def usage_effects(change: FieldChange, usage: FieldUsage, shown: Iterable[Effect]) -> list[Effect]:
    """Return the effects on the uses of the field that the CRM reported.

    Those among `shown`, which the schema shows as well, are left out.
    """
    known = {_bare(each.name) for each in shown}
    found = []
    for use in usage.uses:
        if use.kind in ("ValidationRule", "CustomField") and _bare(use.name) in known:
            continue
        severity, text = (_SHOWS if use.kind in _SHOWING_KINDS else _USES)[change]
        name = f"{kind_words(use.kind)[0]} {use_name(use)}"
        found.append(Effect(kind=EffectKind.USAGE, severity=severity, name=name, text=text))
    return found


def worst_first(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Return effects by severity, then by kind, object and name."""
    kinds = list(EffectKind)
    return tuple(
        sorted(
            effects,
            key=lambda each: (
                -each.severity.rank,
                kinds.index(each.kind),
                each.object_type,
                each.name,
            ),
        )
    )


def _reads(formula: str, target: tuple[str, str], start: str, relations: Relations) -> bool:
    """True if a formula of the object `start` reads the field, also over lookups."""
    # Formulas ignore case in names.
    wanted = target[1].casefold()
    for *steps, last in paths_in(formula):
        objects = {start}
        for step in steps:
            ways = [relations.get(name, {}).get(step.casefold()) for name in objects]
            followed = [way for way in ways if way is not None]
            if target[0] in objects and any(way[0].casefold() == wanted for way in followed):
                return True
            # Other steps name an object: `$User.Email`, `SUM(Opportunity.Amount)`.
            objects = {name for _, names in followed for name in names} or {step.lstrip("$")}
        if target[0] in objects and last.casefold() == wanted:
            return True
    return False


def _names(text: str, target: tuple[str, str], own: bool) -> bool:
    """True if a roll-up or a lookup filter, which name fields in full, names the field."""
    paths = {tuple(part.casefold() for part in path) for path in paths_in(text)}
    full = (target[0].casefold(), target[1].casefold())
    return full in paths or (own and full[1:] in paths)


# Salesforce names relationships like this; not every source gives the name.
def _usual_relationship(lookup: str) -> str:
    if lookup.endswith("__c"):
        return f"{lookup[:-3]}__r"
    return lookup.removesuffix("Id")


def _bare(name: str) -> str:
    # The CRM's answer names a custom field without the suffix that the schema has.
    return name.casefold().removesuffix("__c")
