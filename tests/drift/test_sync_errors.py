"""Which change caused a sync's error, and which one ended the cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmdeck.drift.sync_errors import Suspect, find_change, find_repair, judge_today
from crmdeck.model import (
    AttributeChange,
    CauseKind,
    DriftEvent,
    DriftKind,
    Field,
    ObjectSchema,
    PicklistValue,
    Rule,
    RuleKind,
    Severity,
)

START = datetime(2026, 11, 1, tzinfo=UTC)
NOW = START + timedelta(days=60)


def event(day: int, attribute: str, before: Any, after: Any, **more: Any) -> DriftEvent:
    about = {"kind": DriftKind.FIELD_CHANGED, "field_name": "Amount"} | more
    return DriftEvent(
        id=str(day),
        connection_id="c",
        object_type="Opportunity",
        severity=Severity.BREAKING,
        changes=(AttributeChange(attribute=attribute, before=before, after=after),),
        detected_at=START + timedelta(days=day),
        **about,
    )


def values(*names: str) -> list[dict[str, object]]:
    return [{"value": name, "label": name, "active": True} for name in names]


RULE = {"kind": DriftKind.RULE_CHANGED, "field_name": None, "rule": "Big"}
CASES = [
    (CauseKind.REQUIRED, "", event(1, "required", False, True), event(5, "required", True, False)),
    (CauseKind.TOO_LONG, "x", event(1, "length", 255, 80), event(5, "length", 80, 255)),
    (CauseKind.RANGE, "9", event(1, "precision", 18, 3), event(5, "precision", 3, 18)),
    (CauseKind.READ_ONLY, "", event(1, "updateable", True, False),
     event(5, "updateable", False, True)),
    (CauseKind.CHOICE, "Gold", event(1, "picklist", values("Gold"), []),
     event(5, "picklist", [], values("Gold"))),
    (CauseKind.RULE, "No.", event(1, "expression", "a", "b", **RULE),
     event(5, "active", True, False, **RULE)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "cause", "repair"), CASES)
def test_cause_and_repair_differ(
    kind: CauseKind, value: str, cause: DriftEvent, repair: DriftEvent
) -> None:
    rule = "Big" if kind is CauseKind.RULE else ""
    suspect = Suspect(kind, "Opportunity", "Amount", rule, value)
    noise = event(6, "label", "a", "b"), event(7, "required", False, True, field_name="Other")
    newest_first = [*noise, repair, cause]
    assert find_change(suspect, newest_first, NOW) == cause
    assert find_repair(suspect, newest_first, cause) == repair
    # An error from before the cause has another one, and the cause is no repair of it.
    assert find_change(suspect, newest_first, START) is None
    assert find_repair(suspect, [*noise, cause], None) is None


def test_other_values_and_fields_are_not_a_cause() -> None:
    suspect = Suspect(CauseKind.CHOICE, "Opportunity", "Amount", "", "Gold")
    silver = event(1, "picklist", values("Silver"), [])
    longer = event(1, "length", 80, 255)
    assert find_change(suspect, [silver], NOW) is None
    assert find_change(suspect._replace(kind=CauseKind.TOO_LONG), [longer], NOW) is None
    removed = event(1, "x", 1, 2, kind=DriftKind.FIELD_REMOVED)
    gone = suspect._replace(kind=CauseKind.FIELD_MISSING)
    assert find_change(gone, [removed], NOW) == removed
    assert find_change(gone._replace(field="Other"), [removed], NOW) is None


def test_today_is_judged_only_with_a_time_zone() -> None:
    schema = ObjectSchema(
        object_type="Opportunity",
        fields=(
            Field(name="Amount", length=5, required=True, restricted=True,
                  picklist=(PicklistValue(value="Gold"),)),
        ),
        rules=(Rule(name="Big", kind=RuleKind.VALIDATION, message="Too big.", field="Amount"),),
    )  # fmt: skip

    def judged(kind: CauseKind, value: str = "", field: str = "Amount") -> bool | None:
        suspect = Suspect(kind, "Opportunity", field, "", value)
        return judge_today(suspect.with_rule(schema), schema).rejects

    assert judged(CauseKind.TOO_LONG, "123456") is True
    assert judged(CauseKind.TOO_LONG, "12345") is False
    assert judged(CauseKind.TOO_LONG) is None
    assert judged(CauseKind.CHOICE, "Silver") is True
    assert judged(CauseKind.CHOICE, "Gold") is False
    assert judged(CauseKind.REQUIRED) is True
    assert judged(CauseKind.RULE, "too  big") is True
    assert judged(CauseKind.RULE, "Another message") is None
    assert judged(CauseKind.FIELD_MISSING, field="Gone") is True
    # The sync user may lack what crmdeck's own user sees.
    assert judged(CauseKind.FIELD_MISSING) is None
    assert judged(CauseKind.READ_ONLY) is None
