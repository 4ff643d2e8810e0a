"""What may go wrong when values of a pair flow, and which required CRM fields nothing feeds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from crmdeck.matching.context import Homes
from crmdeck.matching.directions import is_shell, suggest_direction, why_locked
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.lexicon import own_concept
from crmdeck.model import Direction, Field, FieldType, MappingWarning, Rule, RuleKind

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
) -> tuple[MappingWarning, ...]:
    """Return what speaks against the pair of a PartnerOS and a CRM field, the gravest first.

    Only what can flow is judged: a field that is only read from is not asked what it can hold.
    What a source does not say (`None`) is never held against a field. Fields of known `homes`
    that are two different things by their own names say so first.
    """
    found = list(_of_the_meaning(left, right, knowledge, homes) if knowledge is not None else ())
    found += _of_the_pair(left, right, knowledge)
    direction, _ = suggest_direction(left, right, knowledge=knowledge)
    if not _nothing_flows(left, right, knowledge):
        if direction is not Direction.PULL:
            found += _of_the_flow(left, right)
        if direction is not Direction.PUSH:
            found += _of_the_flow(right, left)
    return tuple({(warning.code, warning.text): warning for warning in found}.values())


def warn_of_rules(right: Field, rules: Sequence[Rule] | None) -> tuple[MappingWarning, ...]:
    """Return what the CRM's rules ask of a value that is written into a field.

    Rules that look at the field among others count; those of which the fields are not known do
    not. None (they could not be read) warns of nothing, since nothing is known.
    """
    return tuple(
        MappingWarning(code="RULE", text=f"{right.name} is {rule.demand}.")
        if rule.kind in (RuleKind.VALIDATION, RuleKind.REQUIRED, RuleKind.CONDITIONAL)
        else MappingWarning(code="RULE", text=f"{right.name} {rule.demand}.")
        for rule in rules or ()
        if rule.active and right.name in (rule.field, *rule.fields)
    )


def blocking(right: Sequence[Field], mapped: Collection[str]) -> tuple[Field, ...]:
    """Return the CRM fields that a new record must have and that nothing feeds, in their order.

    `mapped` names the CRM fields that something is written into. An empty default fills nothing:
    it is how a source says that there is none.
    """
    fed = frozenset(mapped)
    return tuple(
        field
        for field in right
        if field.required
        and field.name not in fed
        and field.createable is not False
        and not field.default
        and not field.archived
        and not field.calculated
        and not is_shell(field)
    )


def _nothing_flows(left: Field, right: Field, knowledge: Knowledge | None) -> bool:
    into_right = why_locked(right, knowledge) is None and left.readable is not False
    into_left = why_locked(left, knowledge) is None and right.readable is not False
    return not (into_right or into_left)


def _of_the_meaning(
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
        text=f"{left.name} is what CRMs call {labels[0]}, {right.name} is {labels[1]}.",
    )


def _of_the_pair(
    left: Field, right: Field, knowledge: Knowledge | None
) -> Iterator[MappingWarning]:
    if _nothing_flows(left, right, knowledge):
        yield MappingWarning(
            code="NOTHING_CAN_FLOW",
            text=f"Neither {left.name} nor {right.name} can be written: nothing can flow.",
        )
    for field in (left, right):
        if field.archived:
            yield MappingWarning(code="ARCHIVED", text=f"{field.name} is archived: it may go away.")
        if is_shell(field):
            yield MappingWarning(
                code="COMPOUND_SHELL",
                text=f"{field.name} only shows its parts: map the parts to write them.",
            )
    if FieldType.REFERENCE in (left.type, right.type):
        field = right if right.type is FieldType.REFERENCE else left
        target = f" of {', '.join(field.references[:_MAX_NAMED])}" if field.references else ""
        yield MappingWarning(
            code="LOOKUP_NEEDED",
            text=f"{field.name} holds the id{target}: ids differ between systems, look them up.",
        )


def _of_the_flow(source: Field, target: Field) -> Iterator[MappingWarning]:
    if reason := _misfit(source.type, target.type):
        yield MappingWarning(
            code="TYPE_MISMATCH",
            text=f"{source.name} ({source.type}) does not fit into {target.name} "
            f"({target.type}): {reason}.",
        )
        return
    yield from _of_the_size(source, target)
    yield from _of_the_values(source, target)
    if target.required and source.required is False:
        yield MappingWarning(
            code="REQUIRED_MAY_BE_EMPTY",
            text=f"{target.name} needs a value, and {source.name} may be empty.",
        )
    if target.unique and source.unique is False:
        yield MappingWarning(
            code="MUST_BE_UNIQUE",
            text=f"{target.name} takes each value once, and {source.name} may repeat.",
        )


def _misfit(source: FieldType, target: FieldType) -> str | None:
    """Return why values of one type can't be written into a field of another, or None."""
    either = (source, target)
    if source is target or FieldType.OTHER in either or FieldType.REFERENCE in either:
        return None
    if FieldType.BINARY in either or FieldType.COMPOUND in either:
        return "they share no values"
    if target in _TEXTS or any(set(either) <= family for family in _FAMILIES):
        return None
    if target in _LINES:
        return None if source in _TEXTS else f"its values are no {target} values"
    if target in _CHOICES:
        return "it is a moment, not a choice" if source in _DAYS else None
    if source in _TEXTS:
        return f"not every text is a {target} value"
    if target is FieldType.BOOLEAN and source in _CHOICES:
        return None
    return "the values can't be converted"


