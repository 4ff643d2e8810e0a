"""What a CRM object lacks for the PartnerOS fields of a pair."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from crmdeck.model import (
    DecisionState,
    Direction,
    Field,
    FieldType,
    Lack,
    MappingLine,
    ObjectSchema,
    PicklistValue,
)

_TEXTS = frozenset({FieldType.STRING, FieldType.TEXT, FieldType.HTML})
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.DECIMAL, FieldType.CURRENCY, FieldType.PERCENT})
# For PartnerOS fields without a scale: money has cents; other numbers can have any scale.
_USUAL_SCALES = {FieldType.INTEGER: 0, FieldType.CURRENCY: 2}
_CHOICES = frozenset({FieldType.PICKLIST, FieldType.MULTIPICKLIST})


def find_lacks(
    lines: Iterable[MappingLine],
    sources: Mapping[str, Field],
    schema: ObjectSchema,
    *,
    matched: Collection[str] = (),
    chosen: Collection[str] = (),
) -> Iterator[Lack]:
    """Yield the gaps of the CRM for each PartnerOS field, or only for the `chosen` ones.

    `matched` names the undecided PartnerOS fields with a suggestion: they need no new field,
    unless they are chosen.
    """
    fields = {field.name: field for field in schema.fields}
    for line in lines:
        source = sources.get(line.partner_field)
        if source is None or (chosen and source.name not in chosen):
            continue
        target = fields.get(line.crm_field or "")
        if line.state is not DecisionState.ACCEPTED:
            if source.name in chosen or source.name not in matched:
                yield Lack(source=source)
        elif target is None:
            if source.name in chosen:
                yield Lack(source=source)
        elif line.direction is not Direction.PULL:
            yield from _shortcomings(source, target, line.value_map)


def find_missing_access(lines: Iterable[MappingLine], schema: ObjectSchema) -> dict[str, str]:
    """Return the letters of the permissions that accepted rows lack, by CRM field.

    Those of the object itself are under the empty name.
    """
    fields = {field.name: field for field in schema.fields}
    rows = [line for line in lines if line.state is DecisionState.ACCEPTED and line.crm_field]
    found: dict[str, str] = {}
    for line in rows:
        target = fields.get(line.crm_field or "")
        needed = "R" if line.direction is Direction.PULL else "RE"
        if target is not None and target.sync_user is not None:
            lacks = "".join(letter for letter in target.sync_user.lacks if letter in needed)
            if lacks:
                found[target.name] = lacks
    pushes = any(line.direction is not Direction.PULL for line in rows)
    above = schema.sync_user.lacks if schema.sync_user is not None and rows else ""
    lacks = "".join(letter for letter in above if letter in ("CRE" if pushes else "R"))
    return found | ({"": lacks} if lacks else {})


def _shortcomings(
    source: Field, target: Field, value_map: Mapping[str, str] | None
) -> Iterator[Lack]:
    if target.type in _TEXTS and source.length and target.length:
        if source.length > target.length:
            yield Lack(source=source, target=target, length=source.length)
    elif target.type in _NUMBERS and source.type in _NUMBERS and target.precision:
        scale = target.scale or 0
        wanted = _USUAL_SCALES.get(source.type) if source.scale is None else source.scale
        finer = max(scale, wanted or 0)
        # A CRM's precision counts all digits: more decimals alone would cost digits before them.
        digits = target.precision - scale
        if source.precision is not None and wanted is not None:
            digits = max(digits, source.precision - wanted)
        if (finer, digits) != (scale, target.precision - scale):
            yield Lack(source=source, target=target, precision=digits + finer, scale=finer)
    elif target.type in _CHOICES and source.type in _CHOICES and target.picklist:
        known = {each.value for each in target.picklist if each.active}
        missing: dict[str, PicklistValue] = {}
        for each in source.picklist:
            value = (value_map or {}).get(each.value, each.value)
            if each.active and value not in known:
                label = each.label if value == each.value else value
                missing[value] = PicklistValue(value=value, label=label or value)
        if missing:
            yield Lack(source=source, target=target, values=tuple(missing.values()))
