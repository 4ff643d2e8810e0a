"""Write `docs/severities.md` from the rules: `python -m tests.drift.rules_page`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from crmdeck.drift.change_group_rules import load_change_group_rules
from crmdeck.drift.severity_rules import AttributeRule, Rated, load_severity_rules
from crmdeck.model import Severity

PAGE = Path(__file__).parents[2] / "docs" / "severities.md"

INTRO = """\
# Severity rules

Look up how severe a change is: for a field that is not mapped, for one that PartnerOS pulls from \
the CRM, and for one that it pushes to the CRM. For a field that syncs both ways, the worse one \
applies. To go through the changes of your CRMs, see [Review drift](drift.md).

The first row of an attribute that applies wins. The table leaves out changes that are always \
safe, such as new objects, labels and wider permissions. If the source doesn't specify an \
attribute, its value is unknown, and crmdeck never reports an unknown value as a change. The \
refresh lists the attributes that it could not compare.

| attribute | change | not mapped | pulled | pushed |
|---|---|---|---|---|
"""

GROUPS = """
## Change groups

Changes with one cause share a row, and the group keeps each of them. A change that touches a \
mapping has its own row, and so has a change of a rule. The first kind that matches wins. A group \
has the severity of its worst change, unless its kind is safe: side effects of other changes.

| kind | changes in the group | severity |
|---|---|---|
"""


def page() -> str:
    table = load_severity_rules()
    special = table.special
    kinds = [(kind.value.replace("_", " "), rated) for kind, rated in table.kinds.items()]
    kinds.insert(1, ("field added, required", special.required_added))
    rules = [
        (f"rule: `{kind.value}`", rated._replace(reason=rated.reason.replace("{message}", "")))
        for kind, rated in table.rules.items()
    ]
    rules.append(("rule: `automation` removed", special.automation_removed))
    rows = [*kinds, *_attributes("", table.field), *_attributes("object: ", table.object), *rules]
    groups = "".join(
        f"| `{rule.kind}` | {rule.describes.format_map(rule.least)} "
        f"| {'safe' if rule.follows else 'of its worst change'} |\n"
        for rule, _ in load_change_group_rules()
    )
    return INTRO + "".join(map(_row, _not_safe(rows))) + GROUPS + groups


def _attributes(
    owner: str, table: Mapping[str, Iterable[AttributeRule]]
) -> list[tuple[str, Rated]]:
    return [(f"{owner}`{name}`", rule.rated) for name, rules in table.items() for rule in rules]


def _not_safe(rows: Iterable[tuple[str, Rated]]) -> list[tuple[str, Rated]]:
    return [row for row in rows if set(row[1].scale) != {Severity.SAFE}]


def _row(row: tuple[str, Rated]) -> str:
    name, rated = row
    return f"| {name} | {rated.reason} | {' | '.join(map(str, rated.scale))} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
