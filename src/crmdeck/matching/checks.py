"""Warnings about a field pair: what an admin should know before accepting it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crmdeck.matching.context import Homes
from crmdeck.matching.directions import is_shell, obstacles
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.lexicon import own_concept
from crmdeck.model import Field, FieldType, MappingWarning, Rule, RuleKind
from crmdeck.text import count, first_few

_TEXTS = frozenset({FieldType.STRING, FieldType.TEXT, FieldType.HTML})
_LINES = frozenset({FieldType.EMAIL, FieldType.PHONE, FieldType.URL})
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.DECIMAL, FieldType.CURRENCY, FieldType.PERCENT})
_CHOICES = frozenset({FieldType.PICKLIST, FieldType.MULTIPICKLIST})
_DAYS = frozenset({FieldType.DATE, FieldType.DATETIME})
_UNBOUNDED = frozenset({FieldType.TEXT, FieldType.HTML})
_FAMILIES = (_NUMBERS, _DAYS, _CHOICES)
_MAX_NAMED = 3
_MAX_VALUE_WIDTH = 40


def warn(
    left: Field,
    right: Field,
    *,
    knowledge: Knowledge | None = None,
    homes: Homes = (None, None),
    writes: bool = True,
    reads: bool = True,
) -> tuple[MappingWarning, ...]:
    """Return the warnings about a PartnerOS field and a CRM field, worst first.

    Without `writes`, those about values written to the CRM are left out, because preflight judges
    them. Without `reads`, those about values read from the CRM are left out.

    A field that is only read needs no checks of its size and values. An unknown attribute (None)
    gives no warning. `homes` are the known objects of both fields: if the names have different
    meanings there, that comes first.
    """
    found = list(_meaning_warnings(left, right, knowledge, homes) if knowledge is not None else ())
    found += _pair_warnings(left, right, knowledge)
    no_push, no_pull = obstacles(left, right, knowledge)
    if no_push is None:
        judged = frozenset() if writes else _JUDGED_BY_PREFLIGHT
        found += (one for one in _write_warnings(left, right) if one.code not in judged)
    if reads and no_pull is None:
        found += _write_warnings(right, left)
    return tuple({(warning.code, warning.text): warning for warning in found}.values())


_JUDGED_BY_PREFLIGHT = frozenset(
    {
        "TYPE_MISMATCH",
        "LENGTH_SHORTER",
        "PRECISION_LOST",
        "NUMBER_TOO_LARGE",
        "TIME_LOST",
        "NOT_A_CHOICE",
        "REQUIRED_MAY_BE_EMPTY",
    }
)


def warn_of_rules(right: Field, rules: Sequence[Rule] | None) -> tuple[MappingWarning, ...]:
    """Return the demands of the CRM's active rules on values written into a field.

    Rules with unknown fields don't count. `rules` are None if unreadable.
    """
    return tuple(
        MappingWarning(code="RULE", text=f"{right.name} is {rule.demand}.")
        if rule.kind in _PASSIVE
        else MappingWarning(code="RULE", text=f"{right.name} {rule.demand}.")
        for rule in rules or ()
        if rule.refuses and right.name in (rule.field, *rule.fields)
    )


# The demands of these need "is" before them.
_PASSIVE = frozenset(
    {RuleKind.VALIDATION, RuleKind.REQUIRED, RuleKind.CONDITIONAL, RuleKind.DUPLICATES}
)


def _meaning_warnings(
    left: Field, right: Field, knowledge: Knowledge, homes: Homes
) -> Iterator[MappingWarning]:
    ours, theirs = (
        own_concept(field, home, knowledge)
        for field, home in zip((left, right), homes, strict=True)
    )
    if ours is None or theirs is None or theirs in knowledge.akin(ours):
        return
    labels = [knowledge.concepts[concept].label.lower() for concept in (ours, theirs)]
    yield MappingWarning(
        code="ANOTHER_THING",
        text=f"Different meaning: {left.name} means {labels[0]}, {right.name} means {labels[1]}.",
    )


def _pair_warnings(
    left: Field, right: Field, knowledge: Knowledge | None
) -> Iterator[MappingWarning]:
    no_push, no_pull = obstacles(left, right, knowledge)
    if no_push and no_pull:
        yield MappingWarning(
            code="NOTHING_CAN_FLOW",
            text=f"Can't sync: {no_push} and {no_pull}.",
        )
    for field in (left, right):
        if field.archived:
            yield MappingWarning(
                code="ARCHIVED", text=f"{field.name} is archived and may be removed."
            )
        if is_shell(field):
            yield MappingWarning(
                code="COMPOUND_SHELL",
                text=f"{field.name} combines other fields. Map those instead.",
            )
    if FieldType.REFERENCE in (left.type, right.type):
        field = right if right.type is FieldType.REFERENCE else left
        target = f" of {', '.join(field.references[:_MAX_NAMED])}" if field.references else ""
        yield MappingWarning(
            code="LOOKUP_NEEDED",
            text=f"{field.name} contains a record ID{target}. IDs differ between systems: the sync "
            "must look them up.",
        )


def _write_warnings(source: Field, target: Field) -> Iterator[MappingWarning]:
    if reason := _misfit(source.type, target.type):
        yield MappingWarning(
            code="TYPE_MISMATCH",
            text=f"{source.name} ({source.type}) doesn't fit {target.name} ({target.type}): "
            f"{reason}.",
        )
        return
    yield from _size_warnings(source, target)
    yield from _value_warnings(source, target)
    if target.required and source.required is False:
        yield MappingWarning(
            code="REQUIRED_MAY_BE_EMPTY",
            text=f"{target.name} is required, but {source.name} may be empty.",
        )
    if target.unique and source.unique is False:
        yield MappingWarning(
            code="MUST_BE_UNIQUE",
            text=f"{target.name} must be unique, but {source.name} may repeat.",
        )


def _misfit(source: FieldType, target: FieldType) -> str | None:
    """Return why values of one type can't be written into the other, or None if they can."""
    either = (source, target)
    if source is target or FieldType.OTHER in either or FieldType.REFERENCE in either:
        return None
    if FieldType.BINARY in either or FieldType.COMPOUND in either:
        return "the types have no values in common"
    if target in _TEXTS or any(set(either) <= family for family in _FAMILIES):
        return None
    if target in _LINES:
        return None if source in _TEXTS else f"the values aren't {target} values"
    if target in _CHOICES:
        return "a date can't be a picklist value" if source in _DAYS else None
    if source in _TEXTS:
        return f"not every text is a valid {target}"
    if target is FieldType.BOOLEAN and source in _CHOICES:
        return None
    return "the values can't be converted"


