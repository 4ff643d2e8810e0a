"""Words for rows, choices and decisions, the same everywhere. CRM texts stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crmdeck.drift.wording import what_happened
from crmdeck.mapping.rows import CEILING, Group, MappingRow, Trouble
from crmdeck.model import (
    STOPPING,
    Choice,
    Decision,
    DecisionState,
    Direction,
    Field,
    FieldType,
    MappingWarning,
    ObjectPair,
    Outcome,
)
from crmdeck.preflight.edges import ALWAYS, FailsWhen
from crmdeck.text import count, first_few

FILLED_ELSEWHERE = "filled elsewhere"
# Four of five candidates below this match are wrong, and most of them are nonsense to a reader.
WORTH_NAMING = 0.2
OUTCOME_SIGNS = {
    Outcome.REJECTED: "✕",
    Outcome.UNLESS_AUTOMATION: "▲",
    Outcome.UNLESS_USER: "▲",
    Outcome.CHANGED: "~",
    Outcome.UNKNOWN: "?",
}
SIGNS = {
    DecisionState.ACCEPTED: "✓",
    DecisionState.REJECTED: "–",
    DecisionState.PENDING: "○",
}
DIRECTION_WORDS = {
    Direction.PUSH: "PartnerOS to CRM",
    Direction.PULL: "CRM to PartnerOS",
    Direction.BIDIRECTIONAL: "both ways",
}
STATE_WORDS = {
    DecisionState.ACCEPTED: ("mapped", "accepted"),
    DecisionState.REJECTED: ("rejected", "unmapped"),
    DecisionState.PENDING: ("pending", "open", "undecided"),
}
"""The words that a filter accepts for each state; the last one is shown."""


def percent(confidence: float) -> str:
    """Return a confidence as a whole percentage, `92%`; never more than 99%."""
    # `round` would turn 88.5 into 88, but 89.5 into 90.
    return f"{min(99, int(confidence * 100 + 0.5))}%"


def pair_text(pair: str) -> str:
    """Return `deal_registration → Opportunity`."""
    parsed = ObjectPair.parse(pair)
    return f"{parsed.partner_object} → {parsed.crm_object}"


def type_text(field: Field) -> str:
    """Return a field's type with its limit: `string(80)`, `picklist of 5`."""
    name = field.type.value if field.type is not FieldType.OTHER else field.native_type or "untyped"
    if field.length and field.type not in _WITHOUT_LENGTH:
        return f"{name}({field.length})"
    if field.picklist:
        return f"{name} of {len(field.picklist):,}"
    if field.references:
        return f"{name} to {first_few(field.references, _NAMED)}"
    return name


_NAMED = 3
_WITHOUT_LENGTH = (FieldType.PICKLIST, FieldType.MULTIPICKLIST, FieldType.REFERENCE)


def crm_text(row: MappingRow) -> str:
    """Return the CRM field of a row, or the reason for having none."""
    if row.crm_field is not None:
        return row.crm_field
    return "unmapped" if row.state is DecisionState.REJECTED else "no suggestion"


def row_note(row: MappingRow) -> str:
    """Return when a row fails, or its most important problem, in a few words, or an empty text."""
    if row.required:
        return "required: a accepts" if row.is_high else "required: check it"
    if shows_failure(row):
        return fails_when_text(row)
    match row.trouble:
        case Trouble.FAILING | Trouble.REVIEW:
            worst = max(row.open_drift, key=lambda event: event.severity.rank, default=None)
            if row.right is None and row.renamed_to:
                return "removed, renamed?"
            return what_happened(worst) if worst is not None else "no longer in the schema"
        case Trouble.STUCK:
            return "can't sync"
        case Trouble.WARNED if row.unmapped_values:
            return f"{count(row.unmapped_values, 'value')} not mapped"
        case Trouble.WARNED:
            return warning_words(row, row.warnings[0].code)
    return best_text(row) if row.group is Group.NO_MATCH else ""


def shows_failure(row: MappingRow) -> bool:
    """True if the verdict of preflight matters more than any other problem of the row."""
    return bool(row.failures) and row.trouble in (
        None,
        Trouble.FAILING,
        Trouble.REVIEW,
        Trouble.WARNED,
    )


def fails_when_text(row: MappingRow) -> str:
    """Return the worst verdict of preflight with its sign, empty if there is none."""
    if not row.failures:
        return ""
    worst = row.failures[0]
    # Several values of a picklist can fail for one reason; the row has room for one line.
    same = [one for one in row.failures if (one.outcome, one.code) == (worst.outcome, worst.code)]
    return f"{OUTCOME_SIGNS[worst.outcome]} {_when(row, worst, len(same))}"