def _of_the_size(source: Field, target: Field) -> Iterator[MappingWarning]:
    textual = target.type in _TEXTS | _LINES and source.type in _TEXTS | _LINES
    if textual and target.length:
        if source.length and source.length > target.length:
            yield MappingWarning(
                code="LENGTH_SHORTER",
                text=f"{target.name} holds {target.length} characters, {source.name} up to "
                f"{source.length}: long values are cut or refused.",
            )
        elif not source.length and source.type in _UNBOUNDED:
            yield MappingWarning(
                code="LENGTH_SHORTER",
                text=f"{target.name} holds {target.length} characters, {source.name} names no "
                "limit: long values are cut or refused.",
            )
    if source.type in _NUMBERS and target.type in _NUMBERS:
        yield from _of_the_digits(source, target)
    if source.type is FieldType.DATETIME and target.type is FieldType.DATE:
        yield MappingWarning(
            code="TIME_LOST", text=f"{target.name} is a date: the time of {source.name} is lost."
        )
    if source.type is FieldType.HTML and target.type is not FieldType.HTML:
        yield MappingWarning(
            code="FORMAT_LOST",
            text=f"{target.name} holds plain text: the formatting of {source.name} is lost.",
        )


def _of_the_digits(source: Field, target: Field) -> Iterator[MappingWarning]:
    source_scale = 0 if source.type is FieldType.INTEGER else source.scale
    target_scale = 0 if target.type is FieldType.INTEGER else target.scale
    may_have_decimals = source_scale is None and target.type is FieldType.INTEGER
    if may_have_decimals or (
        source_scale is not None and target_scale is not None and source_scale > target_scale
    ):
        yield MappingWarning(
            code="PRECISION_LOST",
            text=f"{target.name} keeps {target_scale or 'no'} decimal places, "
            f"{source.name} may have more.",
        )
    if source.precision is None or target.precision is None:
        return
    if source.precision - (source_scale or 0) > target.precision - (target_scale or 0):
        yield MappingWarning(
            code="NUMBER_TOO_LARGE",
            text=f"{target.name} holds {target.precision - (target_scale or 0)} digits before "
            f"the point, {source.name} may have more.",
        )


def _of_the_values(source: Field, target: Field) -> Iterator[MappingWarning]:
    if source.type is FieldType.MULTIPICKLIST and target.type in (
        FieldType.PICKLIST,
        FieldType.BOOLEAN,
    ):
        yield MappingWarning(
            code="MULTI_TO_SINGLE",
            text=f"{source.name} may hold several values, {target.name} takes one.",
        )
    if target.type not in _CHOICES:
        if target.type is FieldType.BOOLEAN and source.type in _CHOICES:
            yield MappingWarning(
                code="VALUE_MAP_NEEDED",
                text=f"{target.name} is yes or no: say which values of {source.name} are which.",
            )
        return
    if source.type not in _CHOICES:
        if target.restricted is not False:
            yield MappingWarning(
                code="NOT_A_CHOICE",
                text=f"{target.name} is a picklist, and {source.name} may hold any value.",
            )
        return
    yield from _of_the_choices(source, target)


def _of_the_choices(source: Field, target: Field) -> Iterator[MappingWarning]:
    if not (source.picklist and target.picklist):
        return
    taken = {value.value for value in target.picklist if value.active}
    missing = [v.value for v in source.picklist if v.active and v.value not in taken]
    if missing:
        more = "" if len(missing) <= _MAX_NAMED else f" and {len(missing) - _MAX_NAMED} more"
        named = ", ".join(_short(value) for value in missing[:_MAX_NAMED])
        yield MappingWarning(
            code="VALUE_MAP_NEEDED",
            text=f"{target.name} does not know {named}{more}: map the values.",
        )


def _short(value: str) -> str:
    return value if len(value) <= _MAX_VALUE_WIDTH else value[: _MAX_VALUE_WIDTH - 1] + "…"