def _size_warnings(source: Field, target: Field) -> Iterator[MappingWarning]:
    textual = target.type in _TEXTS | _LINES and source.type in _TEXTS | _LINES
    if textual and target.length:
        if source.length and source.length > target.length:
            yield MappingWarning(
                code="LENGTH_SHORTER",
                text=f"{target.name} allows {target.length} characters, {source.name} up to "
                f"{source.length}. Longer values are cut or rejected.",
            )
        elif not source.length and source.type in _UNBOUNDED:
            yield MappingWarning(
                code="LENGTH_SHORTER",
                text=f"{target.name} allows {target.length} characters, but {source.name} has no "
                "known limit. Longer values are cut or rejected.",
            )
    if source.type in _NUMBERS and target.type in _NUMBERS:
        yield from _digit_warnings(source, target)
    if source.type is FieldType.DATETIME and target.type is FieldType.DATE:
        yield MappingWarning(
            code="TIME_LOST",
            text=f"{target.name} is a date and drops the time of day of {source.name}.",
        )
    if source.type is FieldType.HTML and target.type is not FieldType.HTML:
        yield MappingWarning(
            code="FORMAT_LOST",
            text=f"{target.name} is plain text and drops the formatting of {source.name}.",
        )


def _digit_warnings(source: Field, target: Field) -> Iterator[MappingWarning]:
    source_scale = 0 if source.type is FieldType.INTEGER else source.scale
    target_scale = 0 if target.type is FieldType.INTEGER else target.scale
    may_have_decimals = source_scale is None and target.type is FieldType.INTEGER
    if may_have_decimals or (
        source_scale is not None and target_scale is not None and source_scale > target_scale
    ):
        yield MappingWarning(
            code="PRECISION_LOST",
            text=f"{target.name} keeps {target_scale or 'no'} decimal places, but {source.name} "
            "may have more.",
        )
    if source.precision is None or target.precision is None:
        return
    if source.precision - (source_scale or 0) > target.precision - (target_scale or 0):
        yield MappingWarning(
            code="NUMBER_TOO_LARGE",
            text=f"{target.name} allows {target.precision - (target_scale or 0)} digits before "
            f"the decimal point, but {source.name} may have more.",
        )


def _value_warnings(source: Field, target: Field) -> Iterator[MappingWarning]:
    if source.type is FieldType.MULTIPICKLIST and target.type in (
        FieldType.PICKLIST,
        FieldType.BOOLEAN,
    ):
        yield MappingWarning(
            code="MULTI_TO_SINGLE",
            text=f"{source.name} may have several values, but {target.name} allows one.",
        )
    if target.type not in _CHOICES:
        if target.type is FieldType.BOOLEAN and source.type in _CHOICES:
            yield MappingWarning(
                code="VALUE_MAP_NEEDED",
                text=f"{target.name} is yes or no. Map the values of {source.name} to it.",
            )
        return
    if source.type not in _CHOICES:
        if target.restricted is not False:
            yield MappingWarning(
                code="NOT_A_CHOICE",
                text=f"{target.name} is a picklist, but {source.name} may have any value.",
            )
        return
    yield from _picklist_warnings(source, target)


def _picklist_warnings(source: Field, target: Field) -> Iterator[MappingWarning]:
    if not (source.picklist and target.picklist):
        return
    active = [value for value in target.picklist if value.active]
    taken = {value.value for value in active}
    similar = {text.casefold() for value in active for text in (value.value, value.label)}
    differing = [v for v in source.picklist if v.active and v.value not in taken]
    missing = [
        v.value
        for v in differing
        if similar.isdisjoint((v.value.casefold(), (v.label or v.value).casefold()))
    ]
    if differing and not missing:
        yield MappingWarning(
            code="VALUE_MAP_NEEDED",
            text=f"{target.name} spells {count(len(differing), 'value')} differently. "
            "Map the values.",
        )
    elif missing:
        named = first_few([_short(value) for value in missing], _MAX_NAMED)
        yield MappingWarning(
            code="VALUE_MAP_NEEDED",
            text=f"{target.name} has no value for {named}. Map the values.",
        )


def _short(value: str) -> str:
    return value if len(value) <= _MAX_VALUE_WIDTH else value[: _MAX_VALUE_WIDTH - 1] + "…"