def _when(row: MappingRow, worst: FailsWhen, same: int) -> str:
    if worst.when == ALWAYS:
        renamed = worst.code == "FIELD_GONE" and row.renamed_to
        return f"{ALWAYS}: {'renamed?' if renamed else worst.reason}"
    if worst.when in row.values and same > 1:
        return f"{same} of {len(row.values)} values: {worst.reason}"
    if worst.outcome in STOPPING and worst.rule is None and worst.when not in row.values:
        return worst.when
    return f"{worst.when}: {worst.reason}"


def as_warning(failure: FailsWhen) -> MappingWarning:
    """Return a verdict of preflight as a warning about its field pair."""
    text = f"{failure.crm_field}: {failure.when} ({failure.reason})."
    return MappingWarning(code=failure.code, text=text)


def failure_text(failure: FailsWhen) -> str:
    """Return one verdict of preflight: `✕ 81 characters or more: longer than 80 characters`."""
    needs = f", needs {', '.join(failure.needs)}" if failure.needs else ""
    return f"{OUTCOME_SIGNS[failure.outcome]} {failure.when}: {failure.reason}{needs}"


def row_line(row: MappingRow) -> str:
    """Return a row with its match and its problem: `Status ↔ Status__c  99%  map the values`."""
    arrow = row.direction.arrow if row.crm_field is not None else "→"
    known = percent(row.confidence) if row.confidence is not None else ""
    return "  ".join(filter(None, (f"{row.title} {arrow} {crm_text(row)}", known, row_note(row))))


def left_out_text(rows: Sequence[MappingRow], *, named: bool = False) -> str:
    """Return why these high matches need a look: `2 can't sync, 1 needs a value map`.

    `named` has the names of the rows instead of their number.
    """
    stuck = [row for row in rows if not row.can_sync]
    values = [row for row in rows if row not in stuck and row.needs_value_map]
    fail = [row for row in rows if row not in (*stuck, *values) and row.would_fail]
    parts = []
    for found, one, several in (
        (stuck, "can't sync", "can't sync"),
        (values, "needs a value map", "need a value map"),
        (fail, "fails", "fail"),
    ):
        who = first_few([row.title for row in found], _NAMED) if named else f"{len(found)}"
        if found:
            parts.append(f"{who} {one if len(found) == 1 else several}")
    return ("; " if named else ", ").join(parts)


def best_text(row: MappingRow) -> str:
    """Return the best candidate for a row without a suggestion, or the probability of none.

    `taken by Deal name`, `best: Name 43%` or `no match 88%`. Fields suggested for other rows don't
    count.
    """
    if row.taken_by:
        return f"taken by {row.taken_by}"
    free = (one for one in row.candidates if one.crm_field not in row.claimed)
    best = next((one for one in free if (one.confidence or 0) >= WORTH_NAMING), None)
    if best is not None:
        return f"best: {best.crm_field} {percent(best.confidence or 0)}"
    some = sum(one.confidence or 0 for one in row.candidates)
    return f"no match {percent(min(max(1 - some, 0), CEILING))}" if row.candidates else "no match"


def warning_words(row: MappingRow, code: str) -> str:
    """Return a kind of warning in a few words, with its figure if there is one."""
    right = row.right
    if code == "LENGTH_SHORTER" and right is not None and row.direction is not Direction.PULL:
        return f"may be cut at {right.length}" if right.length else "may be cut"
    if code == "VALUE_MAP_NEEDED" and (missing := missing_values(row)):
        return f"{len(row.values) - len(missing)} of {len(row.values)} values"
    return _WARNING_WORDS.get(code, code.replace("_", " ").lower())


def missing_values(row: MappingRow) -> tuple[str, ...]:
    """Return the labels of the PartnerOS values without a CRM value.

    Without a stored value map, PartnerOS sends its own values.
    """
    labels = {value.value: value.label or value.value for value in row.partner.picklist}
    if row.value_map is not None:
        return tuple(labels.get(one, one) for one in row.values if one not in row.value_map)
    there = {value.value for value in (row.right.picklist if row.right else ()) if value.active}
    return tuple(labels[one] for one in row.values if one not in there)


def matched_values_text(row: MappingRow) -> str:
    """Return the number of PartnerOS values with a CRM value, and those that have none."""
    missing, total = missing_values(row), len(row.values)
    found = "mapped" if row.value_map is not None else "match"
    if not missing:
        return f"all {total} {found}"
    if len(missing) == total:
        return f"none of {total} {found}"
    verb = "has" if len(missing) == 1 else "have"
    return f"{total - len(missing)} of {total} {found}; {', '.join(missing)} {verb} no CRM value"


