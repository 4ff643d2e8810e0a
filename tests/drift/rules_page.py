"""Write `docs/drift.md` from the rules: `python -m tests.drift.rules_page`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from crmdeck.drift.change_group_rules import load_change_group_rules
from crmdeck.drift.severity_rules import AttributeRule, Rated, load_severity_rules
from crmdeck.model import Severity

PAGE = Path(__file__).parents[2] / "docs" / "drift.md"

INTRO = """\
# Changes: what is open, and how severe

This page is for admins who review drift or set up a gate. It explains when a change needs \
attention, and how crmdeck decides its severity.

```sh
crmdeck drift --demo
```

![The change that broke a mapping](../screenshots/broken-mapping.svg)

## What is open

A **change** is one difference between two refreshes. A **change group** is several changes with \
one cause, or a single change. Everything counts in groups.

- **open**: breaking or risky, and not settled. A group is open while one of its changes is open. \
The count of open groups is the same everywhere (`openChanges` in JSON).
- **acknowledged**: a user settled the change, with `a` in Drift or \
`crmdeck drift --acknowledge ID`.
- **resolved**: the CRM changed it back. The change that restores the old value is resolved too, \
unless someone acknowledged the first change or accepted a mapping that the second one touches. \
A removed field is resolved when it exists again with the same definition, apart from labels.
- **repaired**: every mapping that the change broke was accepted again or rejected since.
- **excused**: a rule of level `ignore` or `report` of the \
[policy](check.md#excuse-known-problems) excuses the change until the rule expires.
- **unseen**: only a mark, for rows that you have not looked at yet.

[Dismissing an alert](health.md) leaves its changes open.

## Severity

A **breaking** change stops a mapping or a write from working. A **risky** change may. The rest is \
**safe**. Severity depends on whether the field is mapped, and whether PartnerOS pulls from it or \
pushes to it: "risky, pushed breaking" means breaking for a pushed field, otherwise risky. For \
both directions the worse one counts. The lists leave out changes that are always safe, such as \
new objects, labels and wider permissions.

An attribute that the source doesn't specify is unknown, and unknown is never a change. The \
refresh lists the attributes that it could not compare.

A removed and an added field of one object that look alike are a probable rename. Two \
custom objects are a probable rename if they share most of their fields, or the same words and \
some fields.
"""


def page() -> str:
    table = load_severity_rules()
    special = table.special
    kinds = [(kind.value.replace("_", " "), rated) for kind, rated in table.kinds.items()]
    kinds.insert(1, ("field added, required", special.required_added))
    rules = [
        (f"`{kind.value}`", rated._replace(reason=rated.reason.replace("{message}", "")))
        for kind, rated in table.rules.items()
    ]
    rules.append(("automation removed", special.automation_removed))
    stories = "".join(
        f"- `{rule.kind}`: {rule.describes.format_map(rule.least)}"
        f"{' Safe.' if rule.follows else ''}\n"
        for rule, _ in load_change_group_rules()
    )
    return "".join(
        [
            INTRO,
            "\n## Added and removed\n\n",
            _list(kinds),
            "\n## Attributes of a field\n\nThe first row of an attribute that applies wins.\n\n",
            _list(_attributes(table.field)),
            "\n## Attributes of an object\n\n",
            _list(_attributes(table.object)),
            "\n## Rules that reject writes\n\nFor a new or changed rule. If the fields of a rule "
            "are unknown, it touches every mapping of its object.\n\n",
            _list(rules),
            "\n## Change groups\n\nChanges with one cause share a row, and none is dropped. A "
            "change that touches a mapping, and a change of a rule, has its own row. The first "
            "matching kind wins. A group has the severity of its worst change, unless it is marked "
            "as safe: side effects of other changes.\n\n",
            stories,
        ]
    )


def _attributes(table: Mapping[str, Iterable[AttributeRule]]) -> list[tuple[str, Rated]]:
    return [(f"`{name}`", rule.rated) for name, rules in table.items() for rule in rules]


def _list(rows: Iterable[tuple[str, Rated]]) -> str:
    return "".join(
        f"- {name} ({_severity(rated.scale)}): {rated.reason}\n"
        for name, rated in rows
        if set(rated.scale) != {Severity.SAFE}
    )


def _severity(scale: Sequence[Severity]) -> str:
    """Return the severity of an unmapped field, and that of a mapped one if it differs."""
    unmapped, pulled, pushed = scale
    if pulled == pushed:
        return f"{unmapped}, mapped {pulled}" if pulled != unmapped else f"{unmapped}"
    uses = (("pulled", pulled), ("pushed", pushed))
    return f"{unmapped}" + "".join(f", {use} {level}" for use, level in uses if level != unmapped)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