_SHORT = {
    "required: a accepts": "a accepts",
    "required: check it": "check it",
    "no longer in the schema": "gone",
    "text into a picklist": "text to picklist",
    "several into one": "several to one",
    "may be too large": "too large",
    "drops the time of day": "drops time",
    "different meaning": "other meaning",
    "drops formatting": "drops format",
    "removed, renamed?": "renamed?",
}


def shortened(words: str, width: int) -> str:
    """Return a note in a shorter wording if it needs more than `width` cells and has one."""
    if len(words) <= width:
        return words
    text = _SHORT.get(words, words)
    text = text.removeprefix("may be ").replace(" values not mapped", " not mapped")
    text = _CHARACTERS.sub(_more_than, text)
    text = _LARGE.sub(_more_digits, text)
    text = text.replace("the time of day is dropped", "drops time")
    if len(text) > width:
        text = text.replace(f"{ALWAYS}: ", "").replace(" characters", "")
    return text if len(text) <= width else text.partition(":")[0]


_CHARACTERS = re.compile(r"([\d,]+) characters or more")
_LARGE = re.compile(r"(\d{1,3}(?:,\d{3}){2,}) or more")


def _more_than(found: re.Match[str]) -> str:
    return f"> {int(found[1].replace(',', '')) - 1:,} characters"


def _more_digits(found: re.Match[str]) -> str:
    return f"> {len(found[1].replace(',', '')) - 1} digits"


_WARNING_WORDS = {
    "TYPE_MISMATCH": "types differ",
    "NOT_A_CHOICE": "text into a picklist",
    "COMPOUND_SHELL": "map its parts",
    "ARCHIVED": "archived",
    "LOOKUP_NEEDED": "needs ID lookup",
    "VALUE_MAP_NEEDED": "map the values",
    "MULTI_TO_SINGLE": "several into one",
    "LENGTH_SHORTER": "may be cut",
    "PRECISION_LOST": "drops decimals",
    "NUMBER_TOO_LARGE": "may be too large",
    "TIME_LOST": "drops the time of day",
    "FORMAT_LOST": "drops formatting",
    "REQUIRED_MAY_BE_EMPTY": "may be empty",
    "MUST_BE_UNIQUE": "may repeat",
    "ANOTHER_THING": "different meaning",
    "RULE": "rule checks it",
}


def access_text(field: Field, *, partner: bool = False) -> str:
    """Return whether a field can be read and written.

    A PartnerOS field (`partner`) can be written unless its source denies it.
    """
    if field.calculated or (field.createable is False and field.updateable is False):
        return "read-only"
    if field.createable is None and field.updateable is None and not partner:
        return "unknown"
    if field.updateable is False:
        return "read, set once"
    return "read/write" if field.createable is not False else "read, update"


def yes_no(value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "no"


def choice_text(choice: Choice) -> str:
    """Return the line for a choice to confirm: `accountName → Account_Name__c`."""
    match choice.state:
        case DecisionState.ACCEPTED:
            arrow = (choice.direction or Direction.BIDIRECTIONAL).arrow
            mapped = f", {count(len(choice.value_map), 'value')}" if choice.value_map else ""
            return f"{choice.partner_field} {arrow} {choice.crm_field}{mapped}"
        case DecisionState.REJECTED:
            what = f"reject {choice.crm_field}" if choice.crm_field else "unmapped"
        case DecisionState.PENDING:
            what = "undecided"
    return f"{choice.partner_field}: {what}"


def filled_text(mark: Decision) -> str:
    """Return the words for a filled CRM field: `filled with Prospecting`."""
    return f"filled with {mark.filled_with}" if mark.filled_with else FILLED_ELSEWHERE


def decision_text(decision: Decision) -> str:
    """Return the words for a decision: `accepted → Account_Name__c`."""
    if decision.undoes is not None:
        return "undid" + (f" {decision.crm_field}" if decision.crm_field else "")
    if decision.state is DecisionState.PENDING:
        return "cleared"
    if not decision.partner_field:
        return filled_text(decision)
    if decision.crm_field is None:
        return "unmapped"
    arrow = f" {decision.direction.arrow}" if decision.state is DecisionState.ACCEPTED else ""
    mapped = f", {count(len(decision.value_map), 'value')}" if decision.value_map else ""
    return f"{decision.state.value}{arrow} {decision.crm_field}{mapped}"
